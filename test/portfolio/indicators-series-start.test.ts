import { expect, test } from 'vitest';
import { sessionAt, sessionNumber } from '../../src/calendar/calendar.ts';
import { readDay } from '../../src/calendar/dates.ts';
import type { Tenure } from '../../src/lake/symbol-history-file.ts';
import { seriesStart } from '../../src/portfolio/indicators.ts';

const LAST = sessionNumber('2025-11-19');
/** The day of a session counted back from the last one. */
const back = (sessions: number) => readDay(sessionAt(LAST - sessions))!;
/** Bars of the sessions from so many back to so many back. */
const bars = (...spans: [from: number, to: number][]) =>
  Int32Array.from(spans.flatMap(([from, to]) => Array.from({ length: from - to + 1 }, (_, i) => back(from - i))));
const tenure = (from: number, to: number | null, companyFrom: number, identified = true): Tenure => ({
  from,
  to,
  companyFrom,
  identified,
});
const LONG_AGO = back(400);

test('one company without a gap has one series, and so has a symbol nothing is known of', () => {
  expect(seriesStart(bars([299, 0]), back(0), [tenure(LONG_AGO, null, LONG_AGO)])).toEqual({ row: 0 });
  expect(seriesStart(bars([299, 0]), back(0), [])).toEqual({ row: 0 });
});

test('a series begins with the company that carries the symbol at the session', () => {
  const tenures = [tenure(LONG_AGO, back(10), LONG_AGO), tenure(back(10), null, back(10))];
  const date = bars([299, 0]);
  expect(seriesStart(date, back(0), tenures)).toEqual({
    row: 289,
    reason: `another company has carried the symbol since ${sessionAt(LAST - 10)}`,
  });
  expect(seriesStart(date.subarray(0, 280), back(20), tenures)).toEqual({ row: 0 });
  expect(seriesStart(date.subarray(0, 289), back(0), tenures)).toBeUndefined();
});

test('60 sessions without a bar interrupt no series, 61 do where the identity is not known', () => {
  expect(seriesStart(bars([299, 100], [39, 0]), back(0), [])).toEqual({ row: 0 });
  expect(seriesStart(bars([300, 101], [39, 0]), back(0), [])).toEqual({
    row: 200,
    reason: `no bar for 61 sessions before ${sessionAt(LAST - 39)}, and it is not known whether the company is the same`,
  });
});

test('a gap interrupts no series of a company that the list names on both sides of it', () => {
  const date = bars([300, 141], [39, 0]);
  expect(seriesStart(date, back(0), [tenure(LONG_AGO, null, LONG_AGO)])).toEqual({ row: 0 });
  const away = [tenure(LONG_AGO, back(141), LONG_AGO), tenure(back(39), null, LONG_AGO)];
  expect(seriesStart(date, back(0), away)).toEqual({ row: 0 });
  const unknown: [string, Tenure[]][] = [
    ['listed only since the gap', [tenure(back(100), null, back(100))]],
    ['listed without a FIGI', [tenure(LONG_AGO, null, LONG_AGO, false)]],
    ['delisted before the gap and never listed again', [tenure(LONG_AGO, back(141), LONG_AGO)]],
    ['listed again without a FIGI', [tenure(LONG_AGO, back(141), LONG_AGO), tenure(back(39), null, LONG_AGO, false)]],
  ];
  for (const [what, tenures] of unknown) expect(seriesStart(date, back(0), tenures)?.row, what).toBe(160);
});
