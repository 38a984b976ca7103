import { exchangeDate } from '../calendar/sessions.ts';

/**
 * True when a vendor's time (epoch ms) lies on a date (YYYY-MM-DD) in New York. False also for times outside of the
 * calendar, such as seconds or nanoseconds taken for milliseconds.
 */
export function isOnDate(t: number, date: string): boolean {
  try {
    return exchangeDate(new Date(t)) === date;
  } catch {
    return false;
  }
}
