import fc from 'fast-check';
import { expect, test } from 'vitest';
import { dateOf, parseDate, readDay, weekdayOf } from '../../src/calendar/dates.ts';

test('a real day written YYYY-MM-DD is taken as it stands', () => {
  for (const text of ['2025-11-19', '2024-02-29', '2000-02-29', '1962-01-01']) expect(parseDate(text)).toBe(text);
});

test.each([
  ...['', 'today', '2023-02-29', '1900-02-29', '2025-04-31', '2025-13-01', '2025-00-10', '2025-01-00'],
  ...['2025-1-2', '20250102', '2025/01/02', ' 2025-01-02', '2025-01-02\n', '2025-01-02T00:00:00Z', '02-01-2025'],
])('%j is refused by name and shown', (text) => {
  expect(() => parseDate(text)).toThrow(
    expect.objectContaining({ name: 'Usage.Invalid', message: expect.stringContaining(JSON.stringify(text)) }),
  );
});

test('dates and day numbers are each other’s inverse', () => {
  fc.assert(
    fc.property(fc.integer({ min: -30_000, max: 60_000 }), (day) => {
      expect(readDay(dateOf(day))).toBe(day);
    }),
  );
});

test('weekdays count from Sunday, before 1970 too', () => {
  expect(weekdayOf(readDay('1970-01-01')!)).toBe(4);
  expect(weekdayOf(readDay('1962-01-02')!)).toBe(2);
  expect(weekdayOf(readDay('1969-07-20')!)).toBe(0);
});
