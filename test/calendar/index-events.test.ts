import { describe, expect, test } from 'vitest';
import { isSession } from '../../src/calendar/calendar.ts';
import { dateOf, dayNumber, weekdayOf } from '../../src/calendar/dates.ts';
import { INDEX_EVENTS, indexEventBetween } from '../../src/calendar/index-events.ts';

const FRIDAY = 5;
function nthFriday(n: number, year: number, month: number): string {
  const first = dayNumber(year, month, 1);
  return dateOf(first + ((FRIDAY - weekdayOf(first) + 7) % 7) + 7 * (n - 1));
}

test('reconstitutions lie on the fourth Friday of June and, from 2026 on, the second of December; each a session with a source', () => {
  const wanted = Array.from({ length: 7 }, (_, index) => 2024 + index).flatMap((year) => [
    nthFriday(4, year, 6),
    ...(year >= 2026 ? [nthFriday(2, year, 12)] : []),
  ]);
  expect(INDEX_EVENTS.map(({ date }) => date)).toEqual(wanted);
  for (const { date, source } of INDEX_EVENTS) {
    expect(isSession(date)).toBe(true);
    expect(source).toContain('FTSE Russell');
  }
});

describe('the event that explains a change between two lists', () => {
  test.each([
    ['the day before and the day itself', '2026-06-25', '2026-06-26', '2026-06-26'],
    ['the day itself and the next session', '2026-06-26', '2026-06-29', '2026-06-26'],
    ['old members until two sessions after it', '2026-06-30', '2026-07-01', '2026-06-26'],
    ['three sessions after it all is done', '2026-07-01', '2026-07-02', undefined],
    ['lists months apart with the event between', '2026-05-04', '2026-08-03', '2026-06-26'],
    ['two events between: the later one', '2026-06-01', '2027-01-04', '2026-12-11'],
    ['the day before it', '2026-06-24', '2026-06-25', undefined],
    ['the second Friday of November, announced first', '2026-11-12', '2026-11-13', undefined],
    ['the second Friday of December', '2026-12-10', '2026-12-11', '2026-12-11'],
  ])('%s', (_name, earlier, later, date) => {
    expect(indexEventBetween('russell_2000', { earlier, later })?.date).toBe(date);
  });

  test('of another index is none of this one', () => {
    expect(indexEventBetween('other', { earlier: '2026-06-25', later: '2026-06-26' })).toBeUndefined();
  });
});
