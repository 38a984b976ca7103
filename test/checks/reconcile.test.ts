import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countReasons, type Lists, reconcile } from '../../src/checks/compare-lists.ts';

const listing = (market: string | null = 'stocks', type: string | null = 'CS') => ({ market, type });
const asset = (tradable = true, exchange = 'NYSE') => ({ tradable, exchange });
const nothing: Lists = { refused: new Map(), gone: new Map() };

/** Reasons of one symbol, in lists that otherwise hold A everywhere. */
function reasonOf(symbol: string, more: Partial<Lists>): string | null {
  const lists = {
    ...nothing,
    polygon: new Map([['A', listing()]]),
    alpaca: new Map([['A', asset()]]),
    index: new Set(['A']),
    bars: new Set(['A']),
    ...more,
  };
  return reconcile(lists).find((row) => row.symbol === symbol)!.reason;
}
const withA = <T>(value: T, symbol: string, more: T) =>
  new Map([
    ['A', value],
    [symbol, more],
  ]);
const both = (symbol: string) => new Set(['A', symbol]);

test('a symbol that every list has differs in nothing, and need not be in the index', () => {
  expect(reasonOf('A', {})).toBeNull();
  expect(reasonOf('A', { index: new Set() })).toBeNull();
});

test.each<[string, string, Partial<Lists>, string]>([
  [
    'OTC',
    'ABCDF',
    { polygon: withA(listing(), 'ABCDF', listing('otc', 'OS')), bars: both('ABCDF') },
    'OTC: not at Alpaca',
  ],
  [
    'a warrant',
    'B.WS',
    { polygon: withA(listing(), 'B.WS', listing('stocks', 'WARRANT')), bars: both('B.WS') },
    'warrant: not at Alpaca',
  ],
  ['a stock Alpaca lacks', 'B', { polygon: withA(listing(), 'B', listing()), bars: both('B') }, 'not at Alpaca'],
  [
    'a quiet stock',
    'B',
    { polygon: withA(listing(), 'B', listing()), alpaca: withA(asset(), 'B', asset()) },
    'listed but did not trade today',
  ],
  [
    'a pair of coins',
    'X:BTCUSD',
    { polygon: withA(listing(), 'X:BTCUSD', listing('crypto', null)) },
    'crypto: has no stock bars; crypto: not at Alpaca',
  ],
  ['a test symbol', 'ZVZZT', { bars: both('ZVZZT') }, 'bar without listing: test symbol'],
  ['another test symbol', 'NTEST', { bars: both('NTEST') }, 'bar without listing: test symbol'],
  ['a when-issued share', 'ABCw', { bars: both('ABCw') }, 'bar without listing: when-issued'],
  ['a right', 'ABCr', { bars: both('ABCr') }, 'bar without listing: rights'],
  ['an unknown bar', 'B', { bars: both('B') }, 'bar without listing at Polygon'],
  [
    'a delisted one that still trades',
    'B',
    { bars: both('B'), gone: new Map([['B', '2025-11-10']]) },
    'bar of a symbol inactive at Polygon since 2025-11-10',
  ],
  [
    'a placeholder of Alpaca',
    '29RGT1',
    { alpaca: withA(asset(), '29RGT1', asset(false)) },
    'at Alpaca only: not tradable there',
  ],
  [
    'an index member nobody lists',
    'B',
    { index: both('B') },
    'index member without a listing at Polygon; index member without a bar',
  ],
  [
    'a refused bar',
    'B',
    {
      polygon: withA(listing(), 'B', listing()),
      alpaca: withA(asset(), 'B', asset()),
      refused: new Map([['B', { dataset: 'prices', reason: 'high is below low' }]]),
    },
    'prices row refused: high is below low',
  ],
  [
    'a refused asset',
    '231992017',
    { refused: new Map([['231992017', { dataset: 'assets', reason: 'symbol is all digits' }]]) },
    'assets row refused: symbol is all digits',
  ],
])('%s has its reason', (_what, symbol, lists, reason) => expect(reasonOf(symbol, lists)).toBe(reason));

describe('spellings', () => {
  const polygon = new Map([
    ['KIMpL', listing('stocks', 'PFD')],
    ['BRK.B', listing()],
  ]);
  const alpaca = new Map([
    ['KIM.PRL', asset()],
    ['BRK.B', asset()],
    ['XYZ.PRA', asset()],
  ]);

  test("Alpaca's is taken for Polygon's only where Polygon lists it", () => {
    const rows = reconcile({ ...nothing, polygon, alpaca });
    expect(rows.map(({ symbol, reason }) => [symbol, reason])).toEqual([
      ['BRK.B', null],
      ['KIMpL', null],
      ['XYZ.PRA', 'at Alpaca only'],
    ]);
  });
});

test('a list nobody fetched is unknown and makes no difference', () => {
  const [row] = reconcile({ ...nothing, polygon: new Map([['B', listing()]]) });
  const reason = { reason: null, differences: [] };
  expect(row).toEqual({ symbol: 'B', polygon: true, alpaca: null, index: null, bars: null, ...reason });
});

test('every symbol of every list has exactly one row, and every difference a reason', () => {
  const symbols = fc.subarray(['A', 'B', 'CpD', 'C.PRD', 'ZVZZT', 'Ew', 'F.WS', 'G', '12345']);
  fc.assert(
    fc.property(symbols, symbols, symbols, symbols, symbols, (p, a, i, b, r) => {
      const lists: Lists = {
        polygon: new Map(p.map((symbol) => [symbol, listing()])),
        alpaca: new Map(a.map((symbol) => [symbol, asset()])),
        index: new Set(i),
        bars: new Set(b),
        refused: new Map(r.map((symbol) => [symbol, { dataset: 'prices', reason: 'close is not a number' }])),
        gone: new Map(),
      };
      const rows = reconcile(lists);
      const named = rows.map(({ symbol }) => symbol);
      expect(named).toEqual([...new Set(named)].sort());
      for (const symbol of new Set([...p, ...i, ...b, ...r])) expect(named).toContain(symbol);
      for (const symbol of a) expect(named.includes(symbol) || named.includes('CpD')).toBe(true);
      for (const row of rows) {
        const alike = row.polygon === row.alpaca && row.polygon === row.bars && (!row.index || row.polygon === true);
        if (!alike) expect(row.reason, JSON.stringify(row)).not.toBeNull();
        else if (!lists.refused.has(row.symbol)) expect(row.reason).toBeNull();
      }
    }),
  );
});

test('reasons are counted, the commonest first, those of several days as one', () => {
  const gone = new Map([
    ['B', '2025-11-10'],
    ['C', '2025-11-11'],
  ]);
  const rows = reconcile({
    ...nothing,
    polygon: new Map([['A', listing()]]),
    bars: new Set(['A', 'B', 'C', 'D']),
    gone,
  });
  expect(countReasons(rows)).toEqual({
    alike: 1,
    reasons: [
      ['bar of a symbol inactive at Polygon since 2025-11-10 to 2025-11-11', 2],
      ['bar without listing at Polygon', 1],
    ],
  });
});

test('what is wrong with a refused row is one kind, whatever its reason says', () => {
  const reasons = ['high is below low; found 2; wanted 3', 'split on 2025-11-10', 'prices refused: of 2025-11-11'];
  const refused = new Map(reasons.map((reason, place) => [`R${place}`, { dataset: 'tickers', reason }]));
  expect(countReasons(reconcile({ ...nothing, refused }))).toEqual({
    alike: 0,
    reasons: [['tickers row refused', 3]],
  });
});
