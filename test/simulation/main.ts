import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ENVIRONMENT } from './cloud.ts';
import { minimise } from './minimise.ts';
import { openProgram } from './process.ts';
import { drawScript, type Script } from './script.ts';
import { type Outcome, simulate } from './simulate.ts';
import { openWarehouse } from './stores.ts';

/** What the runner asks of this process: one seed, or the end of its input. */
export interface Asked {
  seed: number;
  /** With the whole log. */
  log?: boolean;
  /** Whether a failure is made as small as can be. */
  minimise?: boolean;
}

export type Answer = Omit<Outcome, 'log'> & {
  log?: string[];
  /** Of the log. */
  digest: string;
  smallest?: Script;
  cpuSeconds: number;
};

const [subject = '', cluster = ''] = process.argv.slice(2);
const program = openProgram(JSON.parse(readFileSync(subject, 'utf8')), ENVIRONMENT);
const warehouse = await openWarehouse(cluster);

async function answer({ seed, log, minimise: small }: Asked): Promise<Answer> {
  const run = (script: Script) => simulate(script, { program, warehouse });
  const script = drawScript(seed);
  const before = process.cpuUsage();
  const outcome = await run(script);
  const { user, system } = process.cpuUsage(before);
  const [problem] = outcome.problems;
  const smallest = problem && small && (await minimise(script, problem, async (one) => (await run(one)).problems[0]));
  const { log: lines, ...rest } = outcome;
  const cpuSeconds = (user + system) / 1e6;
  const digest = createHash('sha256').update(lines.join('\n')).digest('hex');
  return { ...rest, digest, cpuSeconds, ...(log && { log: lines }), ...(smallest && { smallest }) };
}

// One after the other, in the order they are asked for: a thread has one world at a time.
let last: Promise<unknown> = Promise.resolve();
process.on('message', (asked: Asked) => {
  last = last.then(async () => process.send!(await answer(asked)));
});
// What lies in memory goes with it.
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
process.send!('ready');
