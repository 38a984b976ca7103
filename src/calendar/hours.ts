import { readDay } from './dates.ts';
import { earlyCloseOf } from './early-closes.ts';
import { exchangeDate, newYorkInstant } from './new-york.ts';
import { isSession, previousSession, type Session, sessionNumber } from './trading-days.ts';

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
