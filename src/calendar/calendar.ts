/**
 * The NYSE calendar, pure and offline: which days are sessions, their numbers, hours and windows. Exact for
 * 1990–2050 as far as announced (a closure decided later is one entry in closures.ts), best knowledge for 1962–1989;
 * a year before and after is there for windows that begin or end in it.
 * Everything else imports from here.
 */
export { exchangeDate, parseDate } from './dates.ts';
export { lastClosedSession, type SessionHours, sessionHours } from './hours.ts';
export {
  askedDate,
  type CalendarFingerprint,
  calendarFingerprint,
  closureReason,
  isSameCalendar,
  isSession,
  nextSession,
  previousSession,
  type Session,
  type SessionWindow,
  sessionAt,
  sessionNumber,
  sessionsBetween,
  windowFirst,
  windowIndex,
  windowOf,
  windowsOfMonth,
} from './sessions.ts';
