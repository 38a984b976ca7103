import { expect, test } from 'vitest';
import { dateOf, exchangeDate, newYorkInstant, readDay } from '../../src/calendar/dates.ts';

const HOUR = 3_600_000;
const dateFormat = new Intl.DateTimeFormat('en-CA', { timeZone: 'America/New_York' });
const clockFormat = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'America/New_York',
  hour: '2-digit',
  minute: '2-digit',
});

test('09:30 in New York is 09:30 by the time zone database, every day from 1962 to 2050', () => {
  const wrong = [];
  for (let day = readDay('1962-01-01')!; day <= readDay('2050-12-31')!; day++) {
    const instant = new Date(newYorkInstant(day, 9 * 60 + 30));
    if (clockFormat.format(instant) !== '09:30' || !instant.toISOString().startsWith(dateOf(day))) {
      wrong.push(dateOf(day));
    }
  }
  expect(wrong).toEqual([]);
});

test('the exchange’s date changes at its midnight, every night from 1962 to 2050', () => {
  const wrong = [];
  for (let day = readDay('1962-01-02')!; day <= readDay('2050-12-31')!; day++) {
    for (const ms of [4 * HOUR - 1, 4 * HOUR, 5 * HOUR - 1, 5 * HOUR]) {
      const instant = new Date(day * 24 * HOUR + ms);
      if (exchangeDate(instant) !== dateFormat.format(instant)) wrong.push(instant.toISOString());
    }
  }
  expect(wrong).toEqual([]);
});

test('the exchange’s date holds through the hours of both clock changes of 2026', () => {
  for (const sunday of ['2026-03-08', '2026-11-01']) {
    for (let quarter = 0; quarter < 4 * 36; quarter++) {
      const instant = new Date(Date.parse(`${sunday}T00:00:00Z`) + (quarter * HOUR) / 4);
      expect(exchangeDate(instant), instant.toISOString()).toBe(dateFormat.format(instant));
    }
  }
});

test('between midnight UTC and midnight in New York it is still the day before', () => {
  expect(exchangeDate(new Date('2026-03-06T04:59:59Z'))).toBe('2026-03-05');
  expect(exchangeDate(new Date('2026-03-06T05:00:00Z'))).toBe('2026-03-06');
  expect(exchangeDate(new Date('2026-07-01T03:59:59Z'))).toBe('2026-06-30');
});

test.each([new Date(Number.NaN), new Date('1961-12-31T12:00:00Z'), new Date('2051-01-01T00:00:00Z'), new Date(8e15)])(
  'an instant without a place in the calendar is refused (%s)',
  (instant) => {
    expect(() => exchangeDate(instant)).toThrow(expect.objectContaining({ name: 'Data.Invalid' }));
  },
);
