import { readFileSync } from 'node:fs';
import { ENVIRONMENT } from './cloud.ts';
import { openProgram } from './process.ts';
import { drawScript } from './script.ts';
import { simulate } from './simulate.ts';
import { openWarehouse } from './stores.ts';

const [subject = '', from = '1', to = from, verbose = ''] = process.argv.slice(2);
const means = {
  program: openProgram(JSON.parse(readFileSync(subject, 'utf8')), ENVIRONMENT),
  warehouse: await openWarehouse(),
};
const total: Record<string, number> = {};
let executions = 0;
const begun = performance.now();
for (let seed = Number(from); seed <= Number(to); seed += 1) {
  const outcome = await simulate(drawScript(seed), means);
  executions += outcome.executions;
  for (const [how, count] of Object.entries(outcome.faults)) total[how] = (total[how] ?? 0) + count;
  if (verbose) console.log(outcome.log.filter((line) => verbose === 'all' || !line.startsWith('  ')).join('\n'));
  if (outcome.problems.length > 0) console.log(`seed ${seed}: ${outcome.problems.join('\n  ')}`);
}
const { user, system } = process.cpuUsage();
console.log(
  `${executions} executions in ${((performance.now() - begun) / 1000).toFixed(1)} s, ${((user + system) / 1e6).toFixed(1)} CPU-s`,
  JSON.stringify(total),
);
process.exit(0);
