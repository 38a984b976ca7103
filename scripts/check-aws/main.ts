import { errorName } from '../../src/errors.ts';
import { programs } from '../deploy/tools.ts';
import { checkAws } from './check-aws.ts';

/** `ROOT CASES STAGE`, as scripts/check-aws.mjs calls it. */
const [root = '.', cases = '', stage = ''] = process.argv.slice(2);
try {
  const right = await checkAws({ root, stage: stage || 'dev', tools: programs, cases });
  process.exitCode = right ? 0 : 1;
} catch (error) {
  const name = errorName(error);
  const rights = /AccessDenied|UnauthorizedOperation/.test(name);
  const todo = rights ? '\nmake check-aws needs the rights of terraform/deployer-policy.json.' : '';
  process.stderr.write(`\n${name}: ${(error as Error).message}${todo}\n`);
  process.exitCode = name === 'Usage.Invalid' ? 2 : 1;
}
