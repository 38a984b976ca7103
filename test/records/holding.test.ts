import { expect, test } from 'vitest';
import { parseHoldings, parsePortfolios } from '../../src/records/holding.ts';

test('quantities come as numbers or as text, short ones too; unknown attributes are left out', () => {
  const { records, rejected } = parseHoldings([
    { portfolio: 'a', symbol: 'KIMpL', quantity: 3, averageCost: '2.5', note: 'x' },
    { portfolio: 'a', symbol: 'BRK.B', quantity: '-1.25' },
  ]);
  expect(records).toEqual([
    { portfolio: 'a', symbol: 'KIMpL', quantity: 3, averageCost: 2.5 },
    { portfolio: 'a', symbol: 'BRK.B', quantity: -1.25 },
  ]);
  expect(rejected).toEqual([]);
});

test('what cannot be read is rejected with the reason, and nothing is dropped', () => {
  const items = [
    { portfolio: 'a', symbol: '', quantity: 1 },
    { portfolio: ' ', symbol: 'T', quantity: 1 },
    { portfolio: 'a\u202E', symbol: 'T', quantity: 1 },
    { portfolio: 'a', symbol: 'T', quantity: 'many' },
    { portfolio: 'a', symbol: '123', quantity: 1 },
    null,
  ];
  const { records, rejected } = parseHoldings(items);
  expect(records).toEqual([]);
  expect(rejected.map(({ reason }) => reason)).toEqual([
    'symbol is empty',
    'portfolio is missing',
    'portfolio holds control characters',
    expect.stringContaining('quantity'),
    'symbol is all digits',
    'portfolio is missing',
  ]);
});

test('a portfolio is active unless it says otherwise', () => {
  const { records } = parsePortfolios([{ portfolio: 'a' }, { portfolio: 'b', name: 'B', active: false }]);
  expect(records).toEqual([
    { portfolio: 'a', name: undefined, active: true },
    { portfolio: 'b', name: 'B', active: false },
  ]);
});
