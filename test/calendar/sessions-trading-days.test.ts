import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  closureReason,
  isSession,
  nextSession,
  previousSession,
  sessionAt,
  sessionHours,
  sessionNumber,
  sessionsBetween,
} from '../../src/calendar/calendar.ts';
import { dateOf, readDay } from '../../src/calendar/dates.ts';

const invalid = (text: string) =>
  expect.objectContaining({ name: 'Data.Invalid', message: expect.stringContaining(text) });

test('session 0 is 1990-01-02 and the days around it count in both directions', () => {
  expect(['1989-12-28', '1989-12-29', '1990-01-02', '1990-01-03'].map(sessionNumber)).toEqual([-2, -1, 0, 1]);
  expect(sessionAt(0)).toBe('1990-01-02');
});

describe('the closures of 2026 to 2028 as the exchange published them', () => {
  test.each([
    {
      year: 2026,
      closed: '01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25',
      early: '11-27 12-24',
    },
    { year: 2027, closed: '01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24', early: '11-26' },
    { year: 2028, closed: '01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25', early: '07-03 11-24' },
  ])('$year', ({ year, closed, early }) => {
    const days = calendarDays(`${year}-01-01`, `${year}-12-31`);
    const shut = days.filter((date) => !['Saturday', 'Sunday', undefined].includes(closureReason(date)));
    expect(shut.map((date) => date.slice(5)).join(' ')).toBe(closed);
    const short = days.filter((date) => isSession(date) && sessionHours(date).early);
    expect(short.map((date) => date.slice(5)).join(' ')).toBe(early);
  });
});

test.each([
  ['2021-12-31', undefined],
  ['2022-01-01', 'Saturday'],
  ['2022-06-20', 'Juneteenth (observed)'],
  ['2025-01-09', 'National Day of Mourning for President Jimmy Carter'],
  ['2026-07-03', 'Independence Day (observed)'],
  ['2026-03-08', 'Sunday'],
  ['2012-10-30', 'Hurricane Sandy'],
  ['2025-11-27', 'Thanksgiving Day'],
  ['2025-10-13', undefined],
  ['2025-11-11', undefined],
])('%s: %s', (date, reason) => {
  expect(closureReason(date)).toBe(reason);
  expect(isSession(date)).toBe(reason === undefined);
});

test.each([
  ...['1963-11-25', '1964-02-21', '1965-12-24', '1968-02-12', '1968-04-09', '1968-06-12', '1968-07-05', '1968-11-11'],
  ...['1968-12-18', '1969-02-10', '1969-03-31', '1969-07-21', '1971-12-24', '1972-11-07', '1972-12-28', '1973-01-25'],
  ...['1977-07-14', '1980-11-04', '1985-09-27'],
])('%s was closed', (date) => {
  expect(isSession(date)).toBe(false);
  expect(closureReason(date)).toMatch(/^[A-Z]/);
});

test.each([
  ...['1962-01-02', '1963-11-22', '1965-12-31', '1968-07-03', '1968-11-13', '1969-02-11', '1969-11-04', '1970-05-29'],
  ...['1971-12-31', '1974-11-05', '1982-12-31', '1984-11-06', '1987-10-19', '1989-12-29', '1997-01-20'],
])('%s was a session', (date) => {
  expect(isSession(date)).toBe(true);
});

test('the sessions of each year 1962 to 1989 are as many as the index histories have', () => {
  const counts = Array.from({ length: 28 }, (_, i) => sessionsBetween(`${1962 + i}-01-02`, `${1962 + i}-12-31`).length);
  expect(counts).toEqual([
    ...[252, 251, 253, 252, 252, 251, 226, 250],
    ...[254, 253, 251, 252, 253, 253, 253, 252, 252, 253],
    ...[253, 253, 253, 253, 253, 252, 253, 253, 253, 252],
  ]);
});

test('the year before the first known date has the 250 sessions it had', () => {
  const year = Array.from({ length: 250 }, (_, i) => sessionAt(sessionNumber('1962-01-02') - 250 + i));
  expect([year[0], year.at(-1)]).toEqual(['1961-01-03', '1961-12-29']);
  for (const closed of ['1961-02-22', '1961-03-31', '1961-05-29', '1961-05-30', '1961-11-07', '1961-11-23'])
    expect(year).not.toContain(closed);
});

test('a question about a closed day is answered with the reason and both neighbours', () => {
  expect(() => sessionNumber('2025-01-09')).toThrow(invalid('Jimmy Carter'));
  expect(() => sessionNumber('2025-01-09')).toThrow(invalid('2025-01-08 and 2025-01-10'));
  expect(() => sessionHours('2026-03-08')).toThrow(invalid('Sunday'));
});

test.each(['1962-01-01', '1961-12-29', '2051-01-03', '2023-02-29', '2025-1-2', ''])(
  'every question about %j is refused as invalid',
  (date) => {
    const questions = [isSession, sessionNumber, nextSession, previousSession, sessionHours, closureReason];
    for (const ask of questions) expect(() => ask(date)).toThrow(invalid(JSON.stringify(date)));
    expect(() => sessionsBetween(date, '2020-01-01')).toThrow(invalid(''));
    expect(() => sessionsBetween('2020-01-01', date)).toThrow(invalid(''));
  },
);

test('the calendar answers with sessions up to a year beyond its ends, and says where it knows none', () => {
  expect(previousSession('1962-01-02')).toBe('1961-12-29');
  expect(nextSession('2050-12-30')).toBe('2051-01-03');
  expect(() => sessionNumber('2050-12-31')).toThrow(invalid('the nearest are 2050-12-30'));
  expect(nextSession('2050-12-29')).toBe('2050-12-30');
  for (const number of [1e6, -1e6, 0.5, Number.NaN]) expect(() => sessionAt(number)).toThrow(invalid(String(number)));
});

test('a range that runs backwards is refused, a range without sessions is empty', () => {
  expect(() => sessionsBetween('2025-01-03', '2025-01-02')).toThrow(invalid('2025-01-03 to 2025-01-02'));
  expect(sessionsBetween('2026-07-03', '2026-07-05')).toEqual([]);
  expect(sessionsBetween('2026-07-02', '2026-07-06')).toEqual(['2026-07-02', '2026-07-06']);
});

describe('laws', () => {
  const day = fc.integer({ min: readDay('1962-01-05')!, max: readDay('2050-12-20')! }).map(dateOf);
  const number = fc.integer({ min: sessionNumber('1962-01-03'), max: sessionNumber('2050-12-29') });

  test('sessionAt undoes sessionNumber, and the other way round', () => {
    fc.assert(fc.property(number, (n) => sessionNumber(sessionAt(n)) === n));
    for (const date of sessionsBetween('1962-01-02', '2050-12-31')) {
      if (sessionAt(sessionNumber(date)) !== date) expect.fail(date);
    }
  });

  test('next and previous are inverse on sessions and one number apart', () => {
    fc.assert(
      fc.property(number, (n) => {
        const session = sessionAt(n);
        expect(previousSession(nextSession(session))).toBe(session);
        expect(nextSession(previousSession(session))).toBe(session);
        expect(sessionNumber(nextSession(session))).toBe(n + 1);
      }),
    );
  });

  test('from any day, nothing trades between it and its neighbours', () => {
    fc.assert(
      fc.property(day, (date) => {
        const inner = sessionsBetween(previousSession(date), nextSession(date)).slice(1, -1);
        expect(inner).toEqual(isSession(date) ? [date] : []);
      }),
    );
  });

  test('ranges add up at any cut', () => {
    fc.assert(
      fc.property(fc.tuple(day, day, day), (days) => {
        const [from, cut, to] = days.toSorted() as [string, string, string];
        const whole = sessionsBetween(from, to);
        const afterCut = dateOf(readDay(cut)! + 1);
        const tail = afterCut <= to ? sessionsBetween(afterCut, to) : [];
        expect([...sessionsBetween(from, cut), ...tail]).toEqual(whole);
      }),
    );
  });

  test('a day is a session exactly when it has no closure reason', () => {
    fc.assert(fc.property(day, (date) => isSession(date) === (closureReason(date) === undefined)));
  });
});

function calendarDays(from: string, to: string): string[] {
  const first = readDay(from)!;
  return Array.from({ length: readDay(to)! - first + 1 }, (_, i) => dateOf(first + i));
}
