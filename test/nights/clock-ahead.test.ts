import { expect, test } from 'vitest';
import { keys, type Lake } from '../../src/lake/lake.ts';
import {
  decodeBars,
  encodeBars,
  publishedSessions,
  readIngest,
  recordSession,
  storedBars,
} from '../../src/lake/session-files.ts';
import type { Bar } from '../../src/records/bar.ts';
import { afterbell } from './command.ts';
import { HELD, MORNING, openScene } from './scene.ts';

const NEXT_MORNING = '2025-11-21T09:00:00Z';
const AHEAD = '2031-01-01T09:00:00.000Z';

/** The sessions as a run would have left them whose clock was years ahead. */
async function publishAhead(lake: Lake): Promise<void> {
  for (const { date } of await publishedSessions(lake)) {
    const bars = (await storedBars(lake, date)).map((bar) => ({ ...bar, ingestedAt: AHEAD }));
    const bytes = encodeBars(bars);
    const before = (await readIngest(lake, date))!;
    await lake.write(keys.session(date), bytes);
    await recordSession(lake, date, { bars, bytes }, { ...before, ingestedAt: AHEAD }, before);
  }
}

test('a correction reaches histories and N-session bars although a clock was ahead when the session was first published', async () => {
  const scene = await openScene();
  const { lake } = scene.laptop.stores;
  await publishAhead(lake);
  await scene.run(MORNING);
  scene.market.misbehave(['late-correction']);
  const corrected = await scene.run({ scheduledTime: NEXT_MORNING });
  expect(corrected.outcome.datasets.find(({ name }) => name === 'prices')!.revised).toBeGreaterThan(0);
  await scene.close();
  const verified = await afterbell(['verify'], { AFTERBELL_HOME: scene.home });
  expect(verified.code, verified.stdout).toBe(0);
});

test('a history with a row of ours that is newer than its session file is named by verify and put right by its repair', async () => {
  const scene = await openScene();
  const { lake } = scene.laptop.stores;
  await scene.run(MORNING);
  const key = keys.symbol('AAPL');
  const bars = await decodeBars((await lake.read(key))!, key);
  const isLast = ({ date }: Bar) => date === HELD.last;
  const wrong = bars.map((bar) => (isLast(bar) ? { ...bar, close: bar.open, ingestedAt: AHEAD } : bar));
  await lake.write(key, encodeBars(wrong));
  await scene.close();
  const env = { AFTERBELL_HOME: scene.home };
  const unclean = await afterbell(['verify'], env);
  expect([unclean.code, unclean.stdout]).toEqual([1, expect.stringContaining('1 session rows are not in the history')]);
  const repaired = await afterbell(['verify', '--repair'], env);
  expect(repaired.code, repaired.stdout).toBe(0);
});
