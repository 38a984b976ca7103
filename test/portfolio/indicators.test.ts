import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { movingAverage, wilderRsi } from '../../src/portfolio/indicators.ts';

const REFERENCES = fileURLToPath(new URL('../../../shared/data/indicator-references.json', import.meta.url));

interface References {
  talib_test_rsi_xls_period9: { close: number[]; rsi9_from_index_9: number[] };
  talib_test_rsi_c_period14: { close: number[]; rsi14: Record<string, number>; tolerance: number };
  technicalindicators_stockcharts_period14: { close: number[]; rsi14_from_index_14_2dp: number[] };
  skender_default_csv: { inputs: string };
}

function references(): References | undefined {
  if (existsSync(REFERENCES)) return JSON.parse(readFileSync(REFERENCES, 'utf8')) as References;
  console.log('SKIPPED: indicators against published references: ../shared/data/indicator-references.json is absent');
  expect(process.env.REQUIRE_ALL).not.toBe('1');
  return undefined;
}

/** Published with two digits: half a unit of the last one is what rounding can hide. */
const TWO_DIGITS = 0.005 + 1e-9;

describe('published references are reproduced', () => {
  test('TA-Lib test_RSI.xls, period 9, to the last digits', () => {
    const found = references()?.talib_test_rsi_xls_period9;
    if (!found) return;
    const values = wilderRsi(found.close, 9).slice(9) as number[];
    expect(values).toHaveLength(found.rsi9_from_index_9.length);
    for (const [i, wanted] of found.rsi9_from_index_9.entries())
      expect(Math.abs(values[i]! - wanted)).toBeLessThan(1e-12);
  });

  test('TA-Lib test_rsi.c, period 14, within its stated tolerance', () => {
    const found = references()?.talib_test_rsi_c_period14;
    if (!found) return;
    const values = wilderRsi(found.close, 14);
    expect(Object.keys(found.rsi14).length).toBeGreaterThan(3);
    for (const [index, wanted] of Object.entries(found.rsi14)) {
      expect(Math.abs(values[Number(index)]! - wanted)).toBeLessThanOrEqual(found.tolerance);
    }
  });

  test("technicalindicators' StockCharts series, period 14, to its two digits", () => {
    const found = references()?.technicalindicators_stockcharts_period14;
    if (!found) return;
    const values = wilderRsi(found.close, 14).slice(14) as number[];
    expect(values).toHaveLength(found.rsi14_from_index_14_2dp.length);
    for (const [i, wanted] of found.rsi14_from_index_14_2dp.entries()) {
      expect(Math.abs(values[i]! - wanted)).toBeLessThanOrEqual(TWO_DIGITS);
    }
  });
});

const prices = fc.array(fc.double({ min: 0.01, max: 10_000, noNaN: true }), { minLength: 16, maxLength: 300 });

test('the first value stands at index 14, and every one lies between 0 and 100', () => {
  fc.assert(
    fc.property(prices, (closes) => {
      const values = wilderRsi(closes, 14);
      expect(values.slice(0, 14)).toEqual(new Array(14).fill(undefined));
      for (const value of values.slice(14)) {
        if (value !== null) expect(value).toBeGreaterThanOrEqual(0);
        if (value !== null) expect(value).toBeLessThanOrEqual(100);
      }
    }),
  );
});

test('another unit of price changes the average with it and the RSI not at all', () => {
  fc.assert(
    fc.property(prices, fc.constantFrom(0.25, 0.5, 2, 8), (closes, unit) => {
      const other = closes.map((close) => close * unit);
      expect(wilderRsi(other, 14)).toEqual(wilderRsi(closes, 14));
      expect(movingAverage(other, 10)! / unit).toBeCloseTo(movingAverage(closes, 10)!, 8);
    }),
  );
});

test('250 bars of warm-up are enough: what came before moves the RSI by less than a ten-thousandth', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), (seed) => {
      let state = seed;
      const random = () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
      };
      const closes = [100];
      for (let i = 1; i < 900; i++) closes.push(closes[i - 1]! * (1 + (random() - 0.5) / 20));
      const late = wilderRsi(closes.slice(-250), 14).at(-1)!;
      expect(Math.abs(late - wilderRsi(closes, 14).at(-1)!)).toBeLessThan(1e-4);
    }),
    { numRuns: 50 },
  );
});

test('only gains are 100, only losses 0, no movement is no value', () => {
  const rising = Array.from({ length: 20 }, (_, i) => 10 + i);
  expect(wilderRsi(rising, 14).at(-1)).toBe(100);
  expect(wilderRsi(rising.toReversed(), 14).at(-1)).toBe(0);
  expect(wilderRsi(new Array(20).fill(5), 14).at(-1)).toBeNull();
});

test('a mean needs as many closes as it is long, and a period is a whole number', () => {
  const closes = Array.from({ length: 50 }, (_, i) => i + 1);
  expect(movingAverage(closes, 50)).toBe(25.5);
  expect(movingAverage(closes.slice(1), 50)).toBeUndefined();
  expect(() => movingAverage(closes, 0)).toThrow(expect.objectContaining({ name: 'Data.Invalid' }));
});
