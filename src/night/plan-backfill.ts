import { sessionsBetween } from '../calendar/sessions.ts';

/** Sessions per execution; the execution history on AWS has an end. */
const CHUNK = 250;

/** What a backfill would fetch: calendar minus what is held, newest first. */
export interface BackfillPlan {
  from: string;
  to: string;
  /** Sessions of the range by the calendar, and how many of them are held. */
  sessions: number;
  held: number;
  missing: number;
  /** One execution each, the newest first, so that a backfill cut short leaves the recent past whole. */
  chunks: { from: string; to: string; sessions: number }[];
  /** One call, or one file, a session. */
  calls: number;
  /** At the plan's calls per minute; null when nothing limits them. */
  minutes: number | null;
}

/** Pure: the plan for an inclusive range of dates. */
export function planBackfill(
  range: { from: string; to: string },
  held: ReadonlySet<string>,
  callsPerMinute: number,
): BackfillPlan {
  const sessions = sessionsBetween(range.from, range.to);
  const missing = sessions.filter((date) => !held.has(date));
  return {
    ...range,
    sessions: sessions.length,
    held: sessions.length - missing.length,
    missing: missing.length,
    chunks: chunksOf(missing),
    calls: missing.length,
    minutes: callsPerMinute === 0 ? null : Math.ceil(missing.length / callsPerMinute),
  };
}

/** @param sessions ascending */
export function chunksOf(sessions: readonly string[]): BackfillPlan['chunks'] {
  const chunks: BackfillPlan['chunks'] = [];
  for (let end = sessions.length; end > 0; end -= CHUNK) {
    const chunk = sessions.slice(Math.max(0, end - CHUNK), end);
    chunks.push({ from: chunk[0]!, to: chunk.at(-1)!, sessions: chunk.length });
  }
  return chunks;
}
