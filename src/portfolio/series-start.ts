import { dateOf } from '../calendar/dates.ts';
import { sessionsBetween } from '../calendar/sessions.ts';
import { changesOf, isSameCompany, type Tenure } from '../lake/symbol-history.ts';

/** Sessions without a bar after which a symbol is taken for another company's, unless it is known not to be. */
const LONGEST_GAP = 60;

export interface SeriesStart {
  /** First row of the series. */
  row: number;
  /** Why the rows before are left out; absent when there are none. */
  reason?: string;
}

/**
 * Where the series begins that the figures of a session are computed from: with the company that carries the symbol
 * then, and behind the last long gap across which nobody knows whether the company is the same. Pure. Undefined when
 * that company has no bar yet.
 * @param date days of the bars up to the session, in order
 * @param last the session, in days since 1970
 */
export function seriesStart(date: Int32Array, last: number, tenures: readonly Tenure[]): SeriesStart | undefined {
  const taken = changesOf(tenures).findLast((day) => day <= last);
  const first = taken === undefined ? 0 : date.findIndex((day) => day >= taken);
  if (first < 0 || date.length === 0) return undefined;
  for (let row = date.length - 1; row > first; row--) {
    const [before, day] = [date[row - 1]!, date[row]!];
    const missed = sessionsMissed(before, day);
    if (missed > LONGEST_GAP && !isSameCompany(tenures, before, day)) {
      return {
        row,
        reason: `no bar for ${missed} sessions before ${dateOf(day)}, and it is not known whether the company is the same`,
      };
    }
  }
  if (first === 0) return { row: 0 };
  return { row: first, reason: `another company has carried the symbol since ${dateOf(taken!)}` };
}

function sessionsMissed(before: number, day: number): number {
  // Nearly all bars follow one another; only a wide step is worth a look at the calendar.
  if (day - before <= LONGEST_GAP) return 0;
  return sessionsBetween(dateOf(before + 1), dateOf(day - 1)).length;
}
