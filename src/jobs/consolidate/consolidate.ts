import { readDay } from '../../calendar/dates.ts';
import { inFlight, stopIfAsked } from '../../concurrency.ts';
import { errorName, isNamed } from '../../errors.ts';
import type { AdoptedPrices } from '../../lake/bar-table.ts';
import { jsonBytes, keys, type Lake } from '../../lake/lake.ts';
import { heldSessions, type Ingest, readIngest } from '../../lake/sessions.ts';
import { cutoffDate, type Expired, NOTHING_REMOVED, proveExpired, type Removal, removeExpired } from '../expire.ts';
import type { JobError, Progress } from '../job.ts';
import { type DateFile, type Inventory, Tally, takeInventory } from './inventory.ts';
import { mergeSymbol } from './merge.ts';
import {
  type ConsolidationPlan,
  ingestsNeeded,
  type Portion,
  planConsolidation,
  portionsOf,
  wantedBy,
} from './plan.ts';
import { readSessions, type SymbolWork, symbolWork } from './read-sessions.ts';
import { isOfShard, type Part, partOf, removeParts, type Settled, settle, settleShard } from './shards.ts';
import { type Manifest, openBase } from './state.ts';
import { type ConsolidateOptions, type ConsolidateSummary, summarise } from './summary.ts';

/**
 * Merges new and changed session files, and date files of the original layout, into one sorted data.parquet a symbol
 * (docs/design.md, The lake). Order: data files, each read back; manifest; checkpoint; deletion of old date files whose rows are in
 * the data files. A run killed anywhere is repaired by the next one. A damaged input, or a data file that another job
 * has written meanwhile, is reported in `errors` and its symbol left as it is; the next run tries it again.
 *
 * Of several shards the last to end writes manifest and checkpoint for all, and before them, so that a kill loses no
 * shard's errors, the summary of all at keys.jobResult('consolidate').
 * @returns status `failed` when `errors` are too many (MAX_FAILED_PERCENT)
 * @throws Config.Invalid for an adopted file whose prices nobody has called unadjusted; Job.Interrupted; Lake.Conflict when another run has settled meanwhile; Lake.Unwritable and the store's own
 *   errors; with nothing marked as done
 */
export async function consolidate(lake: Lake, options: ConsolidateOptions): Promise<ConsolidateSummary> {
  const started = performance.now();
  const [inventory, held, base] = await Promise.all([takeInventory(lake), heldSessions(lake), openBase(lake)]);
  const { checkpoint, manifest } = base;
  const symbols = options.symbols && new Set(options.symbols);
  const { mode, signal, shard, now = new Date() } = options;
  const mine = shard && ((symbol: string) => isOfShard(symbol, shard));
  const errors: JobError[] = inventory.strangers.map((key) => ({
    name: 'Lake.Corrupt',
    symbol: null,
    message: `${key} is named after no symbol; rename it as docs/data-dictionary says, or remove it`,
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
  const part = partOf({ base, held, ingests, inventory, run, manifest, expired, skipped, errors, options });
  const summaryOf = (reports: readonly Part['report'][], rows: number, removal: Removal): ConsolidateSummary =>
    summarise(reports, { rows, removal, options, seconds: (performance.now() - started) / 1000 });
  const sumUp = async ({ manifest }: Settled, reports: Part['report'][], removal = NOTHING_REMOVED) => {
    const rows = rowsOf([...manifest.values()].map((entry) => entry.rows));
    await lake.write(keys.jobResult('consolidate'), jsonBytes(summaryOf(reports, rows, removal)));
  };
  const settled = shard ? await settleShard(lake, part, base, sumUp) : await settle(lake, part, base);
  const removal = await removeExpired(lake, settled?.expired ?? [], { runId: options.runId, now, signal });
  if (!settled || shard) {
    const own = summaryOf([part.report], rowsOf(part.manifest.map(([, , rows]) => rows)), removal);
    if (settled) {
      await sumUp(settled, settled.reports, removal);
      await removeParts(lake);
    }
    return { ...own, shard: { index: part.index, size: part.size } };
  }
  if (settled.written) part.report.counts.filesWritten++;
  return summaryOf([part.report], rowsOf([...settled.manifest.values()].map((entry) => entry.rows)), removal);
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
  readonly owed = new Map<string, Set<string>>();
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
    for (const portion of portionsOf(plan, SESSIONS_AT_ONCE)) await this.portion(portion);
  }

  private async portion(portion: Portion): Promise<void> {
    const { maxWorkers, signal, progress } = this.options;
    const read = await readSessions(this.lake, portion.sessions, { ...this.options, workers: maxWorkers });
    this.counts.filesMerged += portion.sessions.length - read.failed.size;
    for (const { date, only } of portion.sessions) {
      const error = read.failed.get(date);
      if (!error) continue;
      this.failedSessions.add(date);
      this.errors.push({ name: error.name, symbol: null, message: error.message });
      // A session that is only looked up for some symbols is marked as merged already: remember who lacks it.
      for (const symbol of only ?? []) this.owe(symbol, [date]);
    }
    const all = symbolWork(portion, read);
    let taken = 0;
    const one = async (work: SymbolWork) => {
      await this.symbol(work, portion);
      taken++;
      if (taken % 500 === 0 || taken === all.length) progress?.({ job: 'consolidate', done: taken, total: all.length });
    };
    await inFlight(all, maxWorkers, one, signal);
  }

  private async symbol(work: SymbolWork, portion: Portion): Promise<void> {
    const { symbol } = work;
    if (this.owed.has(symbol)) return this.owe(symbol, work.dates());
    const bounds = { from: readDay(portion.from) ?? -Infinity, to: readDay(portion.to) ?? Infinity };
    const dateFiles = portion.dateFiles.get(symbol) ?? [];
    try {
      const { entry, written, added, revised, removed } = await mergeSymbol(this.lake, {
        symbol,
        stored: this.stored.has(symbol),
        oldName: this.oldNames.has(symbol),
        sessions: work.bars(),
        dateFiles,
        removed: work.removed,
        examined: portion.examined.has(symbol) ? bounds : undefined,
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
      this.owe(symbol, work.dates());
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
      if (chosen.length > 0 && this.stored.has(symbol) && !this.owed.has(symbol)) old.push([symbol, chosen]);
    }
    const expired: Expired[] = [];
    const one = async ([symbol, files]: [string, DateFile[]]) => {
      try {
        expired.push(...(await proveExpired(this.lake, symbol, files)).expired);
      } catch (error) {
        this.fail(symbol, error);
        this.owe(symbol, []);
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

  private owe(symbol: string, dates: Iterable<string>): void {
    const owed = this.owed.get(symbol) ?? new Set<string>();
    for (const date of dates) owed.add(date);
    this.owed.set(symbol, owed);
    this.done.delete(symbol);
  }
}
