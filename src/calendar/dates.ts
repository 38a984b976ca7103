import { NamedError } from '../errors.ts';

/**
 * Calendar dates as text (YYYY-MM-DD, proleptic Gregorian) and as day numbers (0 = 1970-01-01), without a time
 * zone anywhere: a session is a date, and the machine's own zone must never move it.
 */
const MS_PER_DAY = 86_400_000;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** Day number of a year, month (1–12) and day; a day beyond the month's end runs on into the next month. */
export function dayNumber(year: number, month: number, day: number): number {
  return Date.UTC(year, month - 1, day) / MS_PER_DAY;
}

/** YYYY-MM-DD of a day number. */
export function dateOf(day: number): string {
  return new Date(day * MS_PER_DAY).toISOString().slice(0, 10);
}

/** Calendar year of a day number. */
export function yearOf(day: number): number {
  return new Date(day * MS_PER_DAY).getUTCFullYear();
}

/** Weekday of a day number: 0 Sunday … 6 Saturday. */
export function weekdayOf(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

/** Day number of a strict YYYY-MM-DD text that names a real day, or undefined: `2023-02-29` is not one. */
export function readDay(text: string): number | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const day = dayNumber(Number(match[1]), Number(match[2]), Number(match[3]));
  return dateOf(day) === text ? day : undefined;
}

/**
 * The text itself when it is a real calendar date written YYYY-MM-DD, for what a person typed.
 * @throws NamedError `Usage.Invalid` for anything else (blanks, other orders, days that do not exist)
 */
export function parseDate(text: string): string {
  if (readDay(text) !== undefined) return text;
  throw new NamedError('Usage.Invalid', {
    what: 'not a calendar date',
    found: JSON.stringify(text),
    wanted: 'a day that exists, written YYYY-MM-DD, such as 2025-11-19',
  });
}
