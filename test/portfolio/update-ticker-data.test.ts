import { afterEach, beforeEach, expect, test } from 'vitest';
import { sessionAt, sessionNumber } from '../../src/calendar/calendar.ts';
import { companiesOf } from '../../src/checks/symbol-history.ts';
import { claimLake, keys } from '../../src/lake/lake.ts';
import { encodeBars, writeIngest } from '../../src/lake/session-files.ts';
import { encodeSymbolHistory } from '../../src/lake/symbol-history-file.ts';
import { gatherBriefing } from '../../src/portfolio/briefing.ts';
import { readBook } from '../../src/portfolio/holdings.ts';
import { listHoldings } from '../../src/portfolio/list-holdings.ts';
import { completionRequest } from '../../src/portfolio/prompt.ts';
import { updateTickerData } from '../../src/portfolio/update-ticker-data.ts';
import type { Bar } from '../../src/records/bar.ts';
import { writeAll } from '../../src/tables/batch.ts';
import { openPortfolioTables, type PortfolioTables } from './portfolio-tables.ts';

const SESSION = '2025-11-19';
const all = { session: SESSION, only: null, chunk: { from: '', to: null } };
let tables: PortfolioTables;
beforeEach(async () => {
  const held = (...symbols: string[]) => symbols.map((symbol) => ({ symbol, quantity: 1 }));
  tables = await openPortfolioTables([
    { portfolio: 'a', positions: held('AAPL', 'KIMpL', 'NOSUCH') },
    { portfolio: 'b', positions: held('AAPL', 'ON') },
  ]);
  await claimLake(tables.lake, 'practice');
  for (const symbol of ['AAPL', 'KIMpL', 'ON']) await tables.lake.write(keys.symbol(symbol), history(symbol, 300));
});
afterEach(() => tables.close());

/** @param gap sessions without a bar before the newest 40 bars */
function history(symbol: string, bars: number, last = 10, gap = 0): Uint8Array {
  const end = sessionNumber(SESSION);
  const rows = Array.from({ length: bars }, (_, i): Bar => {
    const close = i === bars - 1 ? last : 10 + Math.sin(i);
    const date = sessionAt(end - bars + 1 + i - (i < bars - 40 ? gap : 0));
    const prices = { open: close, high: close, low: close, close, volume: 1, vwap: null, transactions: null };
    return { symbol, date, ...prices, source: 'practice', ingestedAt: '2025-11-20T09:00:00.000Z' };
  });
  return encodeBars(rows);
}
const items = () => tables.items(tables.config.TICKER_DATA_TABLE);

test('every held ticker gets its item at the close of the session, marked as practice; a second run writes none', async () => {
  const first = await updateTickerData(all, tables.stores);
  expect(first).toMatchObject({ tickers: 4, written: 3, unchanged: 0, withoutBars: { count: 1, first: ['NOSUCH'] } });
  const stored = await items();
  expect(stored.map(({ ticker }) => ticker).sort()).toEqual(['AAPL', 'KIMpL', 'ON']);
  for (const item of stored) {
    expect(item).toMatchObject({
      timestamp: '2025-11-19T21:00:00Z',
      asOf: SESSION,
      price: 10,
      practice: true,
      bars: 300,
    });
  }
  expect(await updateTickerData(all, tables.stores)).toMatchObject({ written: 0, unchanged: 3 });
  expect(await items()).toEqual(stored);

  await tables.lake.write(keys.symbol('ON'), history('ON', 300, 11));
  expect(await updateTickerData(all, tables.stores)).toMatchObject({ written: 1, unchanged: 2 });
});

test('after 61 sessions without a bar RSI and MA50 start over, unless the list names the company on both sides', async () => {
  for (const [symbol, gap] of [
    ['AAPL', 61],
    ['KIMpL', 61],
    ['ON', 60],
  ] as const) {
    await tables.lake.write(keys.symbol(symbol), history(symbol, 400, 10, gap));
  }
  const row = { validFrom: '2020-01-02', validTo: null, reason: 'first seen', ending: null };
  const rows = companiesOf(
    [{ symbol: 'AAPL' }, { symbol: 'KIMpL', figi: 'F1' }, { symbol: 'ON' }].map((one) => ({ ...row, ...one })),
  );
  await tables.lake.write(keys.symbolHistory('tickers', SESSION), encodeSymbolHistory(rows));
  expect(await updateTickerData(all, tables.stores)).toMatchObject({ written: 3, withoutIndicators: 1 });
  const stored = new Map((await items()).map((item) => [item.ticker, item]));
  const barsFrom = sessionAt(sessionNumber(SESSION) - 39);
  const why = `no bar for 61 sessions before ${barsFrom}, and it is not known whether the company is the same`;
  expect(stored.get('AAPL')).toMatchObject({
    rsi: null,
    rsiReason: `40 bars, 250 are needed (${why})`,
    ma50: null,
    ma50Reason: `40 bars, 50 are needed (${why})`,
    bars: 40,
    barsFrom,
    barsFromReason: why,
  });
  for (const symbol of ['KIMpL', 'ON']) {
    expect(stored.get(symbol)).toMatchObject({ rsi: expect.any(Number), ma50: expect.any(Number), bars: 400 });
    expect(stored.get(symbol)).not.toHaveProperty('barsFrom');
  }
  const briefing = await gatherBriefing('a', SESSION, tables.stores);
  const [question] = completionRequest(briefing, 'grok-4.3').messages.slice(-1);
  expect(question!.content).toContain(`"bars_from_reason": "${why}"`);
});

test('a range is only its own tickers, one portfolio only its own', async () => {
  const ranged = await updateTickerData({ ...all, chunk: { from: 'AAPL', to: 'KIMpL' } }, tables.stores);
  expect(ranged).toMatchObject({ tickers: 1, written: 1 });
  expect(await updateTickerData({ ...all, only: 'b' }, tables.stores)).toMatchObject({
    tickers: 2,
    written: 1,
    unchanged: 1,
  });
});

test('a damaged history costs its own ticker and is named', async () => {
  await tables.lake.write(keys.symbol('AAPL'), Buffer.from('garbage'));
  const { written, failed } = await updateTickerData(all, tables.stores);
  expect(written).toBe(2);
  expect(failed).toMatchObject({ count: 1, first: [expect.stringContaining('AAPL: Lake.Corrupt')] });
});

test('both tables are read to the last of their pages, and unreadable items are reported', async () => {
  const { client, config } = tables;
  const note = 'x'.repeat(2000);
  const many = Array.from({ length: 1500 }, (_, i) => ({ portfolio: 'c', symbol: `S${i}X`, quantity: '1.5', note }));
  await writeAll(client, config.PORTFOLIO_POSITIONS_TABLE, [
    ...many,
    { portfolio: 'c', symbol: 'T', quantity: 'many' },
  ]);
  await writeAll(client, config.USER_PORTFOLIOS_TABLE, [{ portfolio: 'c' }]);
  const book = (await readBook(client, config))!;
  expect(book.holdings.filter(({ portfolio }) => portfolio === 'c')).toHaveLength(1500);
  expect(book.holdings.find(({ symbol }) => symbol === 'S7X')).toMatchObject({ quantity: 1.5 });
  expect(book.rejected).toMatchObject([{ symbol: 'T', reason: expect.stringContaining('quantity') }]);
});

const ingest = { rows: 1, rejected: 0, checksum: 'x', removed: [], source: 'practice', runId: 'r', ingestedAt: 'i' };
const start = { runId: 'run', input: { force: false }, after: null };

test('the portfolio run is about the newest session held, not about the clock', async () => {
  expect(await listHoldings(start, tables.stores)).toMatchObject({ due: false, reasons: ['no session is published'] });
  for (const date of ['2025-11-18', SESSION]) await writeIngest(tables.lake, { ...ingest, date });
  expect(await listHoldings(start, tables.stores)).toMatchObject({
    due: true,
    session: SESSION,
    portfolios: ['a', 'b'],
    tickers: 4,
  });
  const earlier = { ...start, input: { force: false, session: '2025-11-18' } };
  expect(await listHoldings(earlier, tables.stores)).toMatchObject({
    session: '2025-11-18',
    timestamp: '2025-11-18T21:00:00Z',
  });
});

test('a laptop without portfolio tables has nothing to do; a deployed stage without them is wrong', async () => {
  await writeIngest(tables.lake, { ...ingest, date: SESSION });
  const config = { ...tables.config, USER_PORTFOLIOS_TABLE: 'nowhere' };
  const idle = await listHoldings(start, { ...tables.stores, config });
  expect(idle).toMatchObject({ due: false, reasons: [expect.stringContaining('nowhere')] });
  const deployed = { ...tables.stores, config: { ...config, STAGE: 'prod' } };
  await expect(listHoldings(start, deployed)).rejects.toMatchObject({ name: 'Config.Invalid' });
});
