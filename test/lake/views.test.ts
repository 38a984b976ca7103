import { expect, test } from 'vitest';
import { encodeBars } from '../../src/lake/bars.ts';
import { keys } from '../../src/lake/keys.ts';
import { encodeRows } from '../../src/lake/parquet.ts';
import { openViews } from '../../src/lake/views.ts';
import { bar } from '../checks/bars.ts';
import { temporaryFolder } from '../local/programs.ts';
import { MemoryLake } from './memory-lake.ts';

async function ask(lake: MemoryLake, sql: string) {
  const views = await openViews(lake, temporaryFolder(), [3, 5]);
  try {
    return { names: views.names, rows: (await views.connection.runAndReadAll(sql)).getRowsJson() };
  } finally {
    views.close();
  }
}

test('an empty lake has every view, with its columns and no rows', async () => {
  const sql = `SELECT (SELECT count(*) FROM bars WHERE close > 0 AND ingested_at IS NOT NULL)
    + (SELECT count(*) FROM sessions) + (SELECT count(*) FROM bars_3d WHERE complete) + (SELECT count(*) FROM tickers)`;
  const { names, rows } = await ask(new MemoryLake(), sql);
  expect(names).toEqual(['bars', 'sessions', 'bars_3d', 'bars_5d', 'tickers', 'assets']);
  expect(rows).toEqual([['0']]);
});

test('symbol and date come from the rows, never from the folder names', async () => {
  const lake = new MemoryLake();
  for (const symbol of ['NULL', 'A/B', 'TRUE', '1E5']) {
    await lake.write(keys.symbol(symbol), encodeBars([bar(symbol, '2025-11-19')]));
  }
  const { rows } = await ask(lake, 'SELECT symbol, date::VARCHAR FROM bars ORDER BY symbol');
  expect(rows).toEqual(['1E5', 'A/B', 'NULL', 'TRUE'].map((symbol) => [symbol, '2025-11-19']));
});

test('date files of the original layout are not in bars twice, and only the newest snapshot is shown', async () => {
  const lake = new MemoryLake();
  await lake.write(keys.symbol('A'), encodeBars([bar('A', '2025-11-19')]));
  await lake.write(keys.symbolDate('A', '2025-11-19'), encodeBars([bar('A', '2025-11-19')]));
  for (const [date, symbol] of [
    ['2025-11-18', 'OLD'],
    ['2025-11-19', 'NEW'],
  ] as const) {
    await lake.write(keys.snapshot('tickers', date), encodeRows([{ name: 'symbol', type: 'text' }], [{ symbol }]));
  }
  const { rows } = await ask(lake, 'SELECT (SELECT count(*) FROM bars), (SELECT string_agg(symbol) FROM tickers)');
  expect(rows).toEqual([['1', 'NEW']]);
});
