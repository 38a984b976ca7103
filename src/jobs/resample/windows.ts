import { readDay } from '../../calendar/dates.ts';
import { inFlight, stopIfAsked } from '../../concurrency.ts';
import { historyKeys } from '../../lake/histories.ts';
import { keys, type Lake } from '../../lake/lake.ts';
import type { FactorSpan } from '../../lake/splits-list.ts';
import { WindowMaker, type Windows } from './aggregate.ts';
import { type Crew, OneThread, Threads } from './crew.ts';
import type { LakeState } from './lake-state.ts';
import { type Interval, type Prepared, passesOf, splitIntoBatches } from './prepare.ts';
import { barsOfDays, faultOf, type History, HistoryReader, SessionBars } from './read-bars.ts';
import { allWindows, narrowedTo, numberWindows, type WindowTable } from './window-plan.ts';

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
  memoryLimitMb: number;
  /** Folder that files of a store that is no folder are fetched into. */
  scratch: string;
  threads: ThreadOptions | undefined;
  signal: AbortSignal | undefined;
}

/** Other threads for a full run, and their program: the bundle of batch-images/resampler/thread.ts. */
export interface ThreadOptions {
  threads: number;
  program: URL;
  /** With fewer bars one thread is done before others have begun. */
  fromBars?: number;
}

const BARS_FOR_THREADS = 1_000_000;

/** New windows of some intervals. */
export interface Pass {
  intervals: Interval[];
  windowTable: WindowTable;
  /** Batches of disjoint symbols in order. Symbols of one pass may lie between those of another. */
  passes: Windows[][];
  /** Makes month files of them. */
  crew: Crew;
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
 * Makes everything a run needs: in a full run windows of the histories, in as many passes as memory asks for; in a night the
 * touched windows from the session files, and those of single symbols from their histories.
 * @throws Job.Interrupted
 */
export async function* makeWindows(input: WindowsInput, findings: Findings): AsyncIterable<Pass> {
  if (input.prepared.full) yield* fullPasses(input, findings);
  else yield await nightPass(input, findings);
}

async function* fullPasses(input: WindowsInput, findings: Findings): AsyncIterable<Pass> {
  const { prepared, symbols, barsOf, memoryLimitMb } = input;
  const bars = symbols.reduce((sum, symbol) => sum + barsOf(symbol), 0);
  const byNumber = new Map(prepared.intervals.map((one) => [one.plan.interval, one]));
  for (const pass of passesOf([...byNumber.keys()], bars, memoryLimitMb)) {
    const intervals = pass.map((interval) => byNumber.get(interval)!);
    const windowTable = numberWindows(plansOf(intervals));
    const rules = { windowTable, factors: input.factors, companyChanges: input.companyChanges };
    const { threads = 1, program, fromBars = BARS_FOR_THREADS } = input.threads ?? {};
    const crew = program && bars > fromBars ? new Threads(rules, threads, program) : new OneThread(rules);
    try {
      const passes = [await windowsOfHistories(input, crew, symbols, findings)];
      await crew.gather(passes);
      yield { intervals, windowTable, passes, crew };
    } finally {
      await crew.close();
    }
  }
}

async function nightPass(input: WindowsInput, findings: Findings): Promise<Pass> {
  const { prepared, symbols, state, factors, companyChanges } = input;
  const { intervals, whole } = prepared;
  const touched = plansOf(intervals);
  const every = intervals.map(({ plan: { interval } }) => [interval, allWindows(interval, state)] as const);
  const windowTable = numberWindows(whole.size > 0 ? every : touched);
  const crew = new OneThread({ windowTable, factors, companyChanges });
  const passes: Windows[][] = [];
  if (touched.some(([, planned]) => planned.length > 0)) {
    const others = symbols.filter((symbol) => !whole.has(symbol));
    const narrowed = whole.size > 0 ? narrowedTo(windowTable, touched) : windowTable;
    passes.push([await windowsOfSessions(input, others, narrowed, findings)]);
  }
  const these = symbols.filter((symbol) => whole.has(symbol));
  passes.push(await windowsOfHistories(input, crew, these, findings));
  await crew.gather(passes);
  return { intervals, windowTable, passes, crew };
}

function plansOf(intervals: readonly Interval[]) {
  return intervals.map(({ plan }) => [plan.interval, [...plan.windows.values()]] as const);
}

/** Whole symbols from their histories. */
async function windowsOfHistories(
  input: WindowsInput,
  crew: Crew,
  symbols: readonly string[],
  findings: Findings,
): Promise<Windows[]> {
  const sound = symbols.filter((symbol) => !findings.damaged.has(symbol));
  const batches = splitIntoBatches(sound, input.barsOf);
  const windows: Windows[] = new Array(batches.length);
  const make = async ([place, names]: [number, string[]]) => {
    const histories = await localHistories(input, names, findings);
    const made = await crew.windows(histories);
    for (const [symbol, fault] of made.damaged) findings.damaged.set(symbol, fault);
    for (const [symbol, fault] of made.broken) findings.broken.set(symbol, fault);
    windows[place] = made.windows;
  };
  // One more than are worked on, so that the next one is read meanwhile.
  await inFlight(batches.entries(), crew.size + 1, make, input.signal);
  return windows;
}

/** In the order given; one that the manifest names and the store has not is a damaged one. */
async function localHistories(
  { lake, scratch }: WindowsInput,
  symbols: readonly string[],
  findings: Findings,
): Promise<History[]> {
  const histories = symbols.map((symbol) => ({ symbol, key: keys.symbol(symbol) }));
  const local = async (some: readonly Omit<History, 'path'>[]) => {
    const paths = await lake.localise(
      some.map(({ key }) => key),
      scratch,
    );
    findings.filesMerged += some.length;
    return some.map((history, i) => ({ ...history, path: paths[i]! }));
  };
  return local(histories).catch(async () => {
    const stored = await historyKeys(lake);
    for (const { symbol, key } of histories) if (!stored.has(symbol)) findings.damaged.set(symbol, `${key} is missing`);
    return local(histories.flatMap(({ symbol }) => (stored.has(symbol) ? { symbol, key: stored.get(symbol)! } : [])));
  });
}

/** The touched windows of all symbols, from session files where they say everything, else from the histories. */
async function windowsOfSessions(
  input: WindowsInput,
  symbols: readonly string[],
  windowTable: WindowTable,
  findings: Findings,
): Promise<Windows> {
  const { lake, prepared, state, factors, companyChanges, signal } = input;
  const planned = prepared.intervals.flatMap(({ plan }) => [...plan.windows.values()]);
  const sessions = new SessionBars(symbols);
  const fromHistories = new Set<number>();
  for (const date of [...new Set(planned.flatMap(({ dates }) => dates))].sort()) {
    stopIfAsked(signal);
    if (state.outside.has(date)) fromHistories.add(readDay(date)!);
    else {
      try {
        await sessions.add(lake, date);
        findings.filesMerged += 1;
      } catch (error) {
        findings.damagedSessions.set(date, faultOf(error));
        fromHistories.add(readDay(date)!);
      }
    }
  }
  const maker = new WindowMaker({ windowTable, factors, companyChanges });
  const add = (symbol: string, bars: ReturnType<SessionBars['of']>) => {
    if (bars.date.length === 0) return;
    const { impossible, broken } = maker.add(symbol, bars);
    if (impossible !== undefined) findings.damaged.set(symbol, `${keys.symbol(symbol)}: ${impossible}`);
    if (broken !== undefined) findings.broken.set(symbol, `${keys.symbol(symbol)}: ${broken}`);
  };
  if (fromHistories.size === 0) for (const [place, symbol] of symbols.entries()) add(symbol, sessions.of(place));
  else {
    const reader = new HistoryReader();
    const places = new Map(symbols.map((symbol, place) => [symbol, place]));
    for (const history of await localHistories(input, symbols, findings)) {
      stopIfAsked(signal);
      try {
        const bars = barsOfDays(await reader.read(history), fromHistories);
        add(history.symbol, sessions.of(places.get(history.symbol)!, bars));
      } catch (error) {
        findings.damaged.set(history.symbol, faultOf(error));
      }
    }
  }
  return maker.end();
}
