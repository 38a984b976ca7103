import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readDay } from '../../src/calendar/dates.ts';
import type { Listed } from '../../src/checks/symbol-history.ts';
import { keys } from '../../src/lake/lake.ts';
import { decodeRows } from '../../src/lake/parquet.ts';
import { companyChanges, readSymbolHistory } from '../../src/lake/symbol-history-file.ts';
import { recordHistory } from '../../src/night/publish-list.ts';
import { companyOf, type Profile } from '../../src/records/company.ts';
import { migrate } from '../../src/warehouse/client.ts';
import { readAttempts, storeCompanies, storeValuations } from '../../src/warehouse/enrichment.ts';
import { changedOn, readHistory, writeHistory } from '../../src/warehouse/reference.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { type LocalWarehouse, openLocalWarehouse } from './local-warehouse.ts';

const [D1, D2, D3] = ['2025-11-17', '2025-11-18', '2025-11-19'] as const;
let warehouse: LocalWarehouse;
let lake: MemoryLake;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await migrate(warehouse);
});
beforeEach(async () => {
  await warehouse.query('TRUNCATE symbol_history');
  lake = new MemoryLake();
});
afterAll(() => warehouse.close());

const record = (list: Listed[], session: string, { dataset = 'tickers', before = true } = {}) =>
  recordHistory(dataset, list, { session, before }, { lake, warehouse });
const stored = () =>
  warehouse.query(`SELECT symbol, figi, valid_from::text AS from, valid_to::text AS to, reason, ending
    FROM symbol_history ORDER BY symbol, valid_from`);
const changes = async (date: string) => {
  const bytes = await lake.read(keys.symbolChanges('tickers', date));
  const rows = bytes ? await decodeRows(bytes, 'changes', ['change', 'symbol', 'former_symbol']) : [];
  return rows.map((row) => {
    const { change, symbol, former_symbol } = row as Record<string, string>;
    return [change, symbol, former_symbol];
  });
};
const fb = { symbol: 'FB', figi: 'F1' };
const fund = { symbol: 'META', figi: 'F2' };

test('a rename, a reuse, a listing and a delisting are dated in the table and told in the lake', async () => {
  await record([fb, fund, { symbol: 'GONE' }], D1);
  expect(await changes(D1)).toEqual([]);
  const list = [
    { ...fb, symbol: 'META' },
    { ...fund, symbol: 'METV' },
    { symbol: 'NEW', figi: 'F3' },
  ];
  await record(list, D2);
  expect(await stored()).toEqual([
    { symbol: 'FB', figi: 'F1', from: D1, to: D2, reason: 'first seen', ending: 'renamed to META' },
    { symbol: 'GONE', figi: null, from: D1, to: D2, reason: 'first seen', ending: 'no longer listed' },
    { symbol: 'META', figi: 'F2', from: D1, to: D2, reason: 'first seen', ending: 'renamed to METV' },
    { symbol: 'META', figi: 'F1', from: D2, to: null, reason: 'renamed from FB; symbol reused', ending: null },
    { symbol: 'METV', figi: 'F2', from: D2, to: null, reason: 'renamed from META', ending: null },
    { symbol: 'NEW', figi: 'F3', from: D2, to: null, reason: 'listed', ending: null },
  ]);
  expect(await changes(D2)).toEqual([
    ['vanished', 'GONE', null],
    ['renamed', 'META', 'FB'],
    ['renamed', 'METV', 'META'],
    ['added', 'NEW', null],
  ]);
});

test('the same list again writes nothing, in the table or in the lake', async () => {
  await record([fb], D1);
  await record([fb, fund], D2);
  const written = lake.changes.length;
  const sent = warehouse.sent.length;
  await record([fb, fund], D2);
  await record([fb, fund], D3);
  expect(lake.changes.slice(written)).toEqual([]);
  expect(warehouse.sent.slice(sent).filter(({ sql }) => /INSERT/.test(sql))).toEqual([]);
});

test('killed after the table and before the lake, the next call tells the same changes', async () => {
  await record([fb], D1);
  await record([{ ...fb, symbol: 'META' }], D2);
  const told = await changes(D2);
  lake = new MemoryLake();
  await record([{ ...fb, symbol: 'META' }], D2);
  expect(await changes(D2)).toEqual(told);
});

test('a change that was taken back within its session is told no longer', async () => {
  await record([fb], D1);
  await record([fb, fund], D2);
  expect(await changes(D2)).toEqual([['added', 'META', null]]);
  await record([fb], D2);
  expect(await changes(D2)).toEqual([]);
  expect(await stored()).toHaveLength(1);
});

test('a list released on the day of the first one tells its changes, also when its call is repeated', async () => {
  await record([fb, { symbol: 'GONE' }], D1, { before: false });
  expect(await changes(D1)).toEqual([]);
  const list = [{ ...fb, symbol: 'META' }, { symbol: 'NEW' }];
  for (let call = 0; call < 2; call++) {
    await record(list, D1);
    expect(await changes(D1)).toEqual([
      ['vanished', 'GONE', null],
      ['renamed', 'META', 'FB'],
      ['added', 'NEW', null],
    ]);
    lake = new MemoryLake();
  }
  expect((await stored()).map(({ symbol, from, to }) => [symbol, from, to])).toContainEqual(['GONE', D1, D1]);
  await record([...list, { symbol: 'GONE' }], D1);
  expect(await changes(D1)).toEqual([
    ['renamed', 'META', 'FB'],
    ['added', 'NEW', null],
  ]);
});

test('a first list that was killed begins the record all the same', async () => {
  await record([fb], D1, { before: false });
  await record([fb, fund], D1, { before: false });
  expect(await changes(D1)).toEqual([]);
});

test('two lists keep histories of their own', async () => {
  await record([fb], D1);
  await record([{ symbol: 'FB', assetId: 'id-1' }], D2, { dataset: 'assets' });
  expect(await readHistory(warehouse, 'assets')).toEqual([
    { symbol: 'FB', assetId: 'id-1', validFrom: D2, validTo: null, reason: 'first seen', ending: null },
  ]);
  expect(await readHistory(warehouse, 'tickers')).toHaveLength(1);
});

test('the lake has a copy of the history, which tells the companies behind a symbol apart', async () => {
  const copy = async () => [...((await readSymbolHistory(lake)) ?? new Map())];
  await record([fb, fund, { symbol: 'GONE' }], D1);
  await record([fb, { symbol: 'META', figi: 'F1' }], D2);
  const [d1, d2] = [D1, D2].map((date) => readDay(date)!) as [number, number];
  expect(await copy()).toEqual([
    ['FB', [{ from: d1, to: null, companyFrom: d1, identified: true }]],
    ['GONE', [{ from: d1, to: d2, companyFrom: d1, identified: false }]],
    [
      'META',
      [
        { from: d1, to: d2, companyFrom: d1, identified: true },
        { from: d2, to: null, companyFrom: d2, identified: true },
      ],
    ],
  ]);
  const written = lake.changes.length;
  await record([fb, { symbol: 'META', figi: 'F1' }], D3);
  expect(lake.changes.slice(written)).toEqual([]);
});

test('killed between the table and the copy in the lake, the next list writes the copy', async () => {
  await record([fund], D1);
  lake.killBefore = lake.changes.length;
  await expect(record([{ symbol: 'META', figi: 'F9' }], D2)).rejects.toThrow();
  const saved = lake.copy();
  lake = saved;
  await record([{ symbol: 'META', figi: 'F9' }], D3);
  expect([...companyChanges((await readSymbolHistory(lake))!)]).toEqual([['META', [readDay(D2)!]]]);
});

test('what is stored of a company goes when its symbol passes on, and nothing of any other symbol', async () => {
  await warehouse.query('TRUNCATE symbol_metadata, dcf_valuations, enrichment_attempts');
  const names = async () =>
    (await warehouse.query('SELECT symbol FROM symbol_metadata ORDER BY 1')).map((row) => row.symbol);
  const store = async (symbol: string, at: string) => {
    const attempt = { symbol, ending: 'ok', reason: null, answer: null };
    const company = companyOf(symbol, { profile: { symbol, companyName: at, sector: 'Energy' } as Profile });
    await storeCompanies(warehouse, `${at}T09:00:00.000Z`, [{ attempt, record: company }]);
    const valuation = { symbol, date: at, dcf: 1, stockPrice: 1, source: 'fmp' as const };
    await storeValuations(warehouse, `${at}T09:00:00.000Z`, [{ attempt, record: valuation }]);
  };
  await record([fb, fund], D1);
  for (const symbol of ['FB', 'META']) await store(symbol, D1);
  await record([fb, { symbol: 'META', figi: 'F9' }], D2);
  expect(await names()).toEqual(['FB']);
  expect(await warehouse.query('SELECT symbol FROM dcf_valuations')).toEqual([{ symbol: 'FB' }]);
  expect([...(await readAttempts(warehouse, 'metadata')).keys()]).toEqual(['FB']);
  await store('META', D2);
  for (const date of [D2, D3]) await record([fb, { symbol: 'META', figi: 'F9' }], date);
  expect(await names()).toEqual(['FB', 'META']);
  const rows = await warehouse.query('SELECT figi, valid_from::text AS since FROM symbol_metadata ORDER BY symbol');
  expect(rows).toEqual([
    { figi: 'F1', since: D1 },
    { figi: 'F9', since: D2 },
  ]);
});

test('a history of 12,000 symbols is written and read in a few statements', async () => {
  const rows = Array.from({ length: 12_000 }, (_, index) => {
    const figi = `BBG${String(index).padStart(9, '0')}`;
    return { symbol: `S${index}p`, figi, validFrom: D1, validTo: null, reason: 'listed', ending: null };
  });
  let sent = warehouse.sent.length;
  await writeHistory(warehouse, 'tickers', rows);
  expect(warehouse.sent.length - sent).toBe(1);
  sent = warehouse.sent.length;
  const read = await readHistory(warehouse, 'tickers');
  expect(warehouse.sent.length - sent).toBe(4);
  expect(read[0]).toEqual(rows.find(({ symbol }) => symbol === 'S0p'));
  expect(new Set(read.map(({ symbol }) => symbol)).size).toBe(12_000);
  expect(await changedOn(warehouse, 'tickers', D1)).toHaveLength(12_000);
});

test('the row of a symbol on a date is one question', async () => {
  await record([fb, fund], D1);
  await record([{ ...fb, symbol: 'META' }], D3);
  const [before] = await warehouse.query(
    `SELECT figi FROM symbol_history WHERE dataset = 'tickers' AND symbol = 'META'
     AND valid_from <= '${D2}' AND (valid_to IS NULL OR valid_to > '${D2}')`,
  );
  expect(before).toEqual({ figi: 'F2' });
});
