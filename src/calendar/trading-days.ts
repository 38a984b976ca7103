import { NamedError } from '../errors.ts';
import { dayNumber, readDay, weekdayOf } from './dates.ts';
import { KNOWN, sessionTable } from './session-table.ts';

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
