import { CLOSURES } from './closures.ts';
import { dateOf, readDay, weekdayOf, yearOf } from './dates.ts';
import { holidaysOf } from './holidays.ts';

/** Session 0. Windows of N sessions hang on it, so it never changes. */
const EPOCH = '1990-01-02';

/** First and last calendar date the table knows. */
export const KNOWN = { first: '1962-01-02', last: '2050-12-31' };

export interface SessionTable {
  /** Every session, ascending. */
  sessions: string[];
  /** Session → its place in `sessions`. */
  placeOf: Map<string, number>;
  /** Place of session 0; a session's number is its place less this. */
  epoch: number;
  /** Day number of `KNOWN.first`. */
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
  const firstDay = readDay(KNOWN.first)!;
  const lastDay = readDay(KNOWN.last)!;
  const closed = closedWeekdays(yearOf(firstDay), yearOf(lastDay));
  const sessions: string[] = [];
  const placeOf = new Map<string, number>();
  const before = new Uint16Array(lastDay - firstDay + 2);
  for (let day = firstDay; day <= lastDay; day++) {
    const date = isWeekend(day) ? undefined : dateOf(day);
    if (date !== undefined && !closed.has(date)) {
      placeOf.set(date, sessions.length);
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
