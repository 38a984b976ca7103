import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dropRepeatedSplits, parseSplits, type Split, splitKey } from '../../src/records/split.ts';

const row = (ticker: string, execution_date: string, more = {}) => ({
  id: 'E1',
  ticker,
  execution_date,
  split_from: 1,
  split_to: 4,
  ...more,
});
const split = (symbol: string, executionDate: string, splitFrom = 1, splitTo = 4): Split => ({
  symbol,
  executionDate,
  splitFrom,
  splitTo,
});

test('rows of both endpoints give the same split', () => {
  const more = { adjustment_type: 'forward_split', historical_adjustment_factor: 0.25 };
  const { records, rejected, unknownFields } = parseSplits([
    row('AAPL', '2020-08-31', more),
    row('AAPL', '2014-06-09'),
  ]);
  const told = { adjustmentType: 'forward_split', historicalAdjustmentFactor: 0.25 };
  expect(records).toEqual([{ ...split('AAPL', '2020-08-31'), ...told }, split('AAPL', '2014-06-09')]);
  expect([rejected, unknownFields]).toEqual([[], []]);
});

test('what is no split is rejected with its row', () => {
  const { records, rejected } = parseSplits([
    row('AAPL', '2020-08-31'),
    row('AAPL', '2020-08-31', { id: 'E2' }),
    row('AAPL', '2020-08-31', { split_to: 1.05, adjustment_type: 'stock_dividend' }),
    row('ZERO', '2020-08-31', { split_from: 0 }),
    row('TEXT', '2020-08-31', { split_to: '4' }),
    row('SAME', '2020-08-31', { split_to: 1 }),
    row('DAY', '2020-02-30'),
    row('', '2020-08-31'),
    row('KIMpL', '2031-01-02', { split_from: 3, split_to: 2.5 }),
    null,
  ]);
  expect(records.map(splitKey)).toEqual(['AAPL 2020-08-31 1:4', 'AAPL 2020-08-31 1:1.05', 'KIMpL 2031-01-02 3:2.5']);
  expect(rejected.map(({ symbol, reason }) => `${symbol}: ${reason}`)).toEqual([
    'AAPL: duplicate row',
    expect.stringContaining('ZERO: split_from'),
    expect.stringContaining('TEXT: split_to'),
    'SAME: as many shares after it as before',
    'DAY: execution_date: expected a date YYYY-MM-DD',
    ': symbol is empty',
    expect.stringContaining(': symbol is missing'),
  ]);
});

test('one ratio on two dates within ten days is one split, on the later date', () => {
  const splits = [
    split('SHOP', '2022-06-22', 1, 10),
    split('SHOP', '2022-06-29', 10, 100),
    split('SHOP', '2022-08-29', 1, 10),
    split('OTHER', '2022-06-25', 1, 10),
    split('TWO', '2022-06-22', 1, 10),
    split('TWO', '2022-06-24', 1, 2),
    split('DAY', '2022-06-24', 1, 2),
    split('DAY', '2022-06-24', 20, 21),
    split('DAY', '2022-06-24', 1, 1.05),
  ];
  const { records, rejected } = dropRepeatedSplits(splits);
  expect(records.map(splitKey)).toEqual([
    'SHOP 2022-06-29 10:100',
    'SHOP 2022-08-29 1:10',
    'OTHER 2022-06-25 1:10',
    'TWO 2022-06-22 1:10',
    'TWO 2022-06-24 1:2',
    'DAY 2022-06-24 1:2',
    'DAY 2022-06-24 20:21',
  ]);
  expect(rejected).toEqual([
    { symbol: 'SHOP', reason: 'listed again for 2022-06-29', row: splits[0] },
    { symbol: 'DAY', reason: 'listed again for 2022-06-24', row: splits[8] },
  ]);
});

test('of any list each split is kept or named, and no symbol loses all of its splits', () => {
  const day = fc.integer({ min: 10, max: 28 }).map((number) => `2024-01-${number}`);
  const any = fc.record({
    symbol: fc.constantFrom('A', 'B'),
    executionDate: day,
    splitFrom: fc.constantFrom(1, 10),
    splitTo: fc.constantFrom(2, 20),
  });
  fc.assert(
    fc.property(fc.uniqueArray(any, { selector: splitKey }), (splits) => {
      const { records, rejected } = dropRepeatedSplits(splits);
      expect(records.length + rejected.length).toBe(splits.length);
      const symbolsOf = (some: readonly Split[]) => [...new Set(some.map(({ symbol }) => symbol))].sort();
      expect(symbolsOf(records)).toEqual(symbolsOf(splits));
    }),
  );
});
