import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { statement } from '../../src/text.ts';
import { migrate } from '../../src/warehouse/client.ts';
import sql from '../../src/warehouse/ledger.sql';
import { type LocalWarehouse, openLocalWarehouse } from './local-warehouse.ts';

const failedTasksSql = statement(sql, 'failed-tasks');
const goodTasksSql = statement(sql, 'good-tasks');
const recentSessionsSql = statement(sql, 'recent-sessions');
const recentTasksSql = statement(sql, 'recent-tasks');

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await migrate(warehouse);
  const rows: [task: string, status: string, hoursAgo: number, error: string | null][] = [
    ['prices', 'success', 1, null],
    ['prices', 'failed', 25, 'Vendor.NotYetAvailable: not yet'],
    ['prices', 'success', 50, null],
    ['sync-tickers', 'failed', 2, 'Vendor.AuthFailed: refused'],
    ['sync-tickers', 'success', 26, null],
    ['sync-assets', 'skipped', 3, 'no key'],
    ['sync-splits', 'skipped', 6, 'complete since 2025-11-18T09:00:00Z, not older than 20 h'],
    ['consolidate', 'partial', 4, 'Lake.Corrupt: symbol=TRUE/data.parquet is damaged'],
    ['resample', 'failed', 24 * 8, 'Job.Failed: out of memory'],
    ['resample', 'success', 5, null],
    ...Array.from(
      { length: 6 },
      (_, day) => ['sync-splits', 'success', 30 + day, null] as [string, string, number, null],
    ),
  ];
  for (const [task, status, hours, error] of rows) {
    const metadata = JSON.stringify({
      session: hours < 24 ? '2025-11-19' : '2025-11-18',
      ...(status === 'partial' && { failed: [{ symbol: 'TRUE', reason: 'Lake.Corrupt: damaged' }] }),
    });
    await warehouse.query(
      `INSERT INTO sync_logs (task_name, status, rows_updated, error_message, completed_at, duration_seconds, metadata)
       VALUES (:task, :status, 7, :error, CURRENT_TIMESTAMP - make_interval(hours => :hours::int), 1.5, :metadata::jsonb)`,
      { task, status, error, hours, metadata },
    );
  }
});
afterAll(() => warehouse.close());

describe("the original daily sync's questions, word for word", () => {
  test('the latest status of each task', async () => {
    const rows = await warehouse.query(`SELECT DISTINCT ON (task_name)
  task_name, status, rows_updated, error_message, completed_at::text AS completed_at, duration_seconds
FROM sync_logs
ORDER BY task_name, completed_at DESC`);
    expect(rows.map(({ task_name, status, error_message }) => [task_name, status, error_message])).toEqual([
      ['consolidate', 'partial', 'Lake.Corrupt: symbol=TRUE/data.parquet is damaged'],
      ['prices', 'success', null],
      ['resample', 'success', null],
      ['sync-assets', 'skipped', 'no key'],
      ['sync-splits', 'skipped', 'complete since 2025-11-18T09:00:00Z, not older than 20 h'],
      ['sync-tickers', 'failed', 'Vendor.AuthFailed: refused'],
    ]);
    expect(rows[0]).toMatchObject({ rows_updated: 7, duration_seconds: 1.5 });
  });

  test('the ten most recent', async () => {
    const rows = await warehouse.query(`SELECT task_name, status, completed_at::text AS completed_at
FROM sync_logs
ORDER BY completed_at DESC
LIMIT 10`);
    expect(rows).toHaveLength(10);
    expect(rows.slice(0, 3).map(({ task_name }) => task_name)).toEqual(['prices', 'sync-tickers', 'sync-assets']);
  });

  test('what failed in the last seven days', async () => {
    const rows = await warehouse.query(`SELECT task_name, error_message, completed_at::text AS completed_at
FROM sync_logs
WHERE status = 'failed' AND completed_at > CURRENT_TIMESTAMP - INTERVAL '7 days'
ORDER BY completed_at DESC`);
    expect(rows.map(({ task_name }) => task_name)).toEqual(['sync-tickers', 'prices']);
  });

  test('what failed in the last 24 hours', async () => {
    const rows = await warehouse.query(`SELECT task_name, error_message, completed_at::text AS completed_at
FROM sync_logs
WHERE status = 'failed' AND completed_at > CURRENT_TIMESTAMP - INTERVAL '24 hours'
ORDER BY completed_at DESC`);
    expect(rows.map(({ task_name }) => task_name)).toEqual(['sync-tickers']);
  });

  test('are asked through both indexes', async () => {
    const indexes = await warehouse.query(
      "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'sync_logs' AND indexname LIKE 'idx%' ORDER BY 1",
    );
    expect(indexes.map(({ indexname, indexdef }) => [indexname, String(indexdef).replace(/^.*\(/, '(')])).toEqual([
      ['idx_sync_logs_completed_at', '(completed_at DESC)'],
      ['idx_sync_logs_task_name', '(task_name)'],
    ]);
  });
});

describe("status' own questions", () => {
  test('the ten most recent rows say their session', async () => {
    const rows = await warehouse.query(recentTasksSql, { task: null });
    expect(rows).toHaveLength(10);
    expect(rows[0]).toMatchObject({ task_name: 'prices', session: '2025-11-19' });
    const own = await warehouse.query(recentTasksSql, { task: 'sync-tickers' });
    expect(new Set(own.map(({ task_name }) => task_name))).toEqual(new Set(['sync-tickers']));
  });

  test('what did not go well, which of it within a day, and the symbols it names', async () => {
    const rows = await warehouse.query(failedTasksSql);
    expect(rows.map(({ task_name, status, last_day }) => [task_name, status, last_day])).toEqual([
      ['sync-tickers', 'failed', true],
      ['consolidate', 'partial', true],
      ['prices', 'failed', false],
    ]);
    expect(JSON.parse(String(rows[1]!.failed))).toEqual([{ symbol: 'TRUE', reason: 'Lake.Corrupt: damaged' }]);
  });

  test('a list too fresh to be asked for again is well for the session, and was brought when it was fetched', async () => {
    const splits = (await warehouse.query(goodTasksSql)).find(({ task_name }) => task_name === 'sync-splits');
    const [fetched] = await warehouse.query(
      "SELECT max(completed_at)::text AS at FROM sync_logs WHERE task_name = 'sync-splits' AND status = 'success'",
    );
    expect(splits).toMatchObject({ session: '2025-11-19', completed_at: fetched!.at });
  });

  test('sessions of the last seven days', async () => {
    expect(await warehouse.query(recentSessionsSql)).toEqual([{ session: '2025-11-18' }, { session: '2025-11-19' }]);
  });

  test('whether a skipped list was fresh is what its row says, not what its reason sounds like', async () => {
    for (const [task, fresh] of [
      ['sync-metadata', true],
      ['sync-valuations', false],
    ] as const) {
      await warehouse.query(
        `INSERT INTO sync_logs (task_name, status, error_message, completed_at, metadata)
         VALUES (:task, 'skipped', 'complete since yesterday', CURRENT_TIMESTAMP, :metadata::jsonb)`,
        { task, metadata: JSON.stringify({ session: '2025-11-19', fresh }) },
      );
    }
    const good = (await warehouse.query(goodTasksSql)).map(({ task_name }) => task_name);
    expect(good).toContain('sync-metadata');
    expect(good).not.toContain('sync-valuations');
  });
});
