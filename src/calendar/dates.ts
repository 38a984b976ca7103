import { NamedError } from '../errors.ts';

/**
 * Calendar dates as text (YYYY-MM-DD, proleptic Gregorian) and as day numbers (0 = 1970-01-01), without a time
 * zone anywhere: a session is a date, and the machine's own zone must never move it.
 */
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;

/** Day number of a year, month (1–12) and day; a day beyond the month's end runs on into the next month. */
export function dayNumber(year: number, month: number, day: number): number {
  return Date.UTC(year, month - 1, day) / DAY_MS;
}

/** YYYY-MM-DD of a day number. */
export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** The date so many days after a date; before it for a negative number. */
export function addDays(date: string, days: number): string {
  return dateOf(Date.parse(date) / DAY_MS + days);
}

/** Calendar year of a day number. */
export function yearOf(day: number): number {
  return new Date(day * DAY_MS).getUTCFullYear();
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

/**
 * Clock of the exchange, 1962–2050. Computed rather than asked of `Intl`, which costs a hundred times as much per
 * call and depends on the time zone data a Node build carries. Rules: tz database, America/New_York
 * (the city's own rule before the Uniform Time Act of 1967 came to the same dates).
 */
const [FIRST_YEAR, LAST_YEAR] = [1962, 2050];

/** Day numbers of the two Sundays on which clocks change at 02:00; in 1974 a Sunday in January (energy crisis). */
function clockChanges(year: number): { spring: number; autumn: number } {
  const autumn = year >= 2007 ? sundayFrom(year, 11, 1) : sundayFrom(year, 10, 25);
  if (year >= 2007) return { spring: sundayFrom(year, 3, 8), autumn };
  if (year >= 1987) return { spring: sundayFrom(year, 4, 1), autumn };
  if (year === 1975) return { spring: dayNumber(1975, 2, 23), autumn };
  if (year === 1974) return { spring: dayNumber(1974, 1, 6), autumn };
  return { spring: sundayFrom(year, 4, 24), autumn };
}

/**
 * The instant (ms since 1970 UTC) at which New York's clocks show so many minutes after midnight on a day (by
 * number). Exact for any time but the night hours 01:00–03:00 of the two changing Sundays.
 */
export function newYorkInstant(day: number, minutes: number): number {
  const { spring, autumn } = clockChanges(yearOf(day));
  const hoursBehind = day >= spring && day < autumn ? 4 : 5;
  return day * DAY_MS + hoursBehind * HOUR_MS + minutes * 60_000;
}

/**
 * The calendar date (YYYY-MM-DD) in New York at an instant: until 04:00 or 05:00 UTC still the day before.
 * @throws NamedError `Data.Invalid` for an invalid Date or one outside 1962–2050
 */
export function exchangeDate(now: Date): string {
  const ms = now.getTime();
  const year = Number.isNaN(ms) ? Number.NaN : now.getUTCFullYear();
  if (!(year >= FIRST_YEAR && year <= LAST_YEAR)) {
    throw new NamedError('Data.Invalid', {
      what: 'the exchange calendar does not know this instant',
      found: Number.isNaN(ms) ? 'an invalid date' : now.toISOString(),
      wanted: `an instant of the years ${FIRST_YEAR} to ${LAST_YEAR}`,
    });
  }
  const { spring, autumn } = clockChanges(year);
  const summer = ms >= spring * DAY_MS + 7 * HOUR_MS && ms < autumn * DAY_MS + 6 * HOUR_MS;
  return dateOf(Math.floor((ms - (summer ? 4 : 5) * HOUR_MS) / DAY_MS));
}

function sundayFrom(year: number, month: number, day: number): number {
  const first = dayNumber(year, month, day);
  return first + ((7 - weekdayOf(first)) % 7);
}
