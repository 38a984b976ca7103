import { CLOSURES } from './closures.ts';
import { dateOf, dayNumber, readDay, weekdayOf, yearOf } from './dates.ts';
import { holidaysOf } from './holidays.ts';

/** Session 0. Windows of N sessions hang on it, so it never changes. */
const EPOCH = '1990-01-02';

/** First and last calendar date one may ask about. */
export const KNOWN = { first: '1962-01-02', last: '2050-12-31' };

/**
 * The table goes on for so many years before and after: a window of up to 250 sessions that holds a known session lies
 * wholly in it, and the first known session has one before it.
 */
const YEARS_BEYOND = 1;

export interface SessionTable {
  /** Every session, ascending, those beyond the known dates too. */
  sessions: string[];
  /** Session of the known dates → its place in `sessions`. */
  placeOf: Map<string, number>;
  /** Place of session 0; a session's number is its place less this. */
  epoch: number;
  /** Day number of the table's first day. */
  firstDay: number;
  /** By days since `firstDay`: how many sessions lie strictly before that day (one entry more than days). */
  before: Uint16Array;
  /** Weekdays without trading → why. */
  closed: Map<string, string>;
}

let table: SessionTable | undefined;

/** The one table, built at the first question (about 35 ms) and kept. */
export function sessionTable(): SessionTable {
  table ??= build();
  return table;
}

function build(): SessionTable {
  const firstYear = yearOf(readDay(KNOWN.first)!) - YEARS_BEYOND;
  const lastYear = yearOf(readDay(KNOWN.last)!) + YEARS_BEYOND;
  const [firstDay, lastDay] = [dayNumber(firstYear, 1, 1), dayNumber(lastYear, 12, 31)];
  const closed = closedWeekdays(firstYear, lastYear);
  const sessions: string[] = [];
  const placeOf = new Map<string, number>();
  const before = new Uint16Array(lastDay - firstDay + 2);
  for (let day = firstDay; day <= lastDay; day++) {
    const date = isWeekend(day) ? undefined : dateOf(day);
    if (date !== undefined && !closed.has(date)) {
      if (date >= KNOWN.first && date <= KNOWN.last) placeOf.set(date, sessions.length);
      sessions.push(date);
    }
    before[day - firstDay + 1] = sessions.length;
  }
  return { sessions, placeOf, epoch: placeOf.get(EPOCH)!, firstDay, before, closed };
}

function isWeekend(day: number): boolean {
  const weekday = weekdayOf(day);
  return weekday === 0 || weekday === 6;
}

function closedWeekdays(firstYear: number, lastYear: number): Map<string, string> {
  const closed = new Map<string, string>();
  for (let year = firstYear; year <= lastYear; year++) {
    for (const [date, name] of holidaysOf(year)) closed.set(date, name);
  }
  for (const { dates, reason } of CLOSURES) for (const date of dates) closed.set(date, reason);
  return closed;
}
