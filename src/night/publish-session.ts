import { isNamed, NamedError } from '../errors.ts';
import { decodeBars, encodeBars } from '../lake/bars.ts';
import { usableIngest, writeIngest } from '../lake/ingest.ts';
import { keys } from '../lake/keys.ts';
import { type Lake, writeIfChanged } from '../lake/lake.ts';
import { encodeRevisions, revisionsOf } from '../lake/revisions.ts';
import { recordSession, storedBars } from '../lake/session-file.ts';
import { claimLake } from '../lake/stamp.ts';
import type { Bar } from '../records/bar.ts';
import { storePrices } from '../warehouse/prices.ts';
import { keptNote, type Merged, mergeSession } from './merge-session.ts';
import { replaceQuarantine } from './quarantine.ts';
import { readRejects } from './staged-rejects.ts';
import { dropStaged, readNote, type StagedNote } from './staging.ts';
import type { Stores } from './stores.ts';

export interface PublishedSession {
  date: string;
  rows: number;
  new: number;
  changed: number;
  /** Rows that had been served with other values. */
  revised: number;
  removed: number;
  rejected: number;
  /** Worth knowing, holds nothing. */
  notes?: string[];
}

/**
 * Moves one checked session from staging to what is served: session file, then `stock_prices`, then quarantine, and
 * the ingest manifest last, which makes it count. Killed in between, the next run does it again with the same result.
 */
export async function publishSession(
  { runId, session: date, night = date }: { runId: string; session: string; night?: string },
  { lake, warehouse, config }: Pick<Stores, 'lake' | 'warehouse' | 'config'>,
): Promise<PublishedSession> {
  const note = await readNote(lake, runId, date);
  const staged = await lake.read(keys.staged(runId, date));
  if (!note || !staged) return alreadyPublished(lake, date, runId);
  await claimLake(lake, note.kind);
  const key = keys.session(date);
  const fetched = await decodeBars(staged, keys.staged(runId, date));
  const stored = await readableBars(lake, date);
  const rejects = await readRejects(lake, runId, date);
  // A session nobody is served yet has no bar that could be taken away.
  const isServed = (await lake.read(keys.ingest(date))) !== undefined;
  const merged = mergeSession(stored, fetched, isServed ? rejects.symbols : undefined);
  const revised = await recordRevisions(lake, date, { stored, merged, night, note });
  const bytes = encodeBars(merged.bars);
  await announceRemoved(lake, date, merged.removed);
  const files = config.BRONZE_LAYOUT === 'symbol';
  // First, as only the old session file names them: a crash after its replacement would leave them for good.
  if (files) await lake.remove(merged.removed.map((symbol) => keys.symbolDate(symbol, date)));
  await writeIfChanged(lake, key, bytes);
  if (files) await writeSymbolFiles(lake, merged.bars, config.MAX_WORKERS);
  await storePrices(warehouse, date, merged.bars);
  await replaceQuarantine(lake, date, 'prices', rejects.lines);
  await recordSession(lake, date, { ...merged, bytes }, note, await usableIngest(lake, date));
  await dropStaged(lake, runId, date);
  const stayed = keptNote(date, merged.kept);
  return {
    date,
    rows: merged.bars.length,
    new: merged.new,
    changed: merged.changed,
    revised,
    removed: merged.removed.length,
    rejected: note.rejected,
    ...(stayed && { notes: [stayed] }),
  };
}

/** None for a damaged version, so that fetching a session again mends its file. */
async function readableBars(lake: Lake, date: string): Promise<Bar[]> {
  return storedBars(lake, date).catch((error: Error) => {
    if (isNamed(error, 'Lake.Corrupt')) return [];
    throw error;
  });
}

/**
 * Before the session file goes over the old one, which alone knows the old values. A session nobody was served yet is
 * merely begun anew. Returns the rows that had been served with other values.
 */
async function recordRevisions(
  lake: Lake,
  date: string,
  { stored, merged, night, note }: { stored: Bar[]; merged: Merged; night: string; note: StagedNote },
): Promise<number> {
  if (stored.length === 0 || !(await usableIngest(lake, date))) return 0;
  const revisions = revisionsOf(stored, merged.bars);
  if (revisions.length === 0) return 0;
  const { runId, ingestedAt: at } = note;
  await writeIfChanged(lake, keys.revisions(date, at), encodeRevisions(revisions, { night, runId, date, at }));
  return revisions.filter(({ kind }) => kind === 'changed').length;
}

/** Before the session file goes over the old one: a crash right after would leave nobody who knows what was there. */
async function announceRemoved(lake: Lake, date: string, removed: readonly string[]): Promise<void> {
  const before = await usableIngest(lake, date);
  if (!before || removed.length === 0) return;
  await writeIngest(lake, { ...before, removed: [...new Set([...before.removed, ...removed])].sort() });
}

/** The original layout, one one-row file per symbol and date; unchanged files stay as they are. */
async function writeSymbolFiles(lake: Lake, bars: readonly Bar[], workers: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < bars.length) {
      const bar = bars[next++]!;
      await writeIfChanged(lake, keys.symbolDate(bar.symbol, bar.date), encodeBars([bar]));
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
}

/** A retried call after a crash at the very end: staging is gone because the session is published. */
async function alreadyPublished(lake: Lake, date: string, runId: string): Promise<PublishedSession> {
  const ingest = await usableIngest(lake, date);
  if (!ingest) {
    throw new NamedError('Data.Invalid', {
      what: `${date} cannot be published`,
      found: `nothing staged for run ${runId}`,
      wanted: 'a staged session',
      todo: 'Run `afterbell night --session` for it.',
    });
  }
  return { date, rows: ingest.rows, new: 0, changed: 0, revised: 0, removed: 0, rejected: ingest.rejected };
}
