import { expect, test } from 'vitest';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import { LIST_VIEWS } from '../../src/datasets/registry.ts';
import { keys } from '../../src/lake/lake.ts';
import { encodeRows } from '../../src/lake/parquet.ts';
import { encodeRevisions, revisionsOf } from '../../src/lake/revisions.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { openViews } from '../../src/lake/views.ts';
import { RECONCILE_COLUMNS } from '../../src/night/reconcile.ts';
import { bar } from '../checks/bars.ts';
import { temporaryFolder } from '../local/programs.ts';
import { MemoryLake } from './memory-lake.ts';
import { publish } from './published.ts';

async function ask(lake: MemoryLake, sql: string) {
  const views = await openViews(lake, temporaryFolder(), { intervals: [3, 5], lists: LIST_VIEWS });
  try {
    return { names: views.names, rows: (await views.connection.runAndReadAll(sql)).getRowsJson() };
  } finally {
    views.close();
  }
}

test('an empty lake has every view, with its columns and no rows', async () => {
  const sql = `SELECT (SELECT count(*) FROM bars WHERE close > 0 AND ingested_at IS NOT NULL)
    + (SELECT count(*) FROM sessions) + (SELECT count(*) FROM bars_3d WHERE complete) + (SELECT count(*) FROM tickers)
    + (SELECT count(*) FROM reconcile WHERE index AND reason <> '') + (SELECT count(*) FROM missing_sessions)
    + (SELECT count(*) FROM revisions WHERE close_before <> close_after AND revised_at > served_since)`;
  const { names, rows } = await ask(new MemoryLake(), sql);
  expect(names.slice(0, 5)).toEqual(['bars', 'sessions', 'bars_3d', 'bars_5d', 'tickers']);
  expect(names).toEqual(expect.arrayContaining(['assets', 'reconcile', 'revisions', 'calendar', 'missing_sessions']));
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

test('what is missing, what was revised and how the lists differ are one question each', async () => {
  const lake = new MemoryLake();
  const sessions = sessionsBetween('2025-11-10', '2025-11-19');
  for (const date of sessions) if (date !== '2025-11-13') await publish(lake, date, [bar('A', date)]);
  const missing = 'SELECT date::VARCHAR FROM missing_sessions WHERE date < $$2025-11-20$$';
  expect((await ask(lake, missing)).rows).toEqual([['2025-11-13']]);
  expect((await ask(lake, 'SELECT count(*) FROM calendar WHERE held')).rows).toEqual([[String(sessions.length - 1)]]);

  const at = '2025-11-20T09:00:00.000Z';
  const found = revisionsOf([bar('A', '2025-11-18')], [bar('A', '2025-11-18', { close: 12 })]);
  const of = { night: '2025-11-19', runId: 'r', date: '2025-11-18', at };
  await lake.write(keys.revisions('2025-11-18', at), encodeRevisions(found, of));
  const revised = 'SELECT symbol, date::VARCHAR, close_before, close_after FROM revisions WHERE night = $$2025-11-19$$';
  expect((await ask(lake, revised)).rows).toEqual([['A', '2025-11-18', 11, 12]]);

  for (const date of ['2025-11-18', '2025-11-19']) {
    const row = {
      date,
      symbol: 'A',
      polygon: true,
      alpaca: null,
      index: false,
      bars: false,
      reason: `quiet on ${date}`,
    };
    await lake.write(keys.report(date, 'reconcile.parquet'), encodeRows(RECONCILE_COLUMNS, [row]));
  }
  const differing = 'SELECT symbol, alpaca, index, reason FROM reconcile WHERE reason IS NOT NULL';
  expect((await ask(lake, differing)).rows).toEqual([['A', null, false, 'quiet on 2025-11-19']]);
});
