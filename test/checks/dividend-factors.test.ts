import { expect, test } from 'vitest';
import { dividendDifferences, dividendFactor } from '../../src/checks/dividend-factors.ts';
import type { Dividend } from '../../src/records/dividend.ts';

const of = (exDate: string, cashAmount: number, more: Partial<Dividend> = {}): Dividend => {
  return { symbol: 'AAPL', exDate, cashAmount, currency: 'USD', distributionType: 'recurring', ...more };
};
const closes: Record<string, number> = { '2025-08-11': 229.35, '2025-11-10': 268.47 };
const closeBefore = (_: string, day: string) => closes[day];

test("the vendor's documented factor is the product of 1 - amount / close before", () => {
  // AAPL paid 0.26 twice more in 2025; the closes before were those of August 8 and November 7.
  const [august, november] = [229.35, 268.47].map((close) => dividendFactor(0.26, close)!);
  expect(august! * november!).toBeCloseTo(0.997899, 6);
});

test("only each symbol's newest dividend in force is compared, and a differing factor is reported", () => {
  const right = of('2025-11-10', 0.26, { historicalAdjustmentFactor: 0.999032 });
  const older = of('2025-08-11', 0.26, { historicalAdjustmentFactor: 0.5 });
  const announced = of('2026-02-09', 0.26);
  expect(dividendDifferences([older, right, announced], '2025-11-20', closeBefore)).toEqual([]);
  const wrong = { ...right, historicalAdjustmentFactor: 0.999034 };
  expect(dividendDifferences([older, wrong], '2025-11-20', closeBefore)).toEqual([
    { symbol: 'AAPL', exDate: '2025-11-10', ours: dividendFactor(0.26, 268.47), vendors: 0.999034 },
  ]);
  expect(dividendDifferences([wrong], '2025-11-20', () => undefined)).toEqual([]);
});

test('two dividends of a day are one factor', () => {
  const special = of('2025-11-10', 1, { distributionType: 'special', historicalAdjustmentFactor: 0.995307 });
  const regular = of('2025-11-10', 0.26, { historicalAdjustmentFactor: 0.995307 });
  expect(dividendDifferences([special, regular], '2025-11-20', closeBefore)).toEqual([]);
});

test('another currency is not compared; cash that is no less than the close before has no factor', () => {
  const foreign = of('2025-11-10', 0.26, { currency: 'EUR', historicalAdjustmentFactor: 0.9 });
  expect(dividendDifferences([foreign], '2025-11-20', closeBefore)).toEqual([]);
  const liquidated = of('2025-11-10', 300, { historicalAdjustmentFactor: 0.1 });
  expect(dividendDifferences([liquidated], '2025-11-20', closeBefore)).toMatchObject([{ ours: undefined }]);
});

test('an announced dividend that the vendor counts already is counted here too', () => {
  const newest = of('2025-11-10', 0.26, { historicalAdjustmentFactor: 0.998064 });
  const announced = of('2025-11-21', 0.26, { historicalAdjustmentFactor: 0.999031 });
  expect(dividendDifferences([newest, announced], '2025-11-20', closeBefore)).toEqual([]);
  expect(dividendDifferences([newest], '2025-11-20', closeBefore)).toHaveLength(1);
});
