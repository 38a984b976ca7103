import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readPricesPerSession } from '../../src/cli/verify/checks.ts';
import { migrate } from '../../src/warehouse/client.ts';
import { readAttempts, readSkipped } from '../../src/warehouse/enrichment.ts';
import { readPaged } from '../../src/warehouse/paged.ts';
import { priceRows, priceSymbols } from '../../src/warehouse/prices.ts';
import {
  changedOn,
  currentMembers,
  knownRuns,
  readHistory,
  storedMembers,
  storedSplits,
} from '../../src/warehouse/reference.ts';
import { type LocalWarehouse, openLocalWarehouse } from './local-warehouse.ts';

// A full market in an embedded database takes its time, and time decides nothing here.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

const SYMBOLS = 12_000;
const AT = '2025-11-20T09:00:00.000Z';
const DAY = '2015-11-18';
/** As long as symbols get, and sorted by their number. */
const SYMBOL = "'S' || lpad(n::text, 31, '0')";
const FIRST = `S${'1'.padStart(31, '0')}`;
const LAST = `S${String(SYMBOLS).padStart(31, '0')}`;

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await migrate(warehouse);
  const many = `FROM generate_series(1, ${SYMBOLS}) AS n`;
  const text = 'repeat(\'why "so" \', 20)';
  for (const sql of [
    `INSERT INTO enrichment_attempts SELECT 'metadata', ${SYMBOL}, '2025-11-20 09:00', 'invalid', ${text}, '{"dcf": "x"}' ${many}`,
    `INSERT INTO symbol_history SELECT 'tickers', ${SYMBOL}, 'BBG000000000', 'BBG000000001', gen_random_uuid()::text, '2025-11-01', NULL,
       'renamed from S' || n, NULL ${many}`,
    `INSERT INTO symbol_history SELECT 'tickers', ${SYMBOL}, 'BBG000000002', NULL, NULL, '2020-01-02', '2025-11-01', 'first seen', ${text} ${many}`,
    `INSERT INTO index_members SELECT 'all', ${SYMBOL}, '2025-11-01', NULL ${many}`,
    `INSERT INTO index_members SELECT 'all', ${SYMBOL}, '2020-01-02', '2024-01-02' ${many}`,
    `INSERT INTO splits SELECT ${SYMBOL}, '2025-11-01', 1, 1.0001234567890123456789, '2025-11-01' ${many}`,
    `INSERT INTO stock_prices SELECT ${SYMBOL}, '${DAY}', 1234.12345678, 1, 1, 1, 123456789012, 1.000000001, 'flat-files', '2025-11-20' ${many}`,
    `INSERT INTO stock_prices SELECT 'AAPL', '1962-01-02'::date + n, 1, 1, 1, 1, 1, 1, 'polygon', '2025-11-20' FROM generate_series(1, 18000) AS n`,
    `INSERT INTO nights (run_id, session, kind, status, execution_arn, started_at)
       SELECT 'backfill-2025-11-19-' || n, '2025-11-19', 'backfill', 'Succeeded', '', '2025-11-20' ${many}`,
  ]) {
    await warehouse.query(sql);
  }
});
afterAll(() => warehouse.close());

test('what grows with the market is read whole at 12,000 symbols', async () => {
  const ends = (symbols: readonly string[]) => [symbols.length, symbols[0], symbols.at(-1), new Set(symbols).size];
  const all = [SYMBOLS, FIRST, LAST, SYMBOLS];
  expect(ends([...(await readAttempts(warehouse, 'metadata')).keys()])).toEqual(all);
  const skipped = await readSkipped(warehouse, 'metadata', AT);
  expect(ends(skipped.map(({ symbol }) => symbol))).toEqual(all);
  expect(skipped.at(-1)).toMatchObject({ reason: 'why "so" '.repeat(20), row: { dcf: 'x' } });
  const history = await readHistory(warehouse, 'tickers');
  expect(ends(history.map(({ symbol }) => symbol))).toEqual(all);
  expect(new Set(history.map(({ validFrom }) => validFrom))).toEqual(new Set(['2025-11-01']));
  // Each symbol ended as one security that day and began as another.
  const changed = await changedOn(warehouse, 'tickers', '2025-11-01');
  expect([changed.length, changed[0]!.validFrom, changed[1]!.validFrom]).toEqual([
    2 * SYMBOLS,
    '2020-01-02',
    '2025-11-01',
  ]);
  expect(ends(await currentMembers(warehouse, 'all'))).toEqual(all);
  expect(await storedMembers(warehouse, 'all')).toHaveLength(2 * SYMBOLS);
  expect(ends((await storedSplits(warehouse)).map(({ symbol }) => symbol))).toEqual(all);
  const symbols = await priceSymbols(warehouse, DAY);
  expect(ends(symbols.filter((symbol) => symbol !== 'AAPL'))).toEqual(all);
  const bars = await priceRows(warehouse, DAY, symbols);
  expect(bars).toHaveLength(symbols.length);
  expect(bars.at(-1)).toMatchObject({ open: 1234.12345678, volume: 123456789012, source: 'flat-files' });
});

test('so is what grows with sessions and nights', async () => {
  const sessions = await readPricesPerSession(warehouse);
  expect([sessions.length, sessions[0]!.date]).toEqual([18_001, '1962-01-03']);
  const ids = Array.from({ length: SYMBOLS }, (_, index) => `backfill-2025-11-19-${index + 1}`);
  expect((await knownRuns(warehouse, [...ids, 'lost'])).size).toBe(SYMBOLS);
});

test('rows of any size come whole, in order, each once', async () => {
  const sizes = [0, 4, 14_900, 15_000, 70_000, 240_000, 300_000, 3_000];
  const statement = `SELECT n, repeat('"é😀\\', size / 4) AS text, NULL AS nothing, n > 3 AS flag
    FROM jsonb_array_elements_text(:sizes::jsonb) WITH ORDINALITY AS s (text, n), LATERAL (SELECT s.text::int AS size) AS t`;
  const values = { sizes: JSON.stringify(sizes) };
  for (const descending of [false, true]) {
    const rows = await readPaged(warehouse, statement, values, { key: ['n'], descending });
    const wanted = sizes.map((size, index) => {
      return { n: index + 1, text: '"é😀\\'.repeat(Math.floor(size / 4)), nothing: null, flag: index > 2 };
    });
    expect(rows).toEqual(descending ? wanted.reverse() : wanted);
  }
});

test('a key of several columns is read in its order', async () => {
  const statement = `SELECT 'S' || a AS symbol, b FROM generate_series(1, 3) AS a, generate_series(1, 4000) AS b`;
  const rows = await readPaged(warehouse, statement, {}, { key: ['symbol', 'b'] });
  expect(rows).toHaveLength(12_000);
  expect(rows.map(({ symbol, b }) => [symbol, b])).toEqual(
    ['S1', 'S2', 'S3'].flatMap((symbol) => Array.from({ length: 4000 }, (_, index) => [symbol, index + 1])),
  );
  expect(await readPaged(warehouse, `${statement} WHERE false`, {}, { key: ['symbol', 'b'] })).toEqual([]);
});
