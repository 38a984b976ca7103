import { createHash } from 'node:crypto';
import { sessionAt } from './trading-days.ts';

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
  const hash = createHash('sha256');
  for (let number = from; number <= to; number += 1) hash.update(sessionAt(number));
  return { from, to, checksum: hash.digest('hex').slice(0, LENGTH) };
}

/** Whether the calendar still has the same dates for these numbers. */
export function isSameCalendar({ from, to, checksum }: CalendarFingerprint): boolean {
  return calendarFingerprint(from, to).checksum === checksum;
}
