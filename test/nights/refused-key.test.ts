import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { logLines, MORNING, openScene, SESSION } from './scene.ts';

const ofRoute = (asked: string[], start: string) => asked.filter((path) => path.startsWith(start)).length;
const statuses = (datasets: { name: string; status: string }[]) =>
  Object.fromEntries(datasets.map(({ name, status }) => [name, status]));
const old = () => new Date(Date.now() - 24 * 3_600_000).toISOString();

test('a refused Polygon key stops that vendor at once; a refused Alpaca key costs its dataset only', async () => {
  const scene = await openScene({ misbehave: ['unauthorized@polygon'] });
  const { lake, runs, warehouse } = scene.laptop.stores;
  const polygon = await scene.run(MORNING);
  expect(polygon.outcome.status).toBe('Failed');
  expect(polygon.exitCode).toBe(1);
  expect(polygon.execution).toMatchObject({ status: 'FAILED', error: 'Night.Failed' });
  expect(polygon.execution.cause).toContain('POLYGON_API_KEY was refused');
  expect(ofRoute(polygon.asked, '/v3/reference/tickers')).toBe(1);
  // Prices make their own attempt, one in each of their two places; the rest of the vendor's lists is not asked for.
  expect([1, 2]).toContain(ofRoute(polygon.asked, '/v2/aggs/grouped'));
  expect(ofRoute(polygon.asked, '/stocks/v1/splits')).toBe(0);
  expect(ofRoute(polygon.asked, '/v2/assets')).toBe(1);
  expect(statuses(polygon.outcome.datasets)).toMatchObject({
    tickers: 'failed',
    splits: 'skipped',
    assets: 'success',
    // Found in the list of assets, because there is none of tickers.
    index_members: 'success',
    prices: 'failed',
  });
  expect(polygon.outcome.reasons.join('\n')).toMatch(
    /sync-splits: its vendor is not asked again.*POLYGON_API_KEY was refused/,
  );
  expect(polygon.outcome.reasons.join('\n')).toContain('POLYGON_API_KEY was refused');
  expect(await lake.read(keys.session(SESSION))).toBeUndefined();
  const [notified, ...more] = logLines(scene.home, 'notifications.jsonl');
  expect(more).toEqual([]);
  expect(notified).toMatchObject({ subject: `afterbell Failed: session ${SESSION}` });
  expect(String(notified?.message)).toContain('POLYGON_API_KEY was refused');
  expect(String(notified?.message)).toMatch(/Done all the same: assets, index_members/);
  expect(logLines(scene.home, 'events.jsonl')).toEqual([]);

  scene.market.misbehave(['unauthorized@alpaca']);
  await runs.saveLastSync('assets', { ...(await runs.lastSync('assets'))!, lastSyncTimestamp: old() });
  const alpaca = await scene.run(MORNING);
  expect(alpaca.outcome.status).toBe('Partial');
  expect(alpaca.exitCode).toBe(3);
  expect(alpaca.execution.status).toBe('SUCCEEDED');
  expect(ofRoute(alpaca.asked, '/v2/assets')).toBe(1);
  expect(statuses(alpaca.outcome.datasets)).toMatchObject({ tickers: 'success', assets: 'failed', prices: 'success' });
  expect(alpaca.outcome.reasons.join('\n')).toContain('ALPACA_API_KEY_ID');
  expect(await lake.read(keys.session(SESSION))).toBeDefined();
  expect(logLines(scene.home, 'events.jsonl')).toMatchObject([
    { detail: { status: 'Partial', runId: alpaca.runId }, matchedRules: ['night-completed'] },
  ]);
  const rows = await warehouse.query(
    `SELECT task_name, status, error_message FROM sync_logs WHERE metadata ->> 'run_id' = '${alpaca.runId}' AND status NOT IN ('success', 'skipped')`,
  );
  expect(rows).toMatchObject([{ task_name: 'sync-assets', status: 'failed' }]);
  expect(String(rows[0]!.error_message)).toContain('Vendor.AuthFailed');
});

test('without an Alpaca key the asset list is skipped and said, and the night is good', async () => {
  const scene = await openScene({ env: { ALPACA_API_KEY_ID: undefined, ALPACA_API_SECRET_KEY: undefined } });
  const { outcome, exitCode, asked } = await scene.run(MORNING);
  expect(outcome.status).toBe('Succeeded');
  expect(exitCode).toBe(0);
  expect(ofRoute(asked, '/v2/assets')).toBe(0);
  expect(statuses(outcome.datasets)).toMatchObject({ tickers: 'success', assets: 'skipped', prices: 'success' });
  expect(outcome.reasons).toContain('sync-assets: ALPACA_API_KEY_ID and ALPACA_API_SECRET_KEY are not set');
});
