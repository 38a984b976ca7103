import { addDays } from '../../calendar/dates.ts';
import type { Ingest } from '../../lake/session-files.ts';
import type { ConsolidationCheckpoint } from './consolidation-state.ts';
import type { DateFile, Inventory } from './inventory.ts';

export interface PlannedSession {
  date: string;
  /** sha256 the session file has to have. */
  checksum: string;
  /** Symbols whose rows are wanted; undefined = every row. */
  only?: ReadonlySet<string>;
  /** Symbols whose stored row of this date goes, unless a source still has it. */
  removed: readonly string[];
}

/** What one consolidation reads. Which symbols a session holds shows only when it is read. */
export interface ConsolidationPlan {
  /** In date order. */
  sessions: PlannedSession[];
  /** Symbol → date files to merge, in date order. */
  dateFiles: Map<string, DateFile[]>;
  /** Symbols with a data.parquet whose every row is looked at: it is not known yet where their rows came from. */
  examined: Set<string>;
  /**
   * Symbols to merge even when nothing new is said of them: they failed last time, or their data.parquet is gone or has
   * the name an earlier version gave it.
   */
  visited: Set<string>;
}

export interface PlanInput {
  mode: 'full' | 'incremental';
  /** Limits the run; undefined = all. */
  symbols?: ReadonlySet<string>;
  /** Whether a symbol belongs to this shard; undefined = all do. */
  mine?: (symbol: string) => boolean;
  held: readonly { date: string; etag: string }[];
  /** The ingest manifests that ingestsNeeded asked for, without those that could not be read. */
  ingests: ReadonlyMap<string, Ingest>;
  inventory: Inventory;
  /** Symbols of the consolidation manifest. */
  manifest: { has(symbol: string): boolean; keys(): Iterable<string> };
  checkpoint: ConsolidationCheckpoint;
}

/** Whether a run works on a symbol. */
export function wantedBy({ symbols, mine }: Pick<PlanInput, 'symbols' | 'mine'>): (symbol: string) => boolean {
  return (symbol) => (symbols === undefined || symbols.has(symbol)) && (mine === undefined || mine(symbol));
}

/** Dates whose ingest manifest has to be read before planning: new or changed ones, and those pending for a symbol. */
export function ingestsNeeded({ mode, held, checkpoint }: Pick<PlanInput, 'mode' | 'held' | 'checkpoint'>): string[] {
  const pending = new Set(Object.values(checkpoint.failed).flat());
  return held
    .filter(({ date, etag }) => mode === 'full' || pending.has(date) || checkpoint.sessions[date]?.etag !== etag)
    .map(({ date }) => date);
}

/** Pure: what to read so that the data files say what sessions and date files say. */
export function planConsolidation(input: PlanInput): ConsolidationPlan {
  const { mode, held, ingests, inventory, manifest, checkpoint } = input;
  const wanted = wantedBy(input);
  const full = mode === 'full';
  const failed = new Map(Object.entries(checkpoint.failed).filter(([symbol]) => wanted(symbol)));
  const lost = [...manifest.keys()].filter((symbol) => wanted(symbol) && !inventory.histories.has(symbol));

  const sessions = new Map<string, PlannedSession>();
  // A manifest that was asked for and could not be read leaves its session out of this run.
  const unread = new Set(ingestsNeeded(input).filter((date) => !ingests.has(date)));
  const checksumOf = (date: string) => ingests.get(date)?.checksum ?? checkpoint.sessions[date]?.checksum;
  const known = new Map(held.map(({ date }) => [date, unread.has(date) ? undefined : checksumOf(date)]));
  for (const [date, checksum] of known) {
    const ingest = ingests.get(date);
    if (!ingest || checksum === undefined) continue;
    if (full || checkpoint.sessions[date]?.checksum !== checksum) {
      sessions.set(date, { date, checksum, only: input.symbols, removed: ingest.removed.filter(wanted) });
    }
  }
  const consult = (date: string, symbol: string) => {
    const checksum = known.get(date);
    const session = sessions.get(date);
    if (checksum === undefined || (session && (!session.only || session.only === input.symbols))) return;
    const removed = ingests.get(date)?.removed.filter((gone) => failed.has(gone)) ?? [];
    sessions.set(date, { date, checksum, only: new Set([...(session?.only ?? []), symbol]), removed });
  };
  for (const symbol of lost) for (const date of known.keys()) consult(date, symbol);
  for (const [symbol, dates] of failed) for (const date of dates) consult(date, symbol);

  const { symbols, dates } = checkpoint.dateFiles;
  const { digests } = inventory;
  const misnamed = [...inventory.oldNames].filter(wanted);
  const visited = new Set([...lost, ...failed.keys(), ...misnamed]);
  const gone = new Set(
    [...sessions.values()].flatMap(({ date, removed }) => removed.map((symbol) => `${date} ${symbol}`)),
  );
  const dateFiles = new Map<string, DateFile[]>();
  for (const [symbol, files] of inventory.dateFiles) {
    if (!wanted(symbol)) continue;
    const fresh = full || visited.has(symbol);
    const changed = symbols[symbol] !== digests.symbols[symbol];
    const chosen = files.filter(
      ({ date }) => fresh || (changed && dates[date] !== digests.dates[date]) || gone.has(`${date} ${symbol}`),
    );
    if (chosen.length === 0) continue;
    dateFiles.set(symbol, chosen);
    // The session's own row decides whether a date file's row counts, so it is read along.
    for (const { date } of chosen) consult(date, symbol);
  }
  return {
    sessions: [...sessions.values()].sort((a, b) => (a.date < b.date ? -1 : 1)),
    dateFiles,
    examined: new Set([...inventory.histories].filter((symbol) => wanted(symbol) && (full || !manifest.has(symbol)))),
    visited,
  };
}

export interface Batch extends ConsolidationPlan {
  /** Days (YYYY-MM-DD, inclusive) this batch is about. */
  from: string;
  to: string;
}

/** Cuts a plan along the dates, so that the session files in memory at once stay few. */
export function splitIntoBatches(plan: ConsolidationPlan, sessionsAtOnce: number): Batch[] {
  const batches: Batch[] = [];
  let from = '0000-01-01';
  for (let start = 0; start === 0 || start < plan.sessions.length; start += sessionsAtOnce) {
    const sessions = plan.sessions.slice(start, start + sessionsAtOnce);
    const next = plan.sessions[start + sessionsAtOnce];
    const last = next ? sessions.at(-1)!.date : '9999-12-31';
    const dateFiles = new Map<string, DateFile[]>();
    for (const [symbol, files] of plan.dateFiles) {
      const part = files.filter(({ date }) => date >= from && date <= last);
      if (part.length > 0) dateFiles.set(symbol, part);
    }
    batches.push({ ...plan, sessions, dateFiles, from, to: last });
    from = next ? addDays(last, 1) : last;
  }
  return batches;
}
