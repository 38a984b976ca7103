import { availableParallelism } from 'node:os';
import { expect, test } from 'vitest';
import type { Answer } from './main.ts';
import regressions from './regressions.json';
import { runSeeds, summaryOf } from './run-seeds.mjs';

const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1);
/** Run a second time, after other seeds: with a lake in S3, and on a disk. */
const AGAIN = [5, 25];

// One run for all tests: a process that has begun has learned the code, which takes it as long as several histories.
const running = run();

async function run() {
  const begun = performance.now();
  const others = regressions.map(({ seed }) => seed).filter((seed) => !SEEDS.includes(seed));
  const outcomes = await runSeeds([...SEEDS, ...others, ...AGAIN], { workers: availableParallelism() });
  console.log(summaryOf(outcomes, (performance.now() - begun) / 1000)[0]);
  return { ofSeeds: (seeds: readonly number[]) => outcomes.filter(({ seed }) => seeds.includes(seed)) };
}

test('drawn histories of faults, kills and owners end as the vendor and the owner said', async () => {
  const { ofSeeds } = await running;
  expect(ofSeeds(SEEDS)).toHaveLength(SEEDS.length + AGAIN.length);
  expect(wrong(ofSeeds(SEEDS))).toEqual([]);
});

test('every seed that once showed a defect passes', async () => {
  const { ofSeeds } = await running;
  expect(wrong(ofSeeds(regressions.map(({ seed }) => seed)))).toEqual([]);
});

test('one seed has one history, to the byte of its log, whichever came before it', async () => {
  const { ofSeeds } = await running;
  for (const seed of AGAIN) {
    const [first, second] = ofSeeds([seed]);
    expect(first!.effects).toBeGreaterThan(500);
    expect(second!.digest).toBe(first!.digest);
  }
});

function wrong(outcomes: readonly Answer[]): string[] {
  return outcomes
    .filter(({ problems }) => problems.length > 0)
    .map(({ seed, problems }) => `seed ${seed}: ${problems[0]}`);
}
