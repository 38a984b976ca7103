import { expect, test } from 'vitest';
import { logLines, openScene } from './scene.ts';

const BEFORE = '2025-11-26';
const THANKSGIVING = { scheduledTime: '2025-11-27T09:00:00Z' };

test('a holiday skips prices by its name, and reference lists run only when they are old', async () => {
  const scene = await openScene();
  const { runs } = scene.laptop.stores;
  const done = await scene.run({ session: BEFORE }, { session: BEFORE });
  expect(done.outcome.status).toBe('Succeeded');

  const fresh = await scene.run(THANKSGIVING, { session: BEFORE });
  expect(fresh.outcome).toMatchObject({ status: 'Skipped', session: BEFORE });
  expect(fresh.exitCode).toBe(0);
  expect(fresh.asked).toEqual([]);
  expect(fresh.outcome.reasons[0]).toMatch(
    /^prices: session 2025-11-26 is already done; 2025-11-27 is no session \(.*Thanksgiving.*\)$/,
  );

  const last = (await runs.lastSync('tickers'))!;
  const old = new Date(Date.now() - 21 * 3_600_000).toISOString();
  await runs.saveLastSync('tickers', { ...last, lastSyncTimestamp: old });
  const due = await scene.run(THANKSGIVING, { session: BEFORE });
  expect(due.outcome.status).toBe('Succeeded');
  expect(due.asked.length).toBeGreaterThan(0);
  expect(due.asked.filter((path) => !path.startsWith('/v3/reference/tickers'))).toEqual([]);
  const [tickers, ...others] = due.outcome.datasets;
  expect(tickers).toMatchObject({ name: 'tickers', status: 'success', new: 0, changed: 0 });
  expect(others.map(({ name, status }) => [name, status])).toEqual([
    ['splits', 'skipped'],
    ['dividends', 'skipped'],
    ['assets', 'skipped'],
    ['index_members', 'skipped'],
    ['metadata', 'skipped'],
    ['valuations', 'skipped'],
    ['prices', 'skipped'],
  ]);
  expect(others.at(-1)!.reasons[0]).toMatch(/Thanksgiving/);
  expect((await runs.lastSync('tickers'))!.lastSyncTimestamp > old).toBe(true);
  expect(await runs.sessionState(BEFORE)).toMatchObject({ pricesDone: true });
  expect(logLines(scene.home, 'notifications.jsonl')).toEqual([]);

  const afterwards = await scene.run(THANKSGIVING, { session: BEFORE });
  expect(afterwards.outcome.status).toBe('Skipped');
});
