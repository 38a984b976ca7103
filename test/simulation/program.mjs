// make simulate SEEDS=1000 [FROM=1]: runs seeds. SEED=7 make simulate: shows what happens with one, step by step.
import { availableParallelism } from 'node:os';
import { runSeeds, summaryOf } from './run-seeds.mjs';

const whole = (name, usual) => {
  const text = process.env[name] || String(usual);
  if (/^\d{1,9}$/.test(text)) return Number(text);
  console.error(
    `${name} is no seed or number of seeds: found ${JSON.stringify(text)}, wanted a whole number such as ${usual}`,
  );
  process.exit(2);
};

const begun = performance.now();
if (process.env.SEED) {
  const [outcome] = await runSeeds([whole('SEED', 1)], { log: true, minimise: true });
  console.log(outcome.log.join('\n'));
  tell(outcome);
  process.exitCode = outcome.problems.length > 0 ? 1 : 0;
} else {
  const from = whole('FROM', 1);
  const seeds = Array.from({ length: whole('SEEDS', 300) }, (_, index) => from + index);
  let done = 0;
  const onOutcome = (outcome) => {
    done += 1;
    if (outcome.problems.length > 0) tell(outcome);
    if (process.stderr.isTTY && done % 10 === 0) process.stderr.write(`\r${done} of ${seeds.length} seeds`);
  };
  const outcomes = await runSeeds(seeds, { workers: availableParallelism(), minimise: true, onOutcome });
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  console.log(summaryOf(outcomes, (performance.now() - begun) / 1000).join('\n'));
  process.exitCode = outcomes.some(({ problems }) => problems.length > 0) ? 1 : 0;
}

function tell({ seed, problems, smallest }) {
  if (problems.length === 0) return;
  console.log(`seed ${seed}:`);
  for (const problem of problems) console.log(`  ${problem}`);
  if (!smallest) return;
  console.log(`  smallest script, after ${JSON.stringify(smallest.past)} with ${JSON.stringify(smallest.settings)}:`);
  for (const step of smallest.steps) console.log(`    ${JSON.stringify(step)}`);
  console.log(`  step through it: SEED=${seed} make simulate`);
}
