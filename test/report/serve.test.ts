import { beforeEach, expect, test } from 'vitest';
import { readDay } from '../../src/calendar/dates.ts';
import { LIST_VIEWS } from '../../src/datasets/registry.ts';
import { snapshotFile } from '../../src/datasets/snapshots.ts';
import { jsonBytes, keys } from '../../src/lake/lake.ts';
import { encodeSymbolHistory } from '../../src/lake/symbol-history-file.ts';
import { openViews } from '../../src/lake/views.ts';
import { reportPage } from '../../src/report/page.ts';
import { openSite, pageFor, type Site } from '../../src/report/serve.ts';
import type { BarRequest } from '../../src/report/symbol-bars.ts';
import { readSymbolBars } from '../../src/report/symbol-bars.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { temporaryFolder } from '../local/programs.ts';
import { fillLake, NAMES, NEWEST, REVISED, SESSIONS, SPLIT, splitsFile, walk } from './browsed-lake.ts';
import { fullHistory, nightReport } from './night-report.ts';

let lake: MemoryLake;
let site: Site;
beforeEach(async () => {
  lake = new MemoryLake();
  await fillLake(lake);
  site = openSite(lake, ['AAPL']);
});

const get = (url: string) => pageFor({ url, method: 'GET' }, site);
const barsOf = (more: Partial<BarRequest> = {}) =>
  readSymbolBars(site.browsed, { symbol: 'AAPL', interval: 1, prices: 'traded', newest: NEWEST, ...more });

test('daily bars are as traded, and adjusted ones are on the basis of the newest session', async () => {
  const [traded, adjusted] = [(await barsOf())!, (await barsOf({ prices: 'adjusted' }))!];
  const stored = walk('AAPL');
  expect(traded.close).toEqual(stored.map(({ close }) => close));
  expect(traded.volume).toEqual(stored.map(({ volume }) => volume));
  // Two for one on SPLIT; the split that is announced for December counts nothing yet.
  expect(adjusted.close).toEqual(stored.map(({ date, close }) => (date < SPLIT ? close / 2 : close)));
  expect(adjusted.volume).toEqual(stored.map(({ date, volume }) => (date < SPLIT ? volume * 2 : volume)));
  expect(adjusted.splits.map(({ execution_date }) => execution_date)).toEqual([SPLIT]);
});

test('bars with dividends put back are those of the view bars_total_return, of each company alone', async () => {
  const passed = SESSIONS[40]!;
  const tenure = { symbol: 'MSFT', reason: 'listed', ending: null };
  const history = [
    { ...tenure, figi: 'F1', validFrom: SESSIONS[0]!, validTo: passed, companyFrom: SESSIONS[0]! },
    { ...tenure, figi: 'F2', validFrom: passed, validTo: null, companyFrom: passed },
  ];
  await lake.write(keys.symbolHistory('tickers', NEWEST), encodeSymbolHistory(history));
  const common = { currency: 'USD', distributionType: 'recurring' };
  const paid = (symbol: string, exDate: string, cashAmount: number) => ({ symbol, exDate, cashAmount, ...common });
  const records = [
    paid('AAPL', SESSIONS[3]!, 1),
    paid('AAPL', SPLIT, 0.5),
    { ...paid('AAPL', SPLIT, 2), distributionType: 'special' },
    paid('AAPL', SESSIONS.at(-2)!, 0.25),
    { ...paid('AAPL', SESSIONS.at(-9)!, 3), currency: 'EUR' },
    paid('AAPL', '2027-02-01', 9),
    ...[10, 40, 41, 60].map((place) => paid('MSFT', SESSIONS[place]!, 2)),
  ];
  const fields = {
    exDate: 'date',
    cashAmount: 'double',
    currency: 'text',
    distributionType: 'text',
    historicalAdjustmentFactor: 'double',
  } as const;
  for (const [key, bytes] of snapshotFile(records, { dataset: 'dividends', fields, session: NEWEST }))
    await lake.write(key, bytes);
  // Then the views, too, read the histories.
  await lake.write(keys.consolidated, jsonBytes({ outside: { '2025-10-01': 'x' } }));
  const views = await openViews(lake, temporaryFolder(), { intervals: [], lists: LIST_VIEWS });
  try {
    for (const symbol of ['AAPL', 'MSFT', 'NAN']) {
      const shown = (await barsOf({ symbol, prices: 'total_return' }))!;
      const sql = `SELECT close, volume FROM bars_total_return WHERE symbol = '${symbol}' ORDER BY date`;
      const rows = (await views.connection.runAndReadAll(sql)).getRowsJson() as [number, number][];
      expect([shown.prices, shown.close.length]).toEqual(['total_return', rows.length]);
      for (const [place, [close, volume]] of rows.entries()) {
        expect(shown.close[place]! / close).toBeCloseTo(1, 12);
        expect(shown.volume[place]).toBe(volume);
      }
      const first = (await barsOf({ symbol }))!.close[0]!;
      expect(shown.close[0]! < first).toBe(symbol !== 'NAN');
    }
  } finally {
    views.close();
  }
  for (const prices of ['prices=total_return', 'prices=adjusted&prices=total_return']) {
    const { status, page } = await get(`/symbols?symbol=AAPL&${prices}`);
    expect([status, page.includes('adjusted for splits and dividends on the newest lists')]).toEqual([200, true]);
  }
  expect((await get('/symbols?symbol=AAPL&interval=5&prices=total_return')).status).toBe(400);
});

test('a split and a revised bar are marked at their sessions, in bars of several sessions at the window that holds them', async () => {
  const daily = (await barsOf())!;
  expect(daily.marks).toEqual([
    { place: SESSIONS.indexOf(SPLIT), kind: 'split', text: '2:1' },
    { place: SESSIONS.indexOf(REVISED), kind: 'revision', text: '' },
  ]);
  const windows = (await barsOf({ interval: 5, prices: 'adjusted' }))!;
  for (const [index, date] of [SPLIT, REVISED].entries()) {
    const { place } = windows.marks[index]!;
    expect(windows.day[place]! <= readDay(date)! && windows.end[place]! >= readDay(date)!).toBe(true);
  }
});

test('bars of several sessions are those the lake stores, the last one hollow while it is not complete', async () => {
  const windows = (await barsOf({ interval: 5, prices: 'adjusted' }))!;
  const adjusted = (await barsOf({ prices: 'adjusted' }))!;
  expect(windows.open[0]).toBe(adjusted.open[0]);
  expect(windows.close.at(-1)).toBe(adjusted.close.at(-1));
  expect(windows.volume.reduce((a, b) => a + b)).toBeCloseTo(adjusted.volume.reduce((a, b) => a + b));
  expect(windows.open_window).toBe(windows.day.length - 1);
  const { page } = await get('/symbols?symbol=AAPL&interval=5');
  expect(page).toMatch(/\d+ 5-session bars from 2025-.*adjusted for splits/);
  expect(page).toContain('The hollow bar is not complete.');
});

test('a symbol page draws a year and has the splits, revisions and figures in words', async () => {
  const { status, page } = await get('/symbols?symbol=AAPL');
  expect(status).toBe(200);
  expect(page).toContain(`${SESSIONS.length} daily bars from 2025-10-01 to ${NEWEST}, as traded, not adjusted.`);
  expect(page).toMatch(/<svg[^>]*aria-label="AAPL, 252 daily bars as traded; the last is of 2026-11-25 and closed at/);
  expect(page).toContain('2 for 1');
  expect(page).toMatch(/changed<\/td>\s*<td>2026-11-24 09:00:00<\/td>\s*<td class="long">close [\d.]+ → [\d.]+</);
  expect(page).toContain('The last 20 bars in figures');
  expect((await get('/symbols?symbol=AAPL&prices=adjusted')).page).toContain('adjusted for splits on the newest list');
});

test('any case leads to the one symbol that is meant, and where there are two, to the one as it is written', async () => {
  expect(await get('/symbols?symbol=aapl&interval=5')).toMatchObject({
    status: 303,
    location: '/symbols?symbol=AAPL&interval=5',
  });
  expect(await get('/search?q=brk.b')).toMatchObject({ status: 303, location: '/symbols?symbol=BRK.B' });
  expect(await get('/search?q=KIMpL')).toMatchObject({ status: 303, location: '/symbols?symbol=KIMpL' });
  expect(await get('/search?q=KIMPL')).toMatchObject({ status: 303, location: '/symbols?symbol=KIMPL' });
  const both = await get('/search?q=kimpl');
  expect(both.status).toBe(200);
  for (const symbol of ['KIMPL', 'KIMpL']) expect(both.page).toContain(`href="/symbols?symbol=${symbol}"`);
  for (const symbol of ['NAN', 'KIMpL', 'BRK.B', 'Q<I>'])
    expect((await get(`/symbols?symbol=${encodeURIComponent(symbol)}`)).status, symbol).toBe(200);
});

test.each([
  ['AAP', ['AAPD', 'AAPL']],
  ['aapl', ['AAPL']],
  ['brkb', ['BRK.B']],
  ['hathaway', ['BRK.B']],
  ['kim', ['KIMPL', 'KIMpL']],
  ['KIMpL', ['KIMpL', 'KIMPL']],
  ['apple', ['AAPD', 'AAPL']],
  ['MSTF', ['MSFT']],
  ['', []],
])('to %j the suggestions are %j', async (text, symbols) => {
  const { status, page, type } = await get(`/suggest?q=${encodeURIComponent(text)}`);
  expect([status, type]).toEqual([200, 'application/json; charset=utf-8']);
  expect(JSON.parse(page).map(({ symbol }: { symbol: string }) => symbol)).toEqual(symbols);
});

test('a symbol that the lake does not hold is said so, with those near it', async () => {
  const { status, page } = await get('/symbols?symbol=MSTF');
  expect(status).toBe(404);
  expect(page).toContain('The lake holds no bar of MSTF');
  expect(page).toContain('<a href="/symbols?symbol=MSFT">MSFT</a>');
});

test.each([
  ['/symbols', 'symbol is empty', 'a symbol such as AAPL'],
  ['/symbols?symbol=A%20B', 'symbol holds blanks or control characters', 'a symbol such as AAPL'],
  ['/symbols?symbol=123', 'symbol is all digits', 'a symbol such as AAPL'],
  [
    '/symbols?symbol=AAPL&interval=4',
    'the lake has no bars of this interval',
    '1 for daily bars, or one of 5 sessions',
  ],
  ['/symbols?symbol=AAPL&interval=__proto__', 'the lake has no bars of this interval', '1 for daily bars'],
  ['/symbols?symbol=AAPL&prices=raw', 'prices is none of its three words', 'traded, adjusted or total_return'],
  ['/symbols?symbol=AAPL&interval=5&prices=traded', 'stored adjusted for splits', 'prices=adjusted, or interval=1'],
  ['/search?q=', 'q is empty', 'part of a symbol'],
  [`/suggest?q=${'a'.repeat(101)}`, 'q is too long', 'at most 100'],
  ['/lists/tickers?date=2026-02-30', 'date is no calendar date', 'written YYYY-MM-DD'],
  ['/lists/tickers?from=-1', 'from is no row', 'a whole number'],
])('%s is answered with 400, what was found and what is wanted', async (url, what, wanted) => {
  const { status, page } = await get(url);
  expect(status).toBe(400);
  expect(page).toContain(what);
  expect(page).toContain(wanted);
});

test('every page of practice data says so, and no name becomes markup on one', async () => {
  for (const url of [
    '/',
    `/nights/${NEWEST}`,
    '/nights/2026-11-24',
    '/symbols?symbol=AAPL',
    '/symbols?symbol=AAPD',
    '/symbols?symbol=MSFT',
    '/symbols?symbol=Q%3CI%3E',
    '/symbols?symbol=%3Cscript%3E',
    '/symbols?symbol=A%20B',
    '/search?q=kim',
    '/search?q=%3Cimg%20src%3Dx%3E',
    '/lists',
    '/lists/tickers',
    '/lists/tickers?q=%3Cscript%3E',
    '/lists/__proto__',
    '/nothing',
  ]) {
    const { page } = await get(url);
    expect(page, url).toContain('<strong>Practice data.</strong>');
    expect(page, url).not.toMatch(/<script|<img|Q<I>/);
  }
});

test('a night that is served leads to the other pages, one that is kept to none', async () => {
  const { page } = await get(`/nights/${NEWEST}`);
  expect(page).toContain('<a href="/">Nights</a>');
  expect(await reportPage(nightReport(), fullHistory())).not.toContain('href="/');
});

test('reference lists are there with their newest snapshot, their rows and a filter', async () => {
  const lists = (await get('/lists')).page;
  expect(lists).toMatch(
    new RegExp(`href="/lists/tickers">tickers</a></th>\\s*<td>${NEWEST}</td>\\s*<td class="number">8<`),
  );
  expect(lists).toContain('none yet');
  const all = (await get('/lists/tickers')).page;
  for (const symbol of Object.keys(NAMES))
    expect(all).toContain(`href="/symbols?symbol=${encodeURIComponent(symbol)}"`);
  const some = (await get('/lists/tickers?q=berkshire')).page;
  expect(some).toContain('1 row of 8 on');
  expect(some).not.toContain('Microsoft');
  expect((await get('/lists/assets')).page).toContain('the lake holds no list of assets');
  expect(await get('/lists/nothing')).toMatchObject({ status: 404, page: expect.stringContaining('one of tickers') });
});

test('a damaged list of splits costs the adjusted prices and is named; the bars as traded stay', async () => {
  await lake.write(keys.snapshot('splits', '2026-11-26'), Buffer.from('no Parquet'));
  const { status, page } = await get('/symbols?symbol=AAPL&prices=adjusted');
  expect(status).toBe(200);
  expect(page).toMatch(
    /Not everything could be read.*splits: Lake\.Corrupt: reference\/splits\/date=2026-11-26\.parquet/,
  );
  expect(page).toContain('as traded, not adjusted');
  await lake.write(keys.snapshot('splits', '2026-11-26'), splitsFile());
  expect((await get('/symbols?symbol=AAPL&prices=adjusted')).page).toContain('adjusted for splits on the newest list');
});

test('what a night stores is on the next page, and what it left alone is not read again', async () => {
  await get('/symbols?symbol=AAPL');
  const before = lake.reads;
  await get('/symbols?symbol=AAPL');
  // The stamp, the history, and the revisions of the one revised session.
  expect(lake.reads - before).toBe(3);
  await lake.remove([keys.manifest]);
  await lake.write(keys.symbol('NEW'), (await lake.read(keys.symbol('NAN')))!);
  expect(JSON.parse((await get('/suggest?q=NEW')).page)[0]).toMatchObject({ symbol: 'NEW' });
});
