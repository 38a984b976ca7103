import { createHash } from 'node:crypto';
import { NamedError } from '../errors.ts';
import { dayNumber, parseDate, readDay, weekdayOf, yearOf } from './dates.ts';
import { CLOSURES, holidaysOf } from './holidays.ts';

/** A day on which the NYSE trades, YYYY-MM-DD. */
export type Session = string;

/**
 * True when the NYSE trades on that date. Every function here takes calendar dates of 1962-01-02 to 2050-12-31 and
 * throws NamedError `Data.Invalid` for a malformed date or one outside. Sessions in answers may lie up to a year beyond.
 */
export function isSession(date: string): boolean {
  if (sessionTable().placeOf.has(date)) return true;
  dayOf(date);
  return false;
}

/**
 * Number of a session: 0 is 1990-01-02, earlier ones are negative.
 * @throws NamedError `Data.Invalid` for a day without trading; the message tells why and names its neighbours
 */
export function sessionNumber(date: string): number {
  const { placeOf, epoch } = sessionTable();
  const place = placeOf.get(date);
  if (place !== undefined) return place - epoch;
  const reason = closureReason(date);
  throw new NamedError('Data.Invalid', {
    what: `${date} is not a trading session`,
    found: `the NYSE closed: ${reason}`,
    wanted: `a session; the nearest are ${neighbours(date).join(' and ')}`,
  });
}

/** The session of that number. @throws NamedError `Data.Invalid` for a number the table does not hold */
export function sessionAt(number: number): Session {
  const { sessions, epoch } = sessionTable();
  const session = sessions[number + epoch];
  if (session !== undefined) return session;
  throw new NamedError('Data.Invalid', {
    what: 'no trading session has this number',
    found: String(number),
    wanted: `a whole number from ${-epoch} (${sessions[0]}) to ${sessions.length - 1 - epoch} (${sessions.at(-1)})`,
  });
}

/** Every session from one calendar date to another, both included; empty when none lies between. */
export function sessionsBetween(from: string, to: string): Session[] {
  const [first, last] = [dayOf(from), dayOf(to)];
  if (first > last) {
    throw new NamedError('Data.Invalid', {
      what: 'the range of dates runs backwards',
      found: `${from} to ${to}`,
      wanted: 'the earlier date first',
    });
  }
  const { sessions, before } = sessionTable();
  return sessions.slice(before[first], before[last + 1]);
}

/** The first session strictly after a calendar date. */
export function nextSession(date: string): Session {
  const { sessions, before } = sessionTable();
  return sessions[before[dayOf(date) + 1]!]!;
}

/** The last session strictly before a calendar date. */
export function previousSession(date: string): Session {
  const { sessions, before } = sessionTable();
  return sessions[before[dayOf(date)]! - 1]!;
}

/** Numbers of the sessions of a month (YYYY-MM, up to a year beyond the known dates), and the number after them. */
export function sessionNumbersOf(month: string): { from: number; to: number } {
  const { before, firstDay, epoch } = sessionTable();
  const [year, number] = month.split('-').map(Number) as [number, number];
  const first = dayNumber(year, number, 1) - firstDay;
  const end = dayNumber(year, number + 1, 1) - firstDay;
  return { from: before[first]! - epoch, to: before[end]! - epoch };
}

/** Why the NYSE does not trade on a date (`Saturday`, `Thanksgiving Day`, …); undefined when it does. */
export function closureReason(date: string): string | undefined {
  const { firstDay, closed } = sessionTable();
  const weekday = weekdayOf(dayOf(date) + firstDay);
  if (weekday === 0) return 'Sunday';
  return weekday === 6 ? 'Saturday' : closed.get(date);
}

/** What a person typed, as a date the calendar knows. @throws Usage.Invalid */
export function askedDate(text: string): string {
  const date = parseDate(text);
  if (date >= KNOWN.first && date <= KNOWN.last) return date;
  throw new NamedError('Usage.Invalid', {
    what: 'the exchange calendar does not reach this date',
    found: JSON.stringify(date),
    wanted: `a date from ${KNOWN.first} to ${KNOWN.last}`,
  });
}

/** Days since the table's first one. */
function dayOf(date: string): number {
  const day = readDay(date);
  if (day !== undefined && date >= KNOWN.first && date <= KNOWN.last) return day - sessionTable().firstDay;
  throw new NamedError('Data.Invalid', {
    what: day === undefined ? 'not a calendar date' : 'the exchange calendar does not reach this date',
    found: JSON.stringify(date),
    wanted: day === undefined ? 'a day that exists, YYYY-MM-DD' : `a date from ${KNOWN.first} to ${KNOWN.last}`,
  });
}

function neighbours(date: string): Session[] {
  const { sessions, before } = sessionTable();
  const place = before[dayOf(date)]!;
  return [sessions[place - 1], sessions[place]].filter((session) => session !== undefined);
}

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

/** The one table, built at the first question (about 5 ms) and kept. */
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
  let day = firstDay;
  for (const date of datesOf(firstYear, lastYear)) {
    if (!isWeekend(day) && !closed.has(date)) {
      if (date >= KNOWN.first && date <= KNOWN.last) placeOf.set(date, sessions.length);
      sessions.push(date);
    }
    day += 1;
    before[day - firstDay] = sessions.length;
  }
  return { sessions, placeOf, epoch: placeOf.get(EPOCH)!, firstDay, before, closed };
}

/** Every date of these years, in order; `dateOf` takes ten times as long over each. */
function datesOf(firstYear: number, lastYear: number): string[] {
  const twoDigits = Array.from({ length: 32 }, (_, number) => String(number).padStart(2, '0'));
  const dates: string[] = [];
  for (let year = firstYear; year <= lastYear; year++) {
    for (let month = 1; month <= 12; month++) {
      const last = dayNumber(year, month + 1, 1) - dayNumber(year, month, 1);
      for (let day = 1; day <= last; day++) dates.push(`${year}-${twoDigits[month]}-${twoDigits[day]}`);
    }
  }
  return dates;
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

/** A window of N sessions: the same for every symbol, dated by its first session. */
export interface SessionWindow {
  index: number;
  first: Session;
  /** Its last session by the calendar, whether or not that day has come. */
  lastPlanned: Session;
}

/**
 * Index of the window of `n` sessions that holds a session number: floor(number / n), so window 0 begins at
 * 1990-01-02 for every `n` and no later night moves an anchor.
 */
export function windowIndex(sessionNo: number, n: number): number {
  if (Number.isInteger(sessionNo) && Number.isInteger(n) && n > 0) return Math.floor(sessionNo / n);
  throw new NamedError('Data.Invalid', {
    what: 'no window of sessions can be counted',
    found: `session number ${sessionNo}, ${n} sessions a window`,
    wanted: 'two whole numbers, the second at least 1',
  });
}

/** First session of a window. @throws NamedError `Data.Invalid` when it lies outside the calendar (1961–2051) */
export function windowFirst(index: number, n: number): Session {
  return sessionAt(index * n);
}

/** The window of `n` sessions that holds a session. @throws NamedError `Data.Invalid` for a day without trading */
export function windowOf(date: Session, n: number): SessionWindow {
  const index = windowIndex(sessionNumber(date), n);
  return { index, first: windowFirst(index, n), lastPlanned: sessionAt(index * n + n - 1) };
}

/** Indexes of the windows of `n` sessions that begin in a month (YYYY-MM). */
export function windowsOfMonth(month: string, n: number): number[] {
  const { from, to } = sessionNumbersOf(month);
  const indexes: number[] = [];
  for (let index = Math.ceil(from / n); index * n < to; index += 1) indexes.push(index);
  return indexes;
}

/** What the calendar had for the sessions of some numbers, both included. */
export interface CalendarFingerprint {
  from: number;
  to: number;
  /** Enough of a SHA-256 of their dates to tell two calendars apart. */
  checksum: string;
}

const LENGTH = 16;

/** @throws NamedError `Data.Invalid` for numbers beyond the calendar */
export function calendarFingerprint(from: number, to: number): CalendarFingerprint {
  const dates = Array.from({ length: Math.max(0, to - from + 1) }, (_, place) => sessionAt(from + place));
  // At once: from session 0 they are nine thousand, and a hash takes much longer over each part than over its bytes.
  return { from, to, checksum: createHash('sha256').update(dates.join('')).digest('hex').slice(0, LENGTH) };
}

/** Whether the calendar still has the same dates for these numbers. */
export function isSameCalendar({ from, to, checksum }: CalendarFingerprint): boolean {
  return calendarFingerprint(from, to).checksum === checksum;
}
