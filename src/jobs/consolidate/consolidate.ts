import { readDay } from '../../calendar/dates.ts';
import { inFlight, stopIfAsked } from '../../concurrency.ts';
import { errorName, isNamed } from '../../errors.ts';
import type { AdoptedPrices } from '../../lake/bar-table.ts';
import { jsonBytes, keys, type Lake } from '../../lake/lake.ts';
import { type Ingest, publishedSessions, readIngest } from '../../lake/session-files.ts';
import { cutoffDate, type Expired, NOTHING_REMOVED, proveExpired, type Removal, removeExpired } from '../expire.ts';
import { type BronzeJobOptions, isOfShard, type JobError, type JobSummary, type Progress, statusOf } from '../job.ts';
import {
  type Batch,
  type ConsolidationPlan,
  ingestsNeeded,
  planConsolidation,
  splitIntoBatches,
  wantedBy,
} from './consolidation-plan.ts';
import { type Manifest, openBase } from './consolidation-state.ts';
import { type DateFile, type Inventory, Tally, takeInventory } from './inventory.ts';
import { mergeSymbol } from './merge.ts';
import { readSessions, type SymbolWork, symbolWork } from './read-sessions.ts';
import { commit, commitShard, type MergedState, removeShardResults, type ShardResult, shardResult } from './shards.ts';

export interface ConsolidateOptions extends BronzeJobOptions {
  mode: 'full' | 'incremental';
  /** What files of the original layout hold; without it they are refused. */
  adoptedPrices?: AdoptedPrices;
  /** Age in days from which proven date files are deleted; none are without it. */
  retentionDays?: number;
}

export interface ConsolidateSummary extends JobSummary {
  job: 'consolidate';
  /** Rows by what happened to them; `rows` is what the manifest counts over all symbols. */
  added: number;
  revised: number;
  removed: number;
  /** Date files deleted, and their bytes. */
  filesDeleted: number;
  bytesFreed: number;
  symbolsPerSecond: number;
}

/**
 * Merges new and changed session files, and date files of the original layout, into one sorted data.parquet a symbol
 * (docs/design.md, The lake). Order: data files, each read back; manifest; checkpoint; deletion of old date files whose rows are in
 * the data files. A run killed anywhere is repaired by the next one. A damaged input, or a data file that another job
 * has written meanwhile, is reported in `errors` and its symbol left as it is; the next run tries it again.
 *
 * Of several shards the last to end writes manifest and checkpoint for all, and before them, so that a kill loses no
 * shard's errors, the summary of all at keys.jobResult('consolidate').
 * @returns status `failed` when `errors` are too many (MAX_FAILED_PERCENT)
 * @throws Config.Invalid for an adopted file whose prices nobody has called unadjusted; Job.Interrupted; Lake.Conflict when
 *   other runs have settled meanwhile, again and again; Lake.Unwritable and the store's own errors; with nothing marked as
 *   done
 */
export async function consolidate(lake: Lake, options: ConsolidateOptions): Promise<ConsolidateSummary> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await consolidateOnce(lake, options);
    } catch (error) {
      // Another copy of this job has come to its end meanwhile; what it has done is not done again.
      if (!isNamed(error, 'Lake.Conflict') || attempt === TRIES) throw error;
    }
  }
}

const TRIES = 3;

async function consolidateOnce(lake: Lake, options: ConsolidateOptions): Promise<ConsolidateSummary> {
  const started = performance.now();
  const [inventory, held, base] = await Promise.all([takeInventory(lake), publishedSessions(lake), openBase(lake)]);
  const { checkpoint, manifest } = base;
  const symbols = options.symbols && new Set(options.symbols);
  const { mode, signal, shard, now = new Date() } = options;
  const mine = shard && ((symbol: string) => isOfShard(symbol, shard));
  const errors: JobError[] = inventory.unrecognisedKeys.map((key) => ({
    name: 'Lake.Corrupt',
    symbol: null,
    message: `${key} is named after no symbol; rename it as docs/data-dictionary.md says, or remove it`,
  }));
  const unread: string[] = [];
  const ingests = new Map<string, Ingest>();
  await inFlight(
    ingestsNeeded({ mode, held, checkpoint }),
    options.maxWorkers,
    async (date) => {
      try {
        const ingest = await readIngest(lake, date);
        if (ingest) ingests.set(date, ingest);
      } catch (error) {
        if (!isNamed(error, 'Lake.Corrupt')) throw error;
        unread.push(date);
        errors.push({ name: errorName(error), symbol: null, message: (error as Error).message });
      }
    },
    signal,
  );
  const plan = planConsolidation({ mode, symbols, mine, held, ingests, inventory, manifest, checkpoint });
  const { histories, oldNames } = inventory;
  const run = new ConsolidationRun(lake, { ...options, mine }, manifest, new Set(histories), oldNames, errors);
  await run.all(plan);
  stopIfAsked(signal);
  const wanted = wantedBy({ symbols, mine });
  const cutoff = options.retentionDays === undefined ? undefined : cutoffDate(now, options.retentionDays);
  const ours = new Map([...inventory.dateFiles].filter(([symbol]) => wanted(symbol)));
  const expired = cutoff === undefined ? [] : await run.expired(ours, cutoff);
  const skipped = [...run.failedSessions, ...unread];
  const result = shardResult({ base, held, ingests, inventory, run, manifest, expired, skipped, errors, options });
  const summaryOf = (reports: readonly ShardResult['report'][], rows: number, removal: Removal): ConsolidateSummary =>
    summarise(reports, { rows, removal, options, seconds: (performance.now() - started) / 1000 });
  const sumUp = async ({ manifest }: MergedState, reports: ShardResult['report'][], removal = NOTHING_REMOVED) => {
    const rows = rowsOf([...manifest.values()].map((entry) => entry.rows));
    await lake.write(keys.jobResult('consolidate'), jsonBytes(summaryOf(reports, rows, removal)));
  };
  const merged = shard ? await commitShard(lake, result, base, sumUp) : await commit(lake, result, base);
  const removal = await removeExpired(lake, merged?.expired ?? [], { runId: options.runId, now, signal });
  if (!merged || shard) {
    const own = summaryOf([result.report], rowsOf(result.manifest.map(([, , rows]) => rows)), removal);
    if (merged) {
      await sumUp(merged, merged.reports, removal);
      await removeShardResults(lake);
    }
    return { ...own, shard: { index: result.index, size: result.size } };
  }
  if (merged.written) result.report.counts.filesWritten++;
  return summaryOf([result.report], rowsOf([...merged.manifest.values()].map((entry) => entry.rows)), removal);
}

/** Pure: what a run, or all shards of one, has to say in the end. */
function summarise(
  reports: readonly ShardResult['report'][],
  { rows, removal, options, seconds }: { rows: number; removal: Removal; options: ConsolidateOptions; seconds: number },
): ConsolidateSummary {
  const sum = (of: (report: ShardResult['report']) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const symbols = sum((report) => report.symbols);
  const errors = distinct([...reports.flatMap((report) => report.errors), ...removal.errors]);
  return {
    job: 'consolidate',
    runId: options.runId,
    mode: options.mode,
    status: statusOf(errors, symbols, options.maxFailedPercent ?? 0),
    symbols,
    rows,
    added: sum(({ counts }) => counts.added),
    revised: sum(({ counts }) => counts.revised),
    removed: sum(({ counts }) => counts.removed),
    filesWritten: sum(({ counts }) => counts.filesWritten),
    filesMerged: sum(({ counts }) => counts.filesMerged),
    filesDeleted: removal.filesDeleted,
    bytesFreed: removal.bytesFreed,
    errors,
    seconds,
    symbolsPerSecond: symbols / seconds,
  };
}

/** In order of symbol, because workers finish as they will; every shard meets the same damaged session. */
function distinct(errors: readonly JobError[]): JobError[] {
  const once = new Map(errors.map((error) => [`${error.symbol ?? ''} ${error.message}`, error]));
  return [...once.values()].sort((a, b) => ((a.symbol ?? '') < (b.symbol ?? '') ? -1 : 1));
}

function rowsOf(counts: readonly number[]): number {
  return counts.reduce((sum, rows) => sum + rows, 0);
}

/** A rebuild holds this many session files in memory at a time: about 260 MB of 5,400 symbols. */
const SESSIONS_AT_ONCE = 512;

/** Carries out a plan symbol by symbol and keeps account; a damaged symbol or session leaves the others going. */
export class ConsolidationRun {
  readonly counts = { added: 0, revised: 0, removed: 0, filesWritten: 0, filesMerged: 0 };
  readonly outside = new Tally();
  /** Symbols merged without an error. */
  readonly done = new Set<string>();
  /** Symbols with an error → sessions they lack. */
  readonly pending = new Map<string, Set<string>>();
  readonly failedSessions = new Set<string>();

  constructor(
    private readonly lake: Lake,
    private readonly options: {
      maxWorkers: number;
      adoptedPrices?: AdoptedPrices;
      mine?: (symbol: string) => boolean;
      signal?: AbortSignal;
      progress?: Progress;
    },
    private readonly manifest: Manifest,
    private readonly stored: Set<string>,
    private readonly oldNames: ReadonlySet<string>,
    private readonly errors: JobError[],
  ) {}

  async all(plan: ConsolidationPlan): Promise<void> {
    for (const batch of splitIntoBatches(plan, SESSIONS_AT_ONCE)) await this.batch(batch);
  }

  private async batch(batch: Batch): Promise<void> {
    const { maxWorkers, signal, progress } = this.options;
    const read = await readSessions(this.lake, batch.sessions, { ...this.options, workers: maxWorkers });
    this.counts.filesMerged += batch.sessions.length - read.failed.size;
    for (const { date, only } of batch.sessions) {
      const error = read.failed.get(date);
      if (!error) continue;
      this.failedSessions.add(date);
      this.errors.push({ name: error.name, symbol: null, message: error.message });
      // A session that is only looked up for some symbols is marked as merged already: remember who lacks it.
      for (const symbol of only ?? []) this.postpone(symbol, [date]);
    }
    const all = symbolWork(batch, read);
    let taken = 0;
    const one = async (work: SymbolWork) => {
      await this.symbol(work, batch);
      taken++;
      if (taken % 500 === 0 || taken === all.length) progress?.({ job: 'consolidate', done: taken, total: all.length });
    };
    await inFlight(all, maxWorkers, one, signal);
  }

  private async symbol(work: SymbolWork, batch: Batch): Promise<void> {
    const { symbol } = work;
    if (this.pending.has(symbol)) return this.postpone(symbol, work.dates());
    const bounds = { from: readDay(batch.from) ?? -Infinity, to: readDay(batch.to) ?? Infinity };
    const dateFiles = batch.dateFiles.get(symbol) ?? [];
    try {
      const { entry, written, added, revised, removed } = await mergeSymbol(this.lake, {
        symbol,
        stored: this.stored.has(symbol),
        oldName: this.oldNames.has(symbol),
        sessions: work.bars(),
        dateFiles,
        removed: work.removed,
        examined: batch.examined.has(symbol) ? bounds : undefined,
        outside: this.outside,
        adoptedPrices: this.options.adoptedPrices,
      });
      if (entry) {
        this.manifest.set(symbol, entry);
        this.stored.add(symbol);
      } else {
        this.manifest.delete(symbol);
        this.stored.delete(symbol);
      }
      this.done.add(symbol);
      this.counts.added += added;
      this.counts.revised += revised;
      this.counts.removed += removed;
      this.counts.filesMerged += dateFiles.length;
      if (written) this.counts.filesWritten++;
    } catch (error) {
      this.fail(symbol, error);
      this.postpone(symbol, work.dates());
    }
  }

  /**
   * The date files that may go: older than the cutoff, of a symbol with a data.parquet that has their rows. Asked when
   * everything is merged.
   */
  async expired(dateFiles: Inventory['dateFiles'], cutoff: string): Promise<Expired[]> {
    const old: [symbol: string, files: DateFile[]][] = [];
    for (const [symbol, files] of dateFiles) {
      const chosen = files.filter(({ date }) => date < cutoff);
      if (chosen.length > 0 && this.stored.has(symbol) && !this.pending.has(symbol)) old.push([symbol, chosen]);
    }
    const expired: Expired[] = [];
    const one = async ([symbol, files]: [string, DateFile[]]) => {
      try {
        expired.push(...(await proveExpired(this.lake, symbol, files)).expired);
      } catch (error) {
        this.fail(symbol, error);
        this.postpone(symbol, []);
      }
    };
    await inFlight(old, this.options.maxWorkers, one, this.options.signal);
    return expired.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** A damaged symbol, or one that another job is writing, leaves the others going. */
  private fail(symbol: string, error: unknown): void {
    if (!isNamed(error, 'Lake.Corrupt', 'Lake.Conflict', 'Data.Invalid')) throw error;
    this.errors.push({ name: errorName(error), symbol, message: (error as Error).message });
  }

  private postpone(symbol: string, dates: Iterable<string>): void {
    const pending = this.pending.get(symbol) ?? new Set<string>();
    for (const date of dates) pending.add(date);
    this.pending.set(symbol, pending);
    this.done.delete(symbol);
  }
}
