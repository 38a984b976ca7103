import { dayNumber, exchangeDate, newYorkInstant, readDay, weekdayOf, yearOf } from './dates.ts';
import { thanksgiving } from './holidays.ts';
import { isSession, previousSession, type Session, sessionNumber } from './sessions.ts';

/** Sessions of one stretch, first to last day, that closed at `close` (HH:MM in New York) for one reason. */
export interface EarlyClose {
  from: string;
  to: string;
  close: string;
  reason: string;
}

/**
 * One-off early closes. Up to 1989 they are the exchange's list of special closings (nyse.com/pdfs/closings.pdf, by
 * way of pandas_market_calendars), foreseen or not. From 1990 on they are the scheduled ones, as in the answers of
 * exchange_calendars: trading cut short during the day (1994-02-11, 1996-01-08, 1997-10-27, 2005-06-01) and late
 * openings are interruptions of a session and leave its hours as they were announced.
 */
export const EARLY_CLOSES: EarlyClose[] = [
  { from: '1963-11-22', to: '1963-11-22', close: '14:07', reason: 'Assassination of President Kennedy' },
  { from: '1964-10-23', to: '1964-10-23', close: '14:00', reason: 'Funeral of President Hoover' },
  { from: '1966-01-06', to: '1966-01-14', close: '14:00', reason: 'Transit strike' },
  { from: '1967-02-07', to: '1967-02-07', close: '14:00', reason: 'Snowstorm' },
  // The list says nine days, so the stretch begins on Tuesday the 8th.
  { from: '1967-08-08', to: '1967-08-18', close: '14:00', reason: 'Back office work load' },
  { from: '1968-01-22', to: '1968-03-01', close: '14:00', reason: 'Back office work load' },
  { from: '1969-01-02', to: '1969-07-03', close: '14:00', reason: 'Paperwork crisis' },
  { from: '1969-07-07', to: '1969-09-26', close: '14:30', reason: 'Paperwork crisis' },
  { from: '1969-09-29', to: '1970-05-01', close: '15:00', reason: 'Paperwork crisis' },
  { from: '1974-12-24', to: '1974-12-24', close: '14:00', reason: 'Christmas Eve' },
  { from: '1975-02-12', to: '1975-02-12', close: '14:30', reason: 'Snowstorm' },
  { from: '1975-12-24', to: '1975-12-24', close: '14:00', reason: 'Christmas Eve' },
  { from: '1976-08-09', to: '1976-08-09', close: '15:00', reason: 'Hurricane watch' },
  { from: '1978-02-06', to: '1978-02-06', close: '14:00', reason: 'Snowstorm' },
  { from: '1981-03-30', to: '1981-03-30', close: '15:17', reason: 'Assassination attempt on President Reagan' },
  { from: '1981-09-09', to: '1981-09-09', close: '15:28', reason: 'Power failure' },
  { from: '1987-10-23', to: '1987-10-30', close: '14:00', reason: 'Volume after the October break' },
  { from: '1987-11-02', to: '1987-11-04', close: '14:30', reason: 'Volume after the October break' },
  { from: '1987-11-05', to: '1987-11-06', close: '15:00', reason: 'Volume after the October break' },
  { from: '1987-11-09', to: '1987-11-11', close: '15:30', reason: 'Volume after the October break' },
  { from: '1990-12-24', to: '1990-12-24', close: '14:00', reason: 'Christmas Eve' },
  { from: '1991-12-24', to: '1991-12-24', close: '14:00', reason: 'Christmas Eve' },
  { from: '1992-11-27', to: '1992-11-27', close: '14:00', reason: 'Day after Thanksgiving' },
  { from: '1992-12-24', to: '1992-12-24', close: '14:00', reason: 'Christmas Eve' },
  { from: '1997-12-26', to: '1997-12-26', close: '13:00', reason: 'Day after Christmas' },
  { from: '1999-12-31', to: '1999-12-31', close: '13:00', reason: "New Year's Eve of 2000" },
  { from: '2003-12-26', to: '2003-12-26', close: '13:00', reason: 'Day after Christmas' },
];

let oneOffs: Map<number, number> | undefined;

/** Minutes after midnight in New York at which a session (by day number) closes early, or undefined. */
export function earlyCloseOf(day: number): number | undefined {
  oneOffs ??= spread(EARLY_CLOSES);
  return oneOffs.get(day) ?? (closesAtOne(day) ? 13 * 60 : undefined);
}

/** The recurring 13:00 closes; asked of sessions only, so a holiday on the same day needs no word here. */
function closesAtOne(day: number): boolean {
  const year = yearOf(day);
  const weekday = weekdayOf(day);
  if (day === thanksgiving(year) + 1) return year >= 1993;
  if (day === dayNumber(year, 12, 24)) return year >= 1996 && weekday >= 1 && weekday <= 4;
  if (day === dayNumber(year, 7, 3)) {
    // A Thursday feast had its short day on the Friday after it, until 2013 moved it to the Wednesday before.
    return (year >= 1995 && [1, 2, 4].includes(weekday)) || (year >= 2013 && weekday === 3);
  }
  return day === dayNumber(year, 7, 5) && weekday === 5 && year >= 1996 && year <= 2012;
}

function spread(closes: EarlyClose[]): Map<number, number> {
  const minutes = new Map<number, number>();
  for (const { from, to, close } of closes) {
    const [hour, minute] = close.split(':').map(Number);
    for (let day = readDay(from)!; day <= readDay(to)!; day++) minutes.set(day, hour! * 60 + minute!);
  }
  return minutes;
}

/** Trading hours of one session as instants, ISO 8601 UTC to the second: `1990-01-02T14:30:00Z`. */
export interface SessionHours {
  open: string;
  close: string;
  /** True when the session closed before the regular hour of its years. */
  early: boolean;
}

/**
 * The hours of a session, as the exchange announced them (see early-closes.ts for what that leaves out). Regular
 * hours in New York: 10:00–15:30, to 16:00 since 1974-10-01, from 09:30 since 1985-09-30.
 * @throws NamedError `Data.Invalid` for a day without trading
 */
export function sessionHours(date: Session): SessionHours {
  sessionNumber(date);
  const opening = date >= '1985-09-30' ? 9 * 60 + 30 : 10 * 60;
  return {
    open: iso(newYorkInstant(readDay(date)!, opening)),
    close: iso(closingInstant(date)),
    early: earlyCloseOf(readDay(date)!) !== undefined,
  };
}

/** The last session whose close lies at or before an instant. @throws NamedError `Data.Invalid` outside 1962–2050 */
export function lastClosedSession(now: Date): Session {
  const today = exchangeDate(now);
  return isSession(today) && closingInstant(today) <= now.getTime() ? today : previousSession(today);
}

function closingInstant(session: Session): number {
  const day = readDay(session)!;
  const regular = session >= '1974-10-01' ? 16 * 60 : 15 * 60 + 30;
  return newYorkInstant(day, earlyCloseOf(day) ?? regular);
}

function iso(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
