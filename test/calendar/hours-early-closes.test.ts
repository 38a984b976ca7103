import { expect, test } from 'vitest';
import { isSession, sessionHours, sessionsBetween } from '../../src/calendar/calendar.ts';
import { readDay } from '../../src/calendar/dates.ts';
import { EARLY_CLOSES, earlyCloseOf } from '../../src/calendar/hours.ts';

const clock = (date: string) => earlyCloseOf(readDay(date)!);

test('every stretch of early closes begins and ends on a session', () => {
  for (const { from, to, close } of EARLY_CLOSES) {
    expect(isSession(from) && isSession(to) && from <= to, `${from} ${to}`).toBe(true);
    expect(close).toMatch(/^1[345]:\d\d$/);
  }
});

test('1967 had nine short sessions in August, as the exchange counted them', () => {
  const short = sessionsBetween('1967-08-01', '1967-08-31').filter((date) => sessionHours(date).early);
  expect(short).toHaveLength(9);
});

test('the short day beside the Fourth moved from the Friday after to the Wednesday before in 2013', () => {
  expect([clock('2002-07-03'), clock('2002-07-05')]).toEqual([undefined, 13 * 60]);
  expect([clock('2013-07-03'), clock('2013-07-05')]).toEqual([13 * 60, undefined]);
  expect([clock('2019-07-03'), clock('2019-07-05')]).toEqual([13 * 60, undefined]);
});

test('a Christmas Eve on a Friday or a weekend has no short day', () => {
  expect([clock('2027-12-24'), clock('2022-12-24'), clock('2023-12-24')]).toEqual([undefined, undefined, undefined]);
  expect([clock('2026-12-24'), clock('2024-12-24')]).toEqual([13 * 60, 13 * 60]);
});

test('the day after Thanksgiving is whole to 1991, short at 14:00 in 1992, at 13:00 since', () => {
  expect([clock('1991-11-29'), clock('1992-11-27'), clock('1993-11-26'), clock('2026-11-27')]).toEqual([
    undefined,
    14 * 60,
    13 * 60,
    13 * 60,
  ]);
});
