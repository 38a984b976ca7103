import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Bar } from '../../src/records/bar.ts';
import { statement } from '../../src/text.ts';
import { MIGRATIONS, migrate, statements } from '../../src/warehouse/client.ts';
import ledgerStatements from '../../src/warehouse/ledger.sql';
import pricesStatements from '../../src/warehouse/prices.sql';
import { storePrices } from '../../src/warehouse/prices.ts';
import { bar, bars } from '../checks/bars.ts';
import { type LocalWarehouse, openLocalWarehouse } from './local-warehouse.ts';

const pricesPerSessionSql = statement(pricesStatements, 'prices-per-session');
const closeNightSql = statement(ledgerStatements, 'close-night');
const failedTasksSql = statement(ledgerStatements, 'failed-tasks');
const latestTasksSql = statement(ledgerStatements, 'latest-tasks');
const openNightSql = statement(ledgerStatements, 'open-night');
const recentNightsSql = statement(ledgerStatements, 'recent-nights');

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  expect(await migrate(warehouse)).toEqual(MIGRATIONS.map(({ id }) => id));
});
beforeEach(async () => {
  await warehouse.query('TRUNCATE stock_prices, ingestion_watermarks, sync_logs, nights');
});
afterAll(() => warehouse.close());

describe('migrations', () => {
  test('a second run applies nothing and leaves every row', async () => {
    await storePrices(warehouse, '2025-11-19', bars(3, '2025-11-19'));
    expect(await migrate(warehouse)).toEqual([]);
    expect(await warehouse.query('SELECT count(*)::int AS rows FROM stock_prices')).toEqual([{ rows: 3 }]);
  });

  test('one that was killed halfway is applied again', async () => {
    await warehouse.query("DELETE FROM schema_migrations WHERE id = '001-prices-and-ledger'");
    await warehouse.query('DROP INDEX idx_nights_started_at');
    expect(await migrate(warehouse)).toEqual(['001-prices-and-ledger']);
    const sql = "SELECT count(*)::int AS found FROM pg_indexes WHERE indexname = 'idx_nights_started_at'";
    expect(await warehouse.query(sql)).toEqual([{ found: 1 }]);
  });

  test('statements end with a semicolon at the end of a line; comments alone are none', () => {
    expect(statements("-- head\nSELECT ';' AS a;\n\nSELECT 2 ;  \n-- tail\n")).toEqual([
      "-- head\nSELECT ';' AS a",
      'SELECT 2',
    ]);
  });

  test("sync_logs is the original's, column for column", async () => {
    const columns =
      await warehouse.query(`SELECT column_name, data_type, character_maximum_length AS length, is_nullable, column_default
      FROM information_schema.columns WHERE table_name = 'sync_logs' ORDER BY ordinal_position`);
    expect(columns.map((column) => Object.values(column))).toEqual([
      ['id', 'integer', null, 'NO', "nextval('sync_logs_id_seq'::regclass)"],
      ['task_name', 'character varying', 100, 'NO', null],
      ['status', 'character varying', 20, 'NO', null],
      ['rows_updated', 'integer', null, 'YES', '0'],
      ['error_message', 'text', null, 'YES', null],
      ['started_at', 'timestamp without time zone', null, 'YES', 'CURRENT_TIMESTAMP'],
      ['completed_at', 'timestamp without time zone', null, 'YES', null],
      ['duration_seconds', 'double precision', null, 'YES', null],
      ['metadata', 'jsonb', null, 'YES', null],
    ]);
    const indexes = await warehouse.query(
      "SELECT indexdef FROM pg_indexes WHERE tablename = 'sync_logs' ORDER BY indexname",
    );
    expect(indexes.map(({ indexdef }) => String(indexdef).replace(/^.* INDEX /, ''))).toEqual([
      'idx_sync_logs_completed_at ON public.sync_logs USING btree (completed_at DESC)',
      'idx_sync_logs_task_name ON public.sync_logs USING btree (task_name)',
      'sync_logs_pkey ON public.sync_logs USING btree (id)',
    ]);
  });
});

describe('prices', () => {
  const DAY = '2025-11-19';
  const watermarks = async () => {
    const sql = "SELECT symbol || ' ' || last_date AS mark FROM ingestion_watermarks ORDER BY symbol";
    return (await warehouse.query(sql)).map(({ mark }) => mark);
  };

  test('new, changed and removed rows are counted, and a second run changes nothing', async () => {
    const first = [bar('A', DAY), bar('B', DAY), bar('C', DAY), bar('D', DAY, { vwap: null })];
    expect(await storePrices(warehouse, DAY, first)).toEqual({ new: 4, changed: 0, removed: 0 });
    const later = { ingestedAt: '2025-11-21T09:00:00.000Z' };
    expect(
      await storePrices(
        warehouse,
        DAY,
        first.map((one) => ({ ...one, ...later })),
      ),
    ).toEqual({ new: 0, changed: 0, removed: 0 });
    const second = [
      bar('A', DAY, later),
      bar('B', DAY, { ...later, close: 11.5 }),
      bar('D', DAY, { vwap: 10, ...later }),
      bar('E', DAY, later),
    ];
    expect(await storePrices(warehouse, DAY, second)).toEqual({ new: 1, changed: 2, removed: 1 });
    const rows = await warehouse.query(
      'SELECT symbol, close, ingested_at::text AS at FROM stock_prices ORDER BY symbol',
    );
    expect(rows).toEqual([
      { symbol: 'A', close: '11', at: '2025-11-19 23:00:00' },
      { symbol: 'B', close: '11.5', at: '2025-11-21 09:00:00' },
      { symbol: 'D', close: '11', at: '2025-11-21 09:00:00' },
      { symbol: 'E', close: '11', at: '2025-11-21 09:00:00' },
    ]);
  });

  test('one session leaves the others alone, also an empty one', async () => {
    await storePrices(warehouse, DAY, bars(2, DAY));
    await storePrices(warehouse, '2025-11-20', bars(3, '2025-11-20'));
    expect(await storePrices(warehouse, '2025-11-20', [])).toEqual({ new: 0, changed: 0, removed: 3 });
    expect(await warehouse.query(pricesPerSessionSql)).toEqual([{ date: DAY, row_count: 2, behind: 0 }]);
  });

  test('a watermark goes back to the newest row left when its own is removed, and goes with the last one', async () => {
    await storePrices(warehouse, '2025-11-18', [bar('A', '2025-11-18')]);
    await storePrices(warehouse, DAY, [bar('A', DAY), bar('B', DAY), bar('C', DAY)]);
    await storePrices(warehouse, '2025-11-20', [bar('C', '2025-11-20')]);
    await storePrices(warehouse, DAY, []);
    expect(await watermarks()).toEqual(['A 2025-11-18', 'C 2025-11-20']);
  });

  test('an older session moves no watermark back', async () => {
    await storePrices(warehouse, DAY, [bar('A', DAY), bar('B', DAY)]);
    await storePrices(warehouse, '2025-11-18', [bar('A', '2025-11-18'), bar('C', '2025-11-18')]);
    expect(await watermarks()).toEqual([`A ${DAY}`, `B ${DAY}`, 'C 2025-11-18']);
    await storePrices(warehouse, '2025-11-20', [bar('A', '2025-11-20')]);
    expect(await watermarks()).toEqual(['A 2025-11-20', `B ${DAY}`, 'C 2025-11-18']);
  });

  test('odd decimals are kept to the last digit', async () => {
    const odd = [0.1 + 0.2, 1e-7, 123456789.12345678, Number.MIN_VALUE, Number.MAX_VALUE, 2251799813685249.5, 0.0001];
    const list: Bar[] = odd.map((value, index) => bar(`S${index}`, DAY, { close: value, volume: value }));
    await storePrices(warehouse, DAY, list);
    const rows = await warehouse.query('SELECT close, volume FROM stock_prices ORDER BY symbol');
    expect(rows.map(({ close }) => Number(close))).toEqual(odd);
    expect(rows[0]).toEqual({ close: '0.30000000000000004', volume: '0.30000000000000004' });
    expect(await storePrices(warehouse, DAY, list)).toEqual({ new: 0, changed: 0, removed: 0 });
  });

  test('odd symbols are values, never SQL', async () => {
    const symbols = ["O'NEIL", 'A"B', 'NULL', 'A:b', 'A\\', '$1', 'Ä'];
    await storePrices(
      warehouse,
      DAY,
      symbols.map((symbol) => bar(symbol, DAY)),
    );
    const rows = await warehouse.query('SELECT symbol FROM stock_prices');
    expect(rows.map(({ symbol }) => symbol).sort()).toEqual([...symbols].sort());
  });

  test('a session above the size of a request is sent in parts, and rows go only with the last one', async () => {
    const list = bars(20_000, DAY);
    warehouse.sent.length = 0;
    expect(await storePrices(warehouse, DAY, list)).toEqual({ new: 20_000, changed: 0, removed: 0 });
    const parts = warehouse.sent.map(({ values }) => values);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThan(4 * 1024 * 1024);
    expect(parts.map(({ keep }) => keep !== null)).toEqual([...parts.slice(1).map(() => false), true]);
    expect(await storePrices(warehouse, DAY, list.slice(1))).toEqual({ new: 0, changed: 0, removed: 1 });
  });
});

describe('ledger', () => {
  const open = (run_id: string, started_at: string) =>
    warehouse.query(openNightSql, {
      run_id,
      session: '2025-11-19',
      kind: 'night',
      started_at,
      execution_arn: `arn:${run_id}`,
      released_run: null,
      planned: JSON.stringify(['prices', 'resample']),
    });
  const task = (name: string, status: string, more = {}) => ({
    task: name,
    status,
    rows: 5,
    error: status === 'success' ? null : 'why',
    started_at: '2025-11-20 09:00:00',
    completed_at: '2025-11-20 09:01:00',
    seconds: 1.5,
    metadata: { run_id: 'r1', session: '2025-11-19' },
    ...more,
  });
  const close = (tasks: object[], more = {}) =>
    warehouse.query(closeNightSql, {
      run_id: 'r1',
      status: 'Partial',
      completed_at: '2025-11-20 09:01:00',
      reasons: '["why"]',
      summary: '{"datasets":[]}',
      released_run: null,
      tasks: JSON.stringify(tasks),
      ...more,
    });
  const nights = () => warehouse.query(recentNightsSql, { limit: 10 });

  test('a night closed twice has one row, and one row a task', async () => {
    await open('r1', '2025-11-20 09:00:00');
    for (let time = 0; time < 2; time += 1) await close([task('prices', 'success'), task('sync-assets', 'failed')]);
    expect(
      await warehouse.query('SELECT task_name, status, rows_updated, error_message FROM sync_logs ORDER BY id'),
    ).toEqual([
      { task_name: 'prices', status: 'success', rows_updated: 5, error_message: null },
      { task_name: 'sync-assets', status: 'failed', rows_updated: 5, error_message: 'why' },
    ]);
    expect(await nights()).toMatchObject([
      { run_id: 'r1', session: '2025-11-19', status: 'Partial', reasons: '["why"]' },
    ]);
  });

  test('a night opened twice stays as it is; one that never ended is ended by the next', async () => {
    await open('r1', '2025-11-20 09:00:00');
    await open('r1', '2025-11-20 09:00:00');
    expect(await nights()).toMatchObject([{ run_id: 'r1', status: 'Running', completed_at: null }]);
    await open('r2', '2025-11-20 10:00:00');
    const found = await nights();
    expect(found.map(({ run_id, status }) => [run_id, status])).toEqual([
      ['r2', 'Running'],
      ['r1', 'Interrupted'],
    ]);
    expect(found[1]!.reasons).toContain('interrupted');
  });

  test('a released night says by which run', async () => {
    await open('r0', '2025-11-20 08:00:00');
    await open('r1', '2025-11-20 09:00:00');
    await close([], { released_run: 'r0' });
    const released = (await nights()).find(({ run_id }) => run_id === 'r0');
    expect(JSON.parse(String(released!.summary))).toMatchObject({ released_by: 'r1' });
  });

  test('the questions asked of the original ledger are answered', async () => {
    const ago = (hours: number) =>
      new Date(Date.now() - hours * 3_600_000).toISOString().replace('T', ' ').replace('Z', '');
    const run = (run_id: string, completed_at: string, ...tasks: [string, string][]) => {
      const rows = tasks.map(([name, status]) =>
        task(name, status, { completed_at, metadata: { run_id, session: '2025-11-19' } }),
      );
      return close(rows, { run_id });
    };
    await run('old', ago(24 * 8), ['prices', 'failed'], ['sync-assets', 'success']);
    await run('week', ago(24 * 3), ['prices', 'failed'], ['sync-tickers', 'held']);
    await run('day', ago(2), ['prices', 'success'], ['sync-tickers', 'partial']);
    const latest = await warehouse.query(latestTasksSql);
    expect(latest.map(({ task_name, status }) => [task_name, status])).toEqual([
      ['prices', 'success'],
      ['sync-assets', 'success'],
      ['sync-tickers', 'partial'],
    ]);
    expect(Object.keys(latest[0]!)).toEqual([
      'task_name',
      'status',
      'rows_updated',
      'error_message',
      'completed_at',
      'duration_seconds',
    ]);
    expect((await warehouse.query(failedTasksSql)).map(({ task_name, status }) => [task_name, status])).toEqual([
      ['sync-tickers', 'partial'],
      ['sync-tickers', 'held'],
      ['prices', 'failed'],
    ]);
    const recent = await warehouse.query('SELECT task_name FROM sync_logs ORDER BY completed_at DESC LIMIT 10');
    expect(recent).toHaveLength(6);
    const failedWithin = async (interval: string) =>
      (
        await warehouse.query(
          `SELECT task_name FROM sync_logs WHERE status = 'failed' AND completed_at > CURRENT_TIMESTAMP - INTERVAL '${interval}'`,
        )
      ).length;
    expect([await failedWithin('7 days'), await failedWithin('24 hours')]).toEqual([1, 0]);
  });
});

test("a refused statement is Database.Failed with the server's own words", async () => {
  await expect(warehouse.query('SELECT * FROM no_such_table')).rejects.toMatchObject({
    name: 'Database.Failed',
    message: expect.stringContaining('relation "no_such_table" does not exist'),
  });
});
