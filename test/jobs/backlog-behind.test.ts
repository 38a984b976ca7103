import { describe, expect, it } from 'vitest';
import { jobsAreBehind } from '../../src/jobs/backlog.ts';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { resample } from '../../src/jobs/resample/resample.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { bar, publish } from '../lake/published.ts';

const [FIRST, SECOND] = ['2025-11-17', '2025-11-18'] as const;

const merge = (lake: MemoryLake) => consolidate(lake, { mode: 'incremental', maxWorkers: 2, runId: 'test' });
const bars = (lake: MemoryLake, intervals: number[]) =>
  resample(lake, { mode: 'incremental', intervals, runId: 'test', memoryLimitMb: 200 });

async function settled(): Promise<MemoryLake> {
  const lake = new MemoryLake();
  await publish(lake, FIRST, [bar('AAPL', FIRST)]);
  await merge(lake);
  await bars(lake, [3, 5]);
  return lake;
}

describe('jobs', () => {
  it('are not behind in an empty lake, nor when both have seen every session', async () => {
    expect(await jobsAreBehind(new MemoryLake(), [3, 5])).toBe(false);
    expect(await jobsAreBehind(await settled(), [3, 5])).toBe(false);
  });

  it('are behind a new session until both have seen it', async () => {
    const lake = await settled();
    await publish(lake, SECOND, [bar('AAPL', SECOND)]);
    expect(await jobsAreBehind(lake, [3, 5])).toBe(true);
    await merge(lake);
    expect(await jobsAreBehind(lake, [3, 5])).toBe(true);
    await bars(lake, [3]);
    expect(await jobsAreBehind(lake, [3, 5])).toBe(true);
    await bars(lake, [5]);
    expect(await jobsAreBehind(lake, [3, 5])).toBe(false);
  });

  it('are behind a corrected session, not behind one that was written again as it was', async () => {
    const lake = await settled();
    await publish(lake, FIRST, [bar('AAPL', FIRST)]);
    expect(await jobsAreBehind(lake, [3, 5])).toBe(false);
    await publish(lake, FIRST, [bar('AAPL', FIRST, 1)]);
    expect(await jobsAreBehind(lake, [3, 5])).toBe(true);
  });
});
