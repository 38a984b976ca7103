import { expect, test } from 'vitest';
import { factorDifferences } from '../../src/checks/split-factors.ts';

const split = (executionDate: string, splitFrom: number, splitTo: number, historicalAdjustmentFactor?: number) => {
  return { symbol: 'AAPL', executionDate, splitFrom, splitTo, historicalAdjustmentFactor };
};
const differences = (...splits: ReturnType<typeof split>[]) => factorDifferences(splits, '2025-11-19');

test('the cumulative factors of AAPL as the vendor documents them are ours', () => {
  const list = [
    split('2005-02-28', 1, 2, 0.017857),
    split('2014-06-09', 1, 7, 0.035714),
    split('2020-08-31', 1, 4, 0.25),
  ];
  expect(differences(...list)).toEqual([]);
  expect(differences(list[0]!, list[2]!)).toEqual([
    { symbol: 'AAPL', executionDate: '2005-02-28', ours: 1 / 8, vendors: 0.017857 },
  ]);
});

test('of two splits of a day one factor is of both; announced ones may be counted or not; no factor says nothing', () => {
  const day = '2025-11-14';
  expect(differences(split(day, 1, 3, 0.31746), split(day, 20, 21, 0.952381))).toEqual([]);
  expect(differences(split(day, 1, 3, 1 / 3), split(day, 20, 21, 0.952381))).toHaveLength(1);
  for (const factor of [0.25, 0.125]) {
    expect(differences(split(day, 1, 4, factor), split('2026-03-02', 1, 2, 0.5))).toEqual([]);
  }
  expect(differences(split(day, 1, 4), split('2026-03-02', 1, 2))).toEqual([]);
});
