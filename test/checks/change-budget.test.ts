import fc from 'fast-check';
import { expect, test } from 'vitest';
import { overBudget } from '../../src/checks/change-budget.ts';

const calm = { before: 100, seen: 100, vanished: 0, rejected: 0 };

test.each([
  ['nothing moved', calm, 0],
  ['exactly a tenth vanished', { ...calm, vanished: 10 }, 0],
  ['one more than a tenth vanished', { ...calm, vanished: 11 }, 1],
  ['everything vanished below the minimum', { before: 19, seen: 0, vanished: 19, rejected: 0 }, 0],
  ['everything vanished at the minimum', { before: 20, seen: 0, vanished: 20, rejected: 0 }, 1],
  ['exactly a twentieth rejected', { ...calm, seen: 95, rejected: 5 }, 0],
  ['more than a twentieth rejected', { ...calm, seen: 94, rejected: 6 }, 1],
  ['few rows, most rejected', { before: 0, seen: 4, vanished: 0, rejected: 15 }, 0],
  ['a first answer with everything rejected', { before: 0, seen: 0, vanished: 0, rejected: 20 }, 1],
  ['both', { before: 100, seen: 50, vanished: 50, rejected: 50 }, 2],
])('%s', (_name, movement, reasons) => {
  expect(overBudget('tickers', movement)).toHaveLength(reasons);
});

test('a reason names the dataset, the counts and the limit', () => {
  expect(overBudget('tickers', { ...calm, seen: 70, vanished: 30 })).toEqual([
    'tickers: 30 of 100 active rows are missing from the answer (30.0 %; at most 10.0 % may vanish in one sync)',
  ]);
});

test('a dataset that only grows is never held', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.nat(10_000), (before, added) => {
      expect(overBudget('assets', { before, seen: before + added, vanished: 0, rejected: 0 })).toEqual([]);
    }),
  );
});
