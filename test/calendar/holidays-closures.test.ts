import { expect, test } from 'vitest';
import { readDay, weekdayOf } from '../../src/calendar/dates.ts';
import { CLOSURES, holidaysOf } from '../../src/calendar/holidays.ts';

const dates = CLOSURES.flatMap((closure) => closure.dates);

test('every closure is a real weekday, told once, with a reason and a source', () => {
  for (const date of dates) {
    expect(readDay(date), date).toBeDefined();
    expect([1, 2, 3, 4, 5], date).toContain(weekdayOf(readDay(date)!));
  }
  expect(new Set(dates).size).toBe(dates.length);
  for (const { reason, source } of CLOSURES) expect(reason.length && source.length).toBeGreaterThan(0);
});

test('no closure falls on a day that a holiday closes anyway', () => {
  expect(dates.filter((date) => holidaysOf(Number(date.slice(0, 4))).has(date))).toEqual([]);
});

test('closures are in order of their first day', () => {
  const single = CLOSURES.map((closure) => closure.dates[0]!);
  expect(single.toSorted()).toEqual(single);
});

test('the 23 shut Wednesdays of 1968 leave the weeks with a holiday alone', () => {
  const paperwork = CLOSURES.find(({ reason }) => reason.startsWith('Paperwork'))!.dates;
  expect(paperwork).toHaveLength(23);
  expect(paperwork.every((date) => weekdayOf(readDay(date)!) === 3)).toBe(true);
  for (const open of ['1968-07-03', '1968-09-04', '1968-11-06', '1968-11-13', '1968-11-27']) {
    expect(paperwork).not.toContain(open);
  }
});
