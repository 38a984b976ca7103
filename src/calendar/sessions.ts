/**
 * The NYSE calendar, pure and offline: which days are sessions, their numbers, hours and windows. Exact for
 * 1990–2050 as far as announced (a closure decided later is one entry in closures.ts), best knowledge for 1962–1989;
 * a year before and after is there for windows that begin or end in it.
 * Everything else imports from here.
 */
export { parseDate } from './dates.ts';
export { type CalendarFingerprint, calendarFingerprint, isSameCalendar } from './fingerprint.ts';
export { lastClosedSession, type SessionHours, sessionHours } from './hours.ts';
export { exchangeDate } from './new-york.ts';
export {
  closureReason,
  isSession,
  nextSession,
  previousSession,
  type Session,
  sessionAt,
  sessionNumber,
  sessionsBetween,
} from './trading-days.ts';
export { type SessionWindow, windowFirst, windowIndex, windowOf, windowsOfMonth } from './windows.ts';
