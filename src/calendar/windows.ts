import { NamedError } from '../errors.ts';
import { type Session, sessionAt, sessionNumber, sessionNumbersOf } from './trading-days.ts';

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
