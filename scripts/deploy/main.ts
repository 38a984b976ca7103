import { fileURLToPath } from 'node:url';
import { errorName, NamedError } from '../../src/errors.ts';
import { deploy, destroy, images } from './deploy.ts';
import { readPractice } from './practice.ts';
import { programs } from './tools.ts';

const VERBS = { deploy, images, destroy };

/** `deploy|images|destroy STAGE [--yes] [--practice=1]`, as the Makefile calls it. */
const [verb = '', stage, ...flags] = process.argv.slice(2);
try {
  const work = VERBS[verb as keyof typeof VERBS];
  if (!work)
    throw new NamedError('Usage.Invalid', {
      what: `${verb || 'nothing'} is asked for`,
      wanted: Object.keys(VERBS).join(', '),
    });
  // The bundle lies two folders below the root.
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const given = flags.find((flag) => flag.startsWith('--practice='))?.slice('--practice='.length);
  const practice = readPractice(given);
  await work(stage || undefined, { root, tools: programs, yes: flags.includes('--yes'), practice });
} catch (error) {
  process.stderr.write(`\n${errorName(error)}: ${(error as Error).message}\n`);
  process.exitCode = errorName(error) === 'Usage.Invalid' ? 2 : 1;
}
