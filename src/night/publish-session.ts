import { inFlight } from '../concurrency.ts';
import { isNamed, NamedError } from '../errors.ts';
import { claimLake, keys, type Lake, writeIfChanged } from '../lake/lake.ts';
import { encodeRevisions, revisionsOf } from '../lake/revisions.ts';
import {
  decodeBars,
  encodeBars,
  type Ingest,
  recordSession,
  storedBars,
  usableIngest,
  writeIngest,
} from '../lake/session-files.ts';
import { dropStaged, readNote, readRejects, type StagedNote, type StagedRejects } from '../lake/staging.ts';
import { type Bar, isSound, sameValues } from '../records/bar.ts';
import type { ReleaseEffect } from '../records/run.ts';
import type { Stores } from '../stores.ts';
import { storePrices } from '../warehouse/prices.ts';
import { replaceQuarantine } from './quarantine.ts';

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
  const staged = await readStaged(lake, runId, date, { begun: true });
  if (!staged?.hasBars) return alreadyPublished(lake, date, runId);
  const { note, merged, rejects } = staged;
  await claimLake(lake, note.kind);
  const key = keys.session(date);
  const revised = await recordRevisions(lake, date, staged, night);
  const bytes = encodeBars(merged.bars);
  await announceRemoved(lake, staged);
  const files = config.BRONZE_LAYOUT === 'symbol';
  // First, as only the old session file names them: a crash after its replacement would leave them for good.
  if (files) await lake.remove(merged.removed.flatMap((symbol) => symbolFiles(symbol, date)));
  await writeIfChanged(lake, key, bytes);
  if (files) await writeSymbolFiles(lake, merged.bars, config.MAX_WORKERS);
  if (config.WAREHOUSE === 'on') await storePrices(warehouse, date, merged.bars);
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

/** None for a damaged version, so that fetching a session again fixes its file. */
async function readableBars(lake: Lake, date: string): Promise<Bar[]> {
  return storedBars(lake, date).catch((error: Error) => {
    if (isNamed(error, 'Lake.Corrupt')) return [];
    throw error;
  });
}

/**
 * Before the session file goes over the old one, which alone knows the old values. A session nobody was served yet is
 * merely started over. Returns the rows that had been served with other values.
 */
async function recordRevisions(
  lake: Lake,
  date: string,
  { stored, merged, ingest, note }: StagedSession,
  night: string,
): Promise<number> {
  if (stored.length === 0 || !ingest) return 0;
  const revisions = revisionsOf(stored, merged.bars);
  if (revisions.length === 0) return 0;
  const { runId, ingestedAt: at } = note;
  await writeIfChanged(lake, keys.revisions(date, at), encodeRevisions(revisions, { night, runId, date, at }));
  return revisions.filter(({ kind }) => kind === 'changed').length;
}

/** Before the session file goes over the old one: a crash right after would leave nobody who knows what was there. */
async function announceRemoved(lake: Lake, { ingest, merged: { removed } }: StagedSession): Promise<void> {
  if (!ingest || removed.length === 0) return;
  await writeIngest(lake, { ...ingest, removed: [...new Set([...ingest.removed, ...removed])].sort() });
}

/** Where a symbol's date file lies, and where an earlier version wrote it. */
function symbolFiles(symbol: string, date: string): [key: string, ...old: string[]] {
  const [key, old] = [keys.symbolDate(symbol, date), keys.oldSymbolDate(symbol, date)];
  return old === key ? [key] : [key, old];
}

/** The original layout, one one-row file per symbol and date; unchanged files stay as they are. */
async function writeSymbolFiles(lake: Lake, bars: readonly Bar[], workers: number): Promise<void> {
  await inFlight(bars, workers, async (bar) => {
    const [key, ...old] = symbolFiles(bar.symbol, bar.date);
    await writeIfChanged(lake, key, encodeBars([bar]));
    if (old.length > 0) await lake.remove(old);
  });
}

/** A retried call after a crash at the very end: staging is gone because the session is published. */
async function alreadyPublished(lake: Lake, date: string, runId: string): Promise<PublishedSession> {
  const ingest = await usableIngest(lake, date);
  if (!ingest) {
    throw new NamedError('Data.Invalid', {
      what: `${date} cannot be published`,
      found: `nothing staged for run ${runId}`,
      wanted: 'a staged session',
      todo: 'Run `npx afterbell night --session` for it.',
    });
  }
  return { date, rows: ingest.rows, new: 0, changed: 0, revised: 0, removed: 0, rejected: ingest.rejected };
}

/** Symbols of kept bars that a note names. */
const NAMED = 5;

export interface Merged {
  bars: Bar[];
  new: number;
  changed: number;
  /** Symbols the stored version had and the new one has not. */
  removed: string[];
  /** Symbols whose stored bar stays because their new row was refused. */
  kept: string[];
}

/**
 * Pure: the new version of a session, by symbol in code-unit order; a row whose values did not change keeps its
 * `ingestedAt`. A symbol among `refused` that brought no good row keeps the bar it had: a bad answer is no reason to
 * take a good one away. One that would be refused itself goes.
 */
export function mergeSession(
  stored: readonly Bar[],
  fetched: readonly Bar[],
  refused: ReadonlySet<string> = new Set(),
): Merged {
  const old = new Map(stored.map((bar) => [bar.symbol, bar]));
  const merged: Merged = { bars: [], new: 0, changed: 0, removed: [], kept: [] };
  for (const bar of fetched) {
    const before = old.get(bar.symbol);
    old.delete(bar.symbol);
    if (before && sameValues(before, bar)) merged.bars.push(before);
    else {
      merged.bars.push(bar);
      if (before) merged.changed += 1;
      else merged.new += 1;
    }
  }
  for (const [symbol, before] of old) {
    if (refused.has(symbol) && isSound(before)) {
      merged.kept.push(symbol);
      merged.bars.push(before);
    } else merged.removed.push(symbol);
  }
  if (merged.kept.length > 0) merged.bars.sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  return merged;
}

/** What a reader of the night is told of bars that stayed; undefined when there are none. */
export function keptNote(date: string, kept: readonly string[]): string | undefined {
  if (kept.length === 0) return undefined;
  const named = kept.slice(0, NAMED).join(', ') + (kept.length > NAMED ? ', …' : '');
  const what =
    kept.length === 1
      ? '1 refused row left the served bar as it was'
      : `${kept.length} refused rows left the served bars as they were`;
  return `${date}: ${what}: ${named}`;
}

/** A staged session beside the version that is served. */
export interface StagedSession {
  note: StagedNote;
  /** Whether the file of its bars is there; `bars` are none without it. */
  hasBars: boolean;
  bars: Bar[];
  rejects: StagedRejects;
  /** Bars of the session file. None where nothing, or a damaged file, is served. */
  stored: Bar[];
  ingest: Ingest | undefined;
  /** What a publication would serve. */
  merged: Merged;
}

/**
 * Check Night judges by it, Publish Session publishes it, and a release is announced by it. Each reads and merges for itself:
 * another session may have been published in between, and merging 5,400 bars takes 1 ms, but handing them over through
 * the lake an encoding (10 ms) and a durable write of 0.4 MB (10 ms) in place of a decoding (3 ms).
 * @param options.begun with the bars of a session file that nobody is served yet, as a killed publication leaves it: bars
 *   that did not change keep their `ingestedAt`. Check Night does without: a file that cannot be read fails its own
 *   session's publication, not the gates of all
 * @returns undefined when the run has not completely staged the session
 */
export async function readStaged(
  lake: Lake,
  runId: string,
  date: string,
  { begun = false }: { begun?: boolean } = {},
): Promise<StagedSession | undefined> {
  const note = await readNote(lake, runId, date);
  if (!note) return undefined;
  const key = keys.staged(runId, date);
  const bytes = await lake.read(key);
  const bars = bytes ? await decodeBars(bytes, key) : [];
  const isServed = (await lake.read(keys.ingest(date))) !== undefined;
  const stored = isServed || begun ? await readableBars(lake, date) : [];
  const rejects = await readRejects(lake, runId, date);
  // A session nobody is served yet has no bar that could be taken away.
  const merged = mergeSession(stored, bars, isServed ? rejects.symbols : undefined);
  const ingest = await usableIngest(lake, date);
  return { note, hasBars: bytes !== undefined, bars, rejects, stored, ingest, merged };
}

/** What a publication of these staged sessions would do now; sessions that are staged no more count as none. */
export async function effectOf(lake: Lake, runId: string, dates: readonly string[]): Promise<ReleaseEffect> {
  const effect: ReleaseEffect = { sessions: 0, changed: 0, removed: 0 };
  for (const date of dates) {
    const staged = await readStaged(lake, runId, date);
    if (staged) addEffect(effect, staged.merged);
  }
  return effect;
}

export function addEffect(effect: ReleaseEffect, { changed, removed }: Merged): void {
  effect.sessions += 1;
  effect.changed += changed;
  effect.removed += removed.length;
}
