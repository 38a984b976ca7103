import { readDay } from '../../calendar/dates.ts';
import { errorName, isNamed } from '../../errors.ts';
import { inFlight } from '../in-flight.ts';
import type { JobError, Progress } from '../job-summary.ts';
import type { Lake } from '../lake.ts';
import type { DateFile, Inventory } from './inventory.ts';
import type { Manifest } from './manifest.ts';
import { mergeSymbol } from './merge-symbol.ts';
import type { AdoptedPrices } from './original.ts';
import { type ConsolidationPlan, type Portion, portionsOf } from './plan.ts';
import { readSessions } from './read-sessions.ts';
import { type Expired, proveExpired } from './retention.ts';
import { type SymbolWork, symbolWork } from './symbol-work.ts';
import { Tally } from './tally.ts';

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
