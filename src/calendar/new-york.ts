import { NamedError } from '../errors.ts';
import { dateOf, dayNumber, weekdayOf, yearOf } from './dates.ts';

/**
 * Clock of the exchange, 1962–2050. Computed rather than asked of `Intl`, which costs a hundred times as much per
 * call and depends on the time zone data a Node build carries. Rules: tz database, America/New_York
 * (the city's own rule before the Uniform Time Act of 1967 came to the same dates).
 */
const MS_PER_HOUR = 3_600_000;
const MS_PER_DAY = 24 * MS_PER_HOUR;
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
  return day * MS_PER_DAY + hoursBehind * MS_PER_HOUR + minutes * 60_000;
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
  const summer = ms >= spring * MS_PER_DAY + 7 * MS_PER_HOUR && ms < autumn * MS_PER_DAY + 6 * MS_PER_HOUR;
  return dateOf(Math.floor((ms - (summer ? 4 : 5) * MS_PER_HOUR) / MS_PER_DAY));
}

function sundayFrom(year: number, month: number, day: number): number {
  const first = dayNumber(year, month, day);
  return first + ((7 - weekdayOf(first)) % 7);
}
