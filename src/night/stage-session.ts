import type { Logger } from '@aws-lambda-powertools/logger';
import { sessionHours } from '../calendar/calendar.ts';
import { DAY_MS } from '../calendar/dates.ts';
import type { BarSource } from '../datasets/prices.ts';
import { isNamed, NamedError } from '../errors.ts';
import { claimLake, keys, type Lake } from '../lake/lake.ts';
import { encodeBars } from '../lake/session-files.ts';
import { type StagedNote, writeNote } from '../lake/staging.ts';
import { parseBars } from '../records/bar.ts';
import { wellFormed } from '../text.ts';
import { quarantineLines } from './quarantine.ts';

/** Later than this after the close an empty answer is no longer "not there yet". */
const LATE_DAYS = 5;

export interface StageRequest {
  runId: string;
  openedAt: string;
  session: string;
  /** The session is served already; this is a second look. */
  again?: boolean;
  /**
   * The session before this one got no answer from the vendor however long it was waited for. Whether the vendor is down
   * or that one session is to blame, one call tells: no answer again is a result, not an error that is retried.
   */
  once?: boolean;
}

export interface StagedSession {
  date: string;
  /** `failed`: asked once, and no answer. */
  status: 'staged' | 'skipped' | 'failed';
  rows: number;
  rejected: number;
  waitSeconds: number;
  reason: string;
  trouble?: { state: string; error: string; cause: string };
}

const NOTHING = { rows: 0, rejected: 0, waitSeconds: 0, reason: '' };

/**
 * Fetches one session's bars for the whole market, validates them row by row and writes them to staging; nothing
 * that is served is touched. Of a session that is served already nobody waits for a second answer, and an empty one
 * is staged like any other, so that it is held and told.
 * @throws Vendor.NotYetAvailable when a young session has no rows yet; Data.Invalid when an old one has none
 */
export async function stageSession(
  source: BarSource,
  { runId, openedAt, session, again = false, once = false }: StageRequest,
  lake: Lake,
  log?: Pick<Logger, 'info'>,
): Promise<StagedSession> {
  const answer = await source.session(session).catch((error: Error): StagedSession => {
    const skipped = { date: session, ...NOTHING, status: 'skipped' as const, reason: error.message };
    if (isNamed(error, 'Vendor.DateOutOfPlan')) return skipped;
    if (again && isNamed(error, 'Vendor.NotYetAvailable')) return skipped;
    if (!once || !isNamed(error, 'Vendor.Unavailable')) throw error;
    const trouble = { state: 'Stage Session', error: error.name, cause: wellFormed(error.message, 600) };
    return { date: session, ...NOTHING, status: 'failed', trouble };
  });
  if ('status' in answer) return answer;
  if (answer.rows.length === 0 && !again) throw nothing(session, openedAt, source.name);
  const kind = answer.practice ? 'practice' : 'real';
  await claimLake(lake, kind);
  const name = answer.practice ? 'practice' : source.name;
  const { records, rejected } = parseBars(answer.rows, { date: session, source: name, ingestedAt: openedAt });
  await lake.write(keys.staged(runId, session), encodeBars(records));
  if (rejected.length > 0) {
    const lines = quarantineLines('prices', session, rejected);
    await lake.write(keys.stagedRejects(runId, session), Buffer.from(`${lines.join('\n')}\n`));
  } else await lake.remove([keys.stagedRejects(runId, session)]);
  const counts = { rows: records.length, rejected: rejected.length };
  const note: StagedNote = { date: session, ...counts, source: name, kind, runId, ingestedAt: openedAt };
  await writeNote(lake, runId, again ? { ...note, again } : note);
  log?.info('page', { dataset: 'prices', page: 1, rows: records.length, total: records.length, session });
  return { date: session, status: 'staged', ...counts, waitSeconds: answer.waitSeconds, reason: '' };
}

function nothing(session: string, openedAt: string, source: BarSource['name']): NamedError {
  const age = (Date.parse(openedAt) - Date.parse(sessionHours(session).close)) / DAY_MS;
  if (age < LATE_DAYS) {
    return new NamedError('Vendor.NotYetAvailable', {
      what: `the vendor has no bars for ${session} yet`,
      found: 'an empty answer for a session that has closed',
      wanted: 'one bar per symbol',
    });
  }
  return new NamedError('Data.Invalid', {
    what: `the vendor has no bars for ${session}`,
    found: `an empty answer ${Math.floor(age)} days after the close`,
    wanted: 'one bar per symbol: it was a trading session',
    todo: `Fetch it from another source: npx afterbell backfill${source === 'flat-files' ? '' : ' --flat-files FOLDER'} --from ${session} --to ${session}`,
  });
}
