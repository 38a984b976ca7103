import { inFlight } from '../../concurrency.ts';
import { isNamed } from '../../errors.ts';
import { historyKeys } from '../../lake/histories.ts';
import { keys, type Lake } from '../../lake/lake.ts';
import type { FactorSpan } from '../../lake/splits-list.ts';
import { makeBatch, Reduction } from './aggregate.ts';
import { type BatchInput, Engine, type EngineOptions } from './bar-reader.ts';
import type { LakeState } from './lake-state.ts';
import { type Interval, type Prepared, passesOf, splitIntoBatches } from './prepare.ts';
import { allWindows, type Batch, numberWindows, type WindowTable } from './window-plan.ts';

export interface WindowsInput {
  lake: Lake;
  prepared: Prepared;
  state: LakeState;
  /** In order. */
  symbols: readonly string[];
  /** Symbol → bars in its history. */
  barsOf: (symbol: string) => number;
  factors: ReadonlyMap<string, readonly FactorSpan[]>;
  /** Symbol → days on which another company took it over, in order. */
  companyChanges: ReadonlyMap<string, readonly number[]>;
  engine: EngineOptions;
}

/** New windows of some intervals. */
export interface WindowBatches {
  intervals: Interval[];
  /** What each pass made: batches of disjoint symbols in order. Symbols of one pass may lie between those of another. */
  passes: Batch[][];
}

/** What was met on the way. */
export interface Findings {
  /** Symbol → what is wrong with its history. */
  damaged: Map<string, string>;
  /** Symbol → a window of it that breaks the OHLC rules, as some bar of it does. */
  broken: Map<string, string>;
  /** Date → what is wrong with its session file; the histories stood in. */
  damagedSessions: Map<string, string>;
  filesMerged: number;
}

/**
 * Aggregates everything a run needs: in a full run the histories, in as many passes as memory asks for; in a night the
 * touched windows from the session files, and the histories of single symbols.
 * @throws Job.Failed; Job.Interrupted
 */
export async function* makeWindows(input: WindowsInput, findings: Findings): AsyncIterable<WindowBatches> {
  const { prepared, symbols, barsOf } = input;
  const run = await Run.open(input, findings);
  try {
    const { intervals, whole } = prepared;
    if (prepared.full) {
      const bars = symbols.reduce((sum, symbol) => sum + barsOf(symbol), 0);
      const byNumber = new Map(intervals.map((one) => [one.plan.interval, one]));
      for (const pass of passesOf([...byNumber.keys()], bars)) {
        const some = pass.map((interval) => byNumber.get(interval)!);
        const windowTable = numberWindows(some.map(({ plan }) => [plan.interval, plan.windows.values()]));
        yield { intervals: some, passes: [await run.histories(symbols, windowTable)] };
      }
      return;
    }
    const passes: Batch[][] = [];
    const touched = numberWindows(intervals.map(({ plan }) => [plan.interval, plan.windows.values()]));
    if (touched.windows.length > 0) {
      const others = symbols.filter((symbol) => !whole.has(symbol));
      passes.push([await run.night(others, touched)]);
    }
    if (whole.size > 0) {
      const every = numberWindows(
        intervals.map(({ plan: { interval } }) => [interval, allWindows(interval, input.state)]),
      );
      const these = symbols.filter((symbol) => whole.has(symbol));
      passes.push(await run.histories(these, every));
    }
    yield { intervals, passes };
  } finally {
    run.close();
  }
}

/** An engine, and what its answers are made into. */
interface Worker {
  engine: Engine;
  reduction: Reduction;
}

class Run {
  private constructor(
    private readonly input: WindowsInput,
    private readonly findings: Findings,
    /** Not at work; as many as batches are computed at once. */
    private readonly workers: Worker[],
  ) {}

  /**
   * For a full run an engine of one thread a core: while one batch is aggregated here the next ones are read there,
   * and a single thread gives the bars in the order of the files.
   */
  static async open(input: WindowsInput, findings: Findings): Promise<Run> {
    const { threads, memoryLimitMb } = input.engine;
    const engines = input.prepared.full ? threads : 1;
    const share = { threads: threads / engines, memoryLimitMb: Math.floor(memoryLimitMb / engines) };
    const opened = Array.from({ length: engines }, () => Engine.open({ ...input.engine, ...share }));
    const workers = (await Promise.all(opened)).map((engine) => ({ engine, reduction: new Reduction() }));
    return new Run(input, findings, workers);
  }

  close(): void {
    for (const { engine } of this.workers) engine.close();
  }

  /** Whole symbols from their histories. */
  async histories(symbols: readonly string[], windowTable: WindowTable): Promise<Batch[]> {
    const { factors, companyChanges, barsOf } = this.input;
    const sound = symbols.filter((symbol) => !this.findings.damaged.has(symbol));
    const inputs = splitIntoBatches(sound, barsOf);
    const produced: Batch[] = new Array(inputs.length);
    const work = async ([place, names]: [number, string[]]) => {
      const { present, paths } = await this.localise(names);
      this.findings.filesMerged += paths.length;
      produced[place] = await this.batch({
        symbols: present,
        histories: paths,
        sessionFiles: [],
        windowTable,
        factors,
        companyChanges,
        barsOf,
      });
    };
    await inFlight(inputs.entries(), this.workers.length, work, this.input.engine.signal);
    return produced;
  }

  /** The touched windows of all symbols, from session files where they say everything. */
  async night(symbols: readonly string[], windowTable: WindowTable): Promise<Batch> {
    const { lake, state, factors, companyChanges, barsOf, engine } = this.input;
    const dates = [...new Set(windowTable.windows.flatMap((window) => window.dates))].sort();
    for (;;) {
      const { damagedSessions } = this.findings;
      const historyDates = dates.filter((date) => state.outside.has(date) || damagedSessions.has(date));
      const stored = dates.filter((date) => !historyDates.includes(date));
      const history = historyDates.length > 0 ? await this.localise(symbols) : { present: symbols, paths: [] };
      const sessionFiles = await lake.localise(stored.map(keys.session), engine.scratch);
      const input: BatchInput = {
        symbols: history.present,
        histories: history.paths,
        sessionFiles,
        historyDates,
        windowTable,
        factors,
        companyChanges,
        barsOf,
      };
      try {
        const batch = await this.batch(input);
        this.findings.filesMerged += sessionFiles.length + history.paths.length;
        return batch;
      } catch (error) {
        if (!isNamed(error, 'Job.Failed')) throw error;
        const before = damagedSessions.size;
        for (const [place, path] of sessionFiles.entries()) {
          const fault = await this.workers[0]!.engine.fault(path);
          if (fault !== undefined) damagedSessions.set(stored[place]!, fault);
        }
        if (damagedSessions.size === before) throw error;
      }
    }
  }

  private async batch(input: BatchInput): Promise<Batch> {
    const worker = this.workers.pop()!;
    const { batch, damaged, broken } = await makeBatch(
      worker.engine,
      worker.reduction,
      input,
      this.input.engine.signal,
    ).finally(() => this.workers.push(worker));
    for (const [symbol, fault] of damaged) this.findings.damaged.set(symbol, fault);
    for (const [symbol, fault] of broken) this.findings.broken.set(symbol, fault);
    return batch;
  }

  /** Local paths; a history that the manifest names and the store has not is a damaged one. */
  private async localise(symbols: readonly string[]): Promise<{ present: readonly string[]; paths: string[] }> {
    const { lake, engine } = this.input;
    const wanted = symbols.map(keys.symbol);
    try {
      return { present: symbols, paths: await lake.localise(wanted, engine.scratch) };
    } catch {
      const stored = await historyKeys(lake);
      const present = symbols.filter((symbol) => stored.has(symbol));
      for (const symbol of symbols) {
        if (!stored.has(symbol)) this.findings.damaged.set(symbol, `${keys.symbol(symbol)} is missing`);
      }
      const found = present.map((symbol) => stored.get(symbol)!);
      return { present, paths: await lake.localise(found, engine.scratch) };
    }
  }
}
