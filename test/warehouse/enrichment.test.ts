import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Company } from '../../src/records/company.ts';
import type { Valuation } from '../../src/records/valuation.ts';
import { migrate } from '../../src/warehouse/client.ts';
import {
  type Enriched,
  readAttempts,
  readSkipped,
  storeCompanies,
  storeValuations,
} from '../../src/warehouse/enrichment.ts';
import { type LocalWarehouse, openLocalWarehouse } from './local-warehouse.ts';

const FIRST = '2025-11-20T09:00:00.000Z';
const LATER = '2025-11-21T09:00:00.000Z';

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await migrate(warehouse);
});
beforeEach(async () => {
  await warehouse.query('TRUNCATE symbol_metadata, dcf_valuations, enrichment_attempts');
});
afterAll(() => warehouse.close());

const attempt = (symbol: string, ending = 'ok', reason: string | null = null, answer: unknown = null) => {
  return { symbol, ending, reason, answer };
};
const company = (symbol: string, more: Partial<Company> = {}): Enriched<Company> => ({
  attempt: attempt(symbol),
  record: {
    symbol,
    name: `${symbol} Inc`,
    sector: 'Technology',
    industry: 'Software',
    sicCode: '7372',
    exchange: 'XNAS',
    type: 'CS',
    listDate: '1999-01-04',
    marketCap: 1.25e12,
    description: 'Makes things.',
    source: 'fmp',
    ...more,
  },
});
const valuation = (symbol: string, more: Partial<Valuation> = {}): Enriched<Valuation> => ({
  attempt: attempt(symbol),
  record: { symbol, date: '2025-11-19', dcf: 159.36622443786206, stockPrice: 258.25, source: 'fmp', ...more },
});
const companies = () => warehouse.query('SELECT *, fetched_at::text AS at FROM symbol_metadata ORDER BY symbol');
const valuations = () =>
  warehouse.query(
    'SELECT symbol, date::text AS date, dcf, stock_price, fetched_at::text AS at FROM dcf_valuations ORDER BY symbol',
  );

test('new and changed companies are counted, and the same ones again change nothing', async () => {
  const first = [company('A'), company('B'), company('C', { sector: null, marketCap: null })];
  expect(await storeCompanies(warehouse, FIRST, first)).toEqual({ new: 3, changed: 0, kept: 0 });
  const before = await companies();
  expect(await storeCompanies(warehouse, LATER, first)).toEqual({ new: 0, changed: 0, kept: 0 });
  expect(await companies()).toEqual(before);
  expect(await storeCompanies(warehouse, LATER, [company('B', { marketCap: 2 })])).toEqual({
    new: 0,
    changed: 1,
    kept: 0,
  });
  expect((await companies()).map(({ market_cap, at }) => [market_cap, at])).toEqual([
    ['1250000000000', '2025-11-20 09:00:00'],
    ['2', '2025-11-21 09:00:00'],
    [null, '2025-11-20 09:00:00'],
  ]);
});

test('a field that nobody names any more keeps its value', async () => {
  await storeCompanies(warehouse, FIRST, [company('A')]);
  const bare = { name: null, industry: null, sicCode: null, listDate: null, marketCap: null, description: null };
  expect(await storeCompanies(warehouse, LATER, [company('A', bare)])).toEqual({ new: 0, changed: 0, kept: 0 });
});

test("a sector derived from a SIC code gives way to FMP's and never replaces it", async () => {
  const derived = { sector: 'Services', industry: 'PREPACKAGED SOFTWARE', source: 'polygon', name: 'A INC.' } as const;
  await storeCompanies(warehouse, FIRST, [company('A', derived), company('B')]);
  await storeCompanies(warehouse, LATER, [company('A'), company('B', derived)]);
  expect((await companies()).map(({ symbol, name, sector, source }) => [symbol, name, sector, source])).toEqual([
    ['A', 'A Inc', 'Technology', 'fmp'],
    ['B', 'B Inc', 'Technology', 'fmp'],
  ]);
});

test('a profile without a sector takes none away', async () => {
  const derived = { sector: 'Services', industry: 'SOFTWARE', source: 'polygon' } as const;
  await storeCompanies(warehouse, FIRST, [company('A', derived)]);
  await storeCompanies(warehouse, LATER, [company('A', { sector: null, industry: null, source: 'fmp' })]);
  expect((await companies())[0]).toMatchObject({ sector: 'Services', industry: 'SOFTWARE', source: 'polygon' });
});

test('a valuation is one row a symbol, negative ones too, and an older one changes nothing', async () => {
  const first = [valuation('A'), valuation('B', { dcf: -3.5, stockPrice: null })];
  expect(await storeValuations(warehouse, FIRST, first)).toEqual({ new: 2, changed: 0, kept: 0 });
  expect(await storeValuations(warehouse, LATER, first)).toEqual({ new: 0, changed: 0, kept: 0 });
  const next = [valuation('A', { date: '2025-11-18', dcf: 1 }), valuation('B', { date: '2025-11-20', dcf: -4 })];
  expect(await storeValuations(warehouse, LATER, next)).toEqual({ new: 0, changed: 1, kept: 0 });
  expect(await valuations()).toEqual([
    { symbol: 'A', date: '2025-11-19', dcf: '159.36622443786206', stock_price: '258.25', at: '2025-11-20 09:00:00' },
    { symbol: 'B', date: '2025-11-20', dcf: '-4', stock_price: '258.25', at: '2025-11-21 09:00:00' },
  ]);
});

test('an empty answer touches no row; that it was asked for is kept beside', async () => {
  await storeValuations(warehouse, FIRST, [valuation('A')]);
  const before = await valuations();
  const empty = [attempt('A', 'empty', 'FMP has no valuation'), attempt('Z', 'empty', 'FMP has no valuation')];
  const none = empty.map((one) => ({ attempt: one, record: undefined }));
  expect(await storeValuations(warehouse, LATER, none)).toEqual({ new: 0, changed: 0, kept: 1 });
  expect(await valuations()).toEqual(before);
  const at = Date.parse(LATER);
  expect(await readAttempts(warehouse, 'valuations')).toEqual(
    new Map([
      ['A', { ending: 'empty', at }],
      ['Z', { ending: 'empty', at }],
    ]),
  );
  expect(await readAttempts(warehouse, 'metadata')).toEqual(new Map());
  expect((await readSkipped(warehouse, 'valuations', LATER)).map(({ symbol }) => symbol)).toEqual(['A', 'Z']);
  expect(await readSkipped(warehouse, 'valuations', FIRST)).toEqual([]);
});

test('what PostgreSQL cannot hold is left out of texts, and odd ones are values, never SQL', async () => {
  const description = `a\u0000b \ud800 c \\u0000 "q" 'x' :at 😀`;
  await storeCompanies(warehouse, FIRST, [company("O'A:b", { description })]);
  const row = { bad: '\u0000' };
  await storeCompanies(warehouse, FIRST, [{ attempt: attempt('BAD', 'invalid', 'x', row), record: undefined }]);
  expect((await companies())[0]).toMatchObject({ symbol: "O'A:b", description: `ab  c \\u0000 "q" 'x' :at 😀` });
  expect(await readSkipped(warehouse, 'metadata', FIRST)).toEqual([{ symbol: 'BAD', reason: 'x', row: { bad: '' } }]);
});

test('more than a request can hold is sent in parts', async () => {
  const many = Array.from({ length: 300 }, (_, index) => company(`S${index}`, { description: 'x'.repeat(20_000) }));
  warehouse.sent.length = 0;
  expect(await storeCompanies(warehouse, FIRST, many)).toEqual({ new: 300, changed: 0, kept: 0 });
  expect(warehouse.sent.length).toBeGreaterThan(1);
  for (const { values } of warehouse.sent) expect(JSON.stringify(values).length).toBeLessThan(4 * 1024 * 1024);
});
