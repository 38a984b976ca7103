import { previousSession } from '../../calendar/sessions.ts';
import { errorName } from '../../errors.ts';
import { inFlight } from '../../lake/in-flight.ts';
import { heldSessions, usableIngest } from '../../lake/ingest.ts';
import { dateOfKey } from '../../lake/keys.ts';
import { type Lake, listAll, readJson } from '../../lake/lake.ts';
import type { NightReport } from '../night.ts';
import { type History, NO_HISTORY, type ReportedRun } from './history.ts';
import { readCandles } from './read-candles.ts';
import { readRevisions, readSymbolChanges } from './read-changes.ts';
import { readListings, readQuarantine, readReconcile } from './read-extracts.ts';

const YEAR_SESSIONS = 252;
const NIGHTS = 60;
const READERS = 16;

/**
 * What a report shows besides its own run, from the lake alone. A damaged or missing file costs its own part of the
 * page and is named in `unread`, never the page.
 * @param symbols whose bars are drawn; the most traded of the session fill up to as many. None: nothing of earlier
 *   sessions is read, for the chunks of a long backfill
 */
export async function readHistory(lake: Lake, run: ReportedRun, symbols: readonly string[]): Promise<History> {
  const unread: string[] = [];
  const attempt = async <T>(what: string, work: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      unread.push(`${what}: ${errorName(error)}: ${(error as Error).message}`);
      return otherwise;
    }
  };
  const held = await attempt('sessions', () => sessionsUpTo(lake, run.session), []);
  const quarantine = await attempt('quarantine', () => readQuarantine(lake, run.session), null);
  if (symbols.length === 0) return { ...NO_HISTORY, held, quarantine, unread };
  const last = held.at(-1);
  return {
    held,
    quarantine,
    rows: await attempt('rows', () => readRows(lake, held.slice(-YEAR_SESSIONS)), []),
    nights: await attempt('nights', () => readNights(lake, run), []),
    revisions: await attempt('revisions', () => readRevisions(lake, run), NO_HISTORY.revisions),
    symbols: await attempt('symbols', () => readSymbolChanges(lake, run.session, previousSession(run.session)), null),
    listings: await attempt('listings', () => readListings(lake, run.session), null),
    candles: last ? await attempt('candles', () => readCandles(lake, last, symbols), []) : [],
    reconcile: await attempt('reconcile', () => readReconcile(lake, run.session), null),
    unread,
  };
}

async function sessionsUpTo(lake: Lake, session: string): Promise<string[]> {
  return (await heldSessions(lake)).map(({ date }) => date).filter((date) => date <= session);
}

async function readRows(lake: Lake, dates: readonly string[]): Promise<History['rows']> {
  const rows = new Map<string, number>();
  await inFlight(dates, READERS, async (date) => {
    const ingest = await usableIngest(lake, date);
    if (ingest) rows.set(date, ingest.rows);
  });
  return dates.filter((date) => rows.has(date)).map((date) => ({ date, rows: rows.get(date)! }));
}

/** The newest report of each session; a run of its own kind that has no night.json counts for its session too. */
async function readNights(lake: Lake, run: ReportedRun): Promise<History['nights']> {
  const keys = (await listAll(lake, 'reports/date='))
    .map(({ key }) => key)
    .filter((key) => key.endsWith('/night.json') && (dateOfKey(key) ?? '') < run.session)
    .slice(-NIGHTS);
  const reports = new Map<string, NightReport>();
  await inFlight(keys, READERS, async (key) => {
    const report = await readJson<NightReport>(lake, key).catch(() => undefined);
    if (report) reports.set(key, report);
  });
  const earlier = keys.flatMap((key) => reports.get(key) ?? []);
  return [...earlier, run].map(({ session, status, seconds, datasets }) => ({
    session,
    status,
    seconds,
    datasets: datasets.map((set) => ({ name: set.name, status: set.status, seconds: set.seconds })),
  }));
}
