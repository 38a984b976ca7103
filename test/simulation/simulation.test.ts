import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import type { Answer } from './main.ts';
import regressions from './regressions.json';
import { runSeeds, summaryOf } from './run-seeds.mjs';

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);

test('forty drawn histories of faults, kills and owners end as the vendor and the owner said', async () => {
  const begun = performance.now();
  const outcomes = await runSeeds(SEEDS, { workers: availableParallelism() });
  console.log(summaryOf(outcomes, (performance.now() - begun) / 1000)[0]);
  expect(wrong(outcomes)).toEqual([]);
});

test('every seed that once showed a defect passes', async () => {
  const outcomes = await runSeeds(regressions.map(({ seed }) => seed));
  expect(wrong(outcomes)).toEqual([]);
});

test('one seed has one history, to the byte of its log, whichever came before it', async () => {
  const [alone, after] = await Promise.all([[5], [4, 5]].map((seeds) => runSeeds(seeds, { workers: 1, log: true })));
  expect(alone![0]!.log!.length).toBeGreaterThan(1000);
  expect(after![1]!.log).toEqual(alone![0]!.log);
});

function wrong(outcomes: readonly Answer[]): string[] {
  return outcomes
    .filter(({ problems }) => problems.length > 0)
    .map(({ seed, problems }) => `seed ${seed}: ${problems[0]}`);
}
