import { sessionAt, sessionNumber } from '../calendar/calendar.ts';
import type { BackOff } from '../tables/runs.ts';
import type { Night } from './night.ts';

/** Sessions after which a session that stays bad is fetched again for the first time; then twice as many, and so on. */
const FIRST_WAIT = 5;
/** Of more than so many the newest are remembered; the others are fetched again with the next night that gets to them. */
const REMEMBERED = 1000;

export type BackOffs = Readonly<Record<string, BackOff>>;

/** What became of single sessions of a run. */
export interface SessionResults {
  night: Pick<Night, 'kind' | 'session' | 'runId'>;
  /** A gate refused them. */
  held: readonly string[];
  /** The vendor does not have them. */
  unavailable: readonly string[];
  /** Published, or found as they are served. */
  settled: readonly string[];
}

/** Pure: a night is about its own session, every other execution about each of its sessions. */
export function isOwnSession({ kind, session }: Pick<Night, 'kind' | 'session'>, date: string): boolean {
  return kind !== 'night' || date === session;
}

/** Pure: the session of the night that fetches this one again. */
export function fetchedAgainWith(date: string, { since, asked }: BackOff): string {
  const waited = sessionNumber(asked) - sessionNumber(since);
  // A vendor that is late often has the whole session a day later.
  if (date === since && waited < 1) return sessionAt(sessionNumber(since) + 1);
  let wait = FIRST_WAIT;
  while (wait <= waited) wait *= 2;
  return sessionAt(sessionNumber(since) + wait);
}

/** Pure: whether a night for `session` leaves a session alone that was bad before. The same night by hand asks again. */
export function isBackingOff(date: string, backOffs: BackOffs, session: string): boolean {
  const backOff = backOffs[date];
  return backOff !== undefined && session > backOff.asked && session < fetchedAgainWith(date, backOff);
}

/**
 * Pure: what is remembered after a run. `fresh` are older sessions of which nobody has been notified yet; a repeated
 * call for the same run gives the same.
 */
export function recordBackOffs(before: BackOffs, results: SessionResults): { backOffs: BackOffs; fresh: string[] } {
  const { night, held, unavailable, settled } = results;
  const { runId, session } = night;
  const backOffs: Record<string, BackOff> = { ...before };
  for (const date of settled) delete backOffs[date];
  const bad = [
    ...held.map((date) => ({ date, withheld: true })),
    ...unavailable.map((date) => ({ date, withheld: false })),
  ];
  for (const { date, withheld } of bad) {
    const old = backOffs[date];
    const asked = old && old.asked > session ? old.asked : session;
    const first = { since: old?.since ?? session, notifiedBy: old?.notifiedBy ?? runId };
    backOffs[date] = { ...first, asked, runId, withheld };
  }
  const fresh = bad.map(({ date }) => date).filter((date) => !isOwnSession(night, date));
  const newest = Object.keys(backOffs).sort().slice(-REMEMBERED);
  return {
    backOffs: Object.fromEntries(newest.map((date) => [date, backOffs[date]!])),
    fresh: fresh.filter((date) => backOffs[date]!.notifiedBy === runId).sort(),
  };
}
