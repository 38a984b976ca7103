import { previousSession, sessionsBetween } from '../calendar/sessions.ts';
import { type BackOffs, fetchedAgainWith, isBackingOff } from './session-back-off.ts';

export interface Refetch {
  /** Held sessions to be fetched again, in order. */
  again: string[];
  /** Missing sessions to be fetched, in order. */
  gaps: string[];
  notes: string[];
}

/** Backing-off sessions a night names. */
const NAMED = 20;

/**
 * Pure: what a night fetches besides its own session. Vendors correct bars for days, so the last `trailing` sessions
 * before it are asked for again; and what the calendar has between the first held session and this one, and the lake
 * has not, is healed, newest first, `gapsAtOnce` a night. A session that was bad before is left alone until its turn.
 */
export function planRefetch(
  session: string,
  held: ReadonlySet<string>,
  { trailing, gapsAtOnce, backOffs }: { trailing: number; gapsAtOnce: number; backOffs: BackOffs },
): Refetch {
  const first = [...held].sort()[0];
  if (first === undefined || first >= session) return { again: [], gaps: [], notes: [] };
  const earlier = sessionsBetween(first, previousSession(session));
  const [waiting, open] = [[] as string[], [] as string[]];
  for (const date of earlier) (isBackingOff(date, backOffs, session) ? waiting : open).push(date);
  const window = new Set(trailing === 0 ? [] : earlier.slice(-trailing));
  const again = open.filter((date) => held.has(date) && (window.has(date) || (trailing > 0 && date in backOffs)));
  const missing = open.filter((date) => !held.has(date));
  const gaps = gapsAtOnce === 0 ? [] : missing.slice(-gapsAtOnce);
  const left = missing.slice(0, missing.length - gaps.length);
  return { again, gaps, notes: [...gapNotes(gaps, left), ...waitingNotes(waiting, held, backOffs)] };
}

function waitingNotes(waiting: readonly string[], held: ReadonlySet<string>, backOffs: BackOffs): string[] {
  const named = waiting.slice(-NAMED).map((date) => {
    const backOff = backOffs[date]!;
    const next = `it is fetched again with session ${fetchedAgainWith(date, backOff)}`;
    if (!backOff.withheld) return `${date} is still not to be had from the vendor; ${next}`;
    if (!held.has(date)) return `${date} is still withheld, by run ${backOff.runId}; ${next}`;
    return `${date} stays as it is served: a newer answer is still withheld, by run ${backOff.runId}; ${next}`;
  });
  const more = waiting.length - named.length;
  return more > 0 ? [...named, `${more} earlier sessions are withheld or not to be had, too`] : named;
}

function gapNotes(gaps: readonly string[], left: readonly string[]): string[] {
  const notes: string[] = [];
  if (gaps.length > 0) notes.push(`${count(gaps)} missing, fetched first: ${gaps.join(', ')}`);
  if (left.length > 0) {
    const range = `--from ${left[0]} --to ${left.at(-1)}`;
    notes.push(`${count(left)} still missing; the next nights go on, or at once: npx afterbell backfill ${range}`);
  }
  return notes;
}

function count(dates: readonly string[]): string {
  return dates.length === 1 ? '1 session is' : `${dates.length} sessions are`;
}
