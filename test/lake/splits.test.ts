import { describe, expect, test } from 'vitest';
import { readDay } from '../../src/calendar/dates.ts';
import { factorSpans, type PriceSplit, splitsInForce, splitsText } from '../../src/lake/splits-list.ts';

const AAPL: PriceSplit[] = [
  { symbol: 'AAPL', execution_date: '2020-08-31', split_from: 1, split_to: 4 },
  { symbol: 'AAPL', execution_date: '2014-06-09', split_from: 1, split_to: 7 },
];
const factorOn = (splits: readonly PriceSplit[], date: string) =>
  factorSpans(splits).find(({ from, to }) => from <= readDay(date)! && readDay(date)! < to)?.factor ?? 1;
const inForce = (splits: readonly PriceSplit[], newest: string) => splitsInForce(splits, newest).get('AAPL') ?? [];

describe('splits', () => {
  test('AAPL closes of 2014 and 2020 come out as the vendor adjusts them', () => {
    expect(645.57 * factorOn(inForce(AAPL, '2014-06-09'), '2014-06-06')).toBeCloseTo(92.224, 3);
    expect(499.23 * factorOn(inForce(AAPL, '2020-08-31'), '2020-08-28')).toBe(124.8075);
    expect(factorOn(inForce(AAPL, '2025-11-19'), '2014-06-06')).toBe(1 / 28);
    expect(factorOn(inForce(AAPL, '2025-11-19'), '2014-06-09')).toBe(1 / 4);
    expect(factorOn(inForce(AAPL, '2025-11-19'), '2020-08-31')).toBe(1);
  });

  test('a split after the newest session is not in force, a reverse split raises prices, one for one says nothing', () => {
    expect(splitsText(inForce(AAPL, '2020-08-30'))).toBe('2014-06-09 1:7');
    const reverse = { ...AAPL[0]!, split_from: 10, split_to: 1 };
    expect(factorOn(inForce([reverse], '2025-11-19'), '2020-08-28')).toBe(10);
    expect(inForce([{ ...reverse, split_to: 10 }], '2025-11-19')).toEqual([]);
    expect(splitsInForce(AAPL, undefined).size).toBe(0);
  });

  test('two splits of one day are both in force, in order of their ratios whatever the list says, a repeated row once', () => {
    const dividend = { ...AAPL[0]!, split_from: 20, split_to: 21 };
    for (const list of [
      [...AAPL, dividend],
      [dividend, dividend, ...AAPL],
    ]) {
      const both = inForce(list, '2025-11-19');
      expect(splitsText(both)).toBe('2014-06-09 1:7 2020-08-31 1:4 2020-08-31 20:21');
      expect(factorOn(both, '2020-08-28')).toBe(20 / 84);
      expect(factorOn(both, '2014-06-06')).toBe(20 / 588);
      expect(factorOn(both, '2020-08-31')).toBe(1);
    }
  });
});
