import { previousSession, sessionsBetween } from '../calendar/sessions.ts';

export interface Refetch {
  /** Held sessions to be fetched again, in order. */
  again: string[];
  /** Missing sessions to be fetched, in order. */
  gaps: string[];
  notes: string[];
}

/**
 * Pure: what a night fetches besides its own session. Vendors correct bars for days, so the last `trailing` sessions
 * before it are asked for again; and what the calendar has between the first held session and this one, and the lake
 * has not, is healed, newest first, `gapsAtOnce` a night.
 */
export function planRefetch(
  session: string,
  held: ReadonlySet<string>,
  { trailing, gapsAtOnce }: { trailing: number; gapsAtOnce: number },
): Refetch {
  const first = [...held].sort()[0];
  if (first === undefined || first >= session) return { again: [], gaps: [], notes: [] };
  const earlier = sessionsBetween(first, previousSession(session));
  const again = trailing === 0 ? [] : earlier.slice(-trailing).filter((date) => held.has(date));
  const missing = earlier.filter((date) => !held.has(date));
  const gaps = gapsAtOnce === 0 ? [] : missing.slice(-gapsAtOnce);
  return { again, gaps, notes: gapNotes(gaps, missing.slice(0, missing.length - gaps.length)) };
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
