import { inFlight } from '../../concurrency.ts';
import { isNamed } from '../../errors.ts';
import { historyKeys } from '../../lake/histories.ts';
import { keys, type Lake } from '../../lake/lake.ts';
import type { FactorSpan } from '../../lake/splits.ts';
import { makeSheaf, Reduction } from './aggregate.ts';
import { Engine, type EngineOptions, type Portion } from './bar-reader.ts';
import { numberSlots, type Sheaf, type Slots, windowsHeld } from './plan.ts';
import { type Interval, type Prepared, passesOf, portionsOf } from './prepare.ts';
import type { LakeState } from './state.ts';

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

/** What a pass over the input made. */
export interface Made {
  intervals: Interval[];
  /** Of disjoint symbols in order, but for the last `apart`. */
  sheaves: Sheaf[];
  /** Sheaves of symbols that lie between those of the others. */
  apart: Sheaf[];
}

/** What was met on the way. */
export interface Met {
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
export async function* makeWindows(input: WindowsInput, met: Met): AsyncIterable<Made> {
  const { prepared, symbols, barsOf } = input;
  const run = await Run.open(input, met);
  try {
    const { intervals, whole } = prepared;
    if (prepared.full) {
      const bars = symbols.reduce((sum, symbol) => sum + barsOf(symbol), 0);
      const byNumber = new Map(intervals.map((one) => [one.plan.interval, one]));
      for (const pass of passesOf([...byNumber.keys()], bars)) {
        const some = pass.map((interval) => byNumber.get(interval)!);
        const slots = numberSlots(some.map(({ plan }) => [plan.interval, plan.windows.values()]));
        yield { intervals: some, sheaves: await run.histories(symbols, slots), apart: [] };
      }
      return;
    }
    const touched = numberSlots(intervals.map(({ plan }) => [plan.interval, plan.windows.values()]));
    const all = numberSlots(
      whole.size === 0 ? [] : intervals.map(({ plan: { interval } }) => [interval, windowsHeld(interval, input.state)]),
    );
    yield {
      intervals,
      sheaves:
        touched.windows.length === 0
          ? []
          : [
              await run.night(
                symbols.filter((s) => !whole.has(s)),
                touched,
              ),
            ],
      apart: await run.histories(
        symbols.filter((symbol) => whole.has(symbol)),
        all,
      ),
    };
  } finally {
    run.close();
  }
}

/** An engine, and what its answers are made into. */
interface Bench {
  engine: Engine;
  reduction: Reduction;
}

class Run {
  private constructor(
    private readonly input: WindowsInput,
    private readonly met: Met,
    /** Not at work; as many as portions are made at once. */
    private readonly benches: Bench[],
  ) {}

  /**
   * For a full run an engine of one thread a core: while one portion is aggregated here the next ones are read there,
   * and a single thread gives the bars in the order of the files.
   */
  static async open(input: WindowsInput, met: Met): Promise<Run> {
    const { threads, memoryLimitMb } = input.engine;
    const engines = input.prepared.full ? threads : 1;
    const share = { threads: threads / engines, memoryLimitMb: Math.floor(memoryLimitMb / engines) };
    const opened = Array.from({ length: engines }, () => Engine.open({ ...input.engine, ...share }));
    const benches = (await Promise.all(opened)).map((engine) => ({ engine, reduction: new Reduction() }));
    return new Run(input, met, benches);
  }

  close(): void {
    for (const { engine } of this.benches) engine.close();
  }

  /** Whole symbols from their histories. */
  async histories(symbols: readonly string[], slots: Slots): Promise<Sheaf[]> {
    const { factors, companyChanges, barsOf } = this.input;
    const sound = symbols.filter((symbol) => !this.met.damaged.has(symbol));
    const portions = portionsOf(sound, barsOf);
    const made: Sheaf[] = new Array(portions.length);
    const work = async ([place, names]: [number, string[]]) => {
      const { present, paths } = await this.localise(names);
      this.met.filesMerged += paths.length;
      made[place] = await this.sheaf({
        symbols: present,
        histories: paths,
        sessionFiles: [],
        slots,
        factors,
        companyChanges,
        barsOf,
      });
    };
    await inFlight(portions.entries(), this.benches.length, work, this.input.engine.signal);
    return made;
  }

  /** The touched windows of all symbols, from session files where they say everything. */
  async night(symbols: readonly string[], slots: Slots): Promise<Sheaf> {
    const { lake, state, factors, companyChanges, barsOf, engine } = this.input;
    const dates = [...new Set(slots.windows.flatMap((window) => window.dates))].sort();
    for (;;) {
      const { damagedSessions } = this.met;
      const historyDates = dates.filter((date) => state.outside.has(date) || damagedSessions.has(date));
      const held = dates.filter((date) => !historyDates.includes(date));
      const history = historyDates.length > 0 ? await this.localise(symbols) : { present: symbols, paths: [] };
      const sessionFiles = await lake.localise(held.map(keys.session), engine.scratch);
      const portion: Portion = {
        symbols: history.present,
        histories: history.paths,
        sessionFiles,
        historyDates,
        slots,
        factors,
        companyChanges,
        barsOf,
      };
      try {
        const sheaf = await this.sheaf(portion);
        this.met.filesMerged += sessionFiles.length + history.paths.length;
        return sheaf;
      } catch (error) {
        if (!isNamed(error, 'Job.Failed')) throw error;
        const before = damagedSessions.size;
        for (const [place, path] of sessionFiles.entries()) {
          const fault = await this.benches[0]!.engine.fault(path);
          if (fault !== undefined) damagedSessions.set(held[place]!, fault);
        }
        if (damagedSessions.size === before) throw error;
      }
    }
  }

  private async sheaf(portion: Portion): Promise<Sheaf> {
    const bench = this.benches.pop()!;
    const { sheaf, damaged, broken } = await makeSheaf(
      bench.engine,
      bench.reduction,
      portion,
      this.input.engine.signal,
    ).finally(() => this.benches.push(bench));
    for (const [symbol, fault] of damaged) this.met.damaged.set(symbol, fault);
    for (const [symbol, fault] of broken) this.met.broken.set(symbol, fault);
    return sheaf;
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
        if (!stored.has(symbol)) this.met.damaged.set(symbol, `${keys.symbol(symbol)} is missing`);
      }
      const found = present.map((symbol) => stored.get(symbol)!);
      return { present, paths: await lake.localise(found, engine.scratch) };
    }
  }
}
