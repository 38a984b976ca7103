import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  sessionAt,
  sessionNumber,
  windowFirst,
  windowIndex,
  windowOf,
  windowsOfMonth,
} from '../../src/calendar/calendar.ts';
import { dateOf, dayNumber } from '../../src/calendar/dates.ts';

const INTERVALS = [3, 5, 8, 13, 21, 34];
const number = fc.integer({ min: sessionNumber('1962-03-01'), max: sessionNumber('2050-11-01') });
const interval = fc.constantFrom(...INTERVALS);

test('window 0 begins at 1990-01-02 for every interval, window -1 ends the session before', () => {
  for (const n of INTERVALS) {
    expect(windowFirst(0, n)).toBe('1990-01-02');
    expect(windowOf('1989-12-29', n)).toMatchObject({ index: -1, lastPlanned: '1989-12-29' });
  }
  expect(windowOf('1990-01-05', 3)).toEqual({ index: 1, first: '1990-01-05', lastPlanned: '1990-01-09' });
});

test('a session lies within its window, whose ends are n - 1 apart and share the index', () => {
  fc.assert(
    fc.property(number, interval, (no, n) => {
      const { index, first, lastPlanned } = windowOf(sessionAt(no), n);
      const [head, tail] = [sessionNumber(first), sessionNumber(lastPlanned)];
      expect(head <= no && no <= tail).toBe(true);
      expect(tail - head).toBe(n - 1);
      expect([windowIndex(head, n), windowIndex(tail, n)]).toEqual([index, index]);
      expect(windowIndex(tail + 1, n)).toBe(index + 1);
      expect(windowFirst(index, n)).toBe(first);
    }),
  );
});

test('what cannot be counted is refused', () => {
  for (const [no, n] of [
    [1, 0],
    [1, -3],
    [1, 2.5],
    [0.5, 3],
    [Number.NaN, 3],
  ] as const) {
    expect(() => windowIndex(no, n)).toThrow(expect.objectContaining({ name: 'Data.Invalid' }));
  }
  expect(() => windowOf('2026-07-03', 5)).toThrow(/Independence Day/);
});

test('every window begins in one month, the windows of January 1962 that begin in 1961 too', () => {
  for (const n of INTERVALS) {
    const months = Array.from({ length: 15 }, (_, i) => dateOf(dayNumber(1961, 11 + i, 1)).slice(0, 7));
    const found = months.flatMap((month) => windowsOfMonth(month, n).map((index) => [index, month]));
    const first = windowIndex(sessionNumber('1962-01-02'), n);
    expect(found.map(([index]) => index)).toContain(first);
    for (const [index, month] of found) expect(windowFirst(Number(index), n).slice(0, 7)).toBe(month);
    expect(found.map(([index]) => index)).toEqual(found.map((_, i) => Number(found[0]![0]) + i));
  }
});
