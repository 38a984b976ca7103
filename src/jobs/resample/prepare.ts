import { isSameCalendar } from '../../calendar/calendar.ts';
import { isNamed } from '../../errors.ts';
import { keys, type Lake, listAll } from '../../lake/lake.ts';
import { decodeSilver, readSilverCheckpoint, type SilverCheckpoint, type SilverColumns } from '../../lake/silver.ts';
import { lostSplits } from '../../lake/splits-list.ts';
import { type Basis, differing, type LakeState } from './lake-state.ts';
import { type IntervalPlan, planInterval } from './window-plan.ts';

/** Above this many symbols a full rebuild is cheaper than merging them into every month file. */
const MOST_WHOLE = 50;

/** One interval's work: its plan, and the rows of its month files as they come to be. */
export interface Interval {
  plan: IntervalPlan;
  /** Month files there are, or should be. */
  stored: ReadonlySet<string>;
  rows: Map<string, number>;
  /** Month → its stored rows, of the files that were looked into; each is wanted once. */
  decoded: Map<string, SilverColumns>;
}

export interface Prepared {
  full: boolean;
  intervals: Interval[];
  /** Symbols whose every window is rebuilt: their splits or their company changed, or their rows are not what their bars say. */
  whole: ReadonlySet<string>;
  /** Some of them may have rows in any month file. */
  anywhere: boolean;
  /** Why an incremental run became a full one, where a reader would not expect it. */
  notes: string[];
}

/**
 * Reads the intervals' checkpoints and plans; a run is full for all intervals or for none.
 * @throws Lake.Corrupt when the list of splits is older than the one the bars were adjusted by, and lacks some of it
 */
export async function prepare(
  lake: Lake,
  numbers: readonly number[],
  mode: 'full' | 'incremental',
  known: Basis,
): Promise<Prepared> {
  const stored = await Promise.all(numbers.map((interval) => readStored(lake, interval, mode)));
  for (const checkpoint of stored) if (checkpoint) requireKnownSplits(checkpoint, known);
  const checkpoints = mode === 'full' ? [] : stored;
  const notes = calendarNotes(checkpoints);
  const whole = new Set<string>();
  for (const checkpoint of checkpoints) if (checkpoint) for (const s of changedSymbols(checkpoint, known)) whole.add(s);
  const full =
    mode === 'full' || checkpoints.some((one) => one === undefined) || whole.size > MOST_WHOLE || notes.length > 0;
  const intervals = await Promise.all(
    numbers.map((interval, i) =>
      full ? prepareFull(lake, interval, known.state) : prepareNight(lake, interval, known.state, checkpoints[i]!),
    ),
  );
  const anywhere = checkpoints.some((checkpoint) => checkpoint?.failed.some((symbol) => whole.has(symbol)));
  return { full, intervals, whole: full ? new Set() : whole, anywhere, notes };
}

/** Pure: symbols that the bars of the touched windows alone do not bring up to date. */
export function changedSymbols(
  { splits, companies = {}, failed }: Pick<SilverCheckpoint, 'splits' | 'companies' | 'failed'>,
  known: Pick<Basis, 'splits' | 'companies' | 'pending' | 'stored'>,
): Set<string> {
  const changed = new Set([
    ...failed,
    ...known.pending,
    ...differing(splits, known.splits),
    ...differing(companies, known.companies),
  ]);
  const isGone = (symbol: string) => failed.includes(symbol) && !known.pending.has(symbol);
  // Unlisted and still pending: there is no history yet to make its rows from. Unlisted for good: its rows go.
  return new Set([...changed].filter((symbol) => known.stored.has(symbol) || isGone(symbol)));
}

/** A full run does without a damaged checkpoint. */
async function readStored(lake: Lake, interval: number, mode: 'full' | 'incremental') {
  return readSilverCheckpoint(lake, interval).catch((error) => {
    if (mode === 'full' && isNamed(error, 'Lake.Corrupt')) return undefined;
    throw error;
  });
}

/** A newer list may take splits back; an older one stands where a newer one was lost. */
function requireKnownSplits({ splits, splits_list: list }: SilverCheckpoint, known: Basis): void {
  if (!list || known.splitsList === undefined || known.splitsList >= list) return;
  const lost = differing(splits, known.splits);
  if (lost.length > 0) throw lostSplits(`the list of ${known.splitsList}`, lost, `the list of ${list}, or a newer one`);
}

/** Windows numbered by another calendar cannot be joined by ones of today's. */
function calendarNotes(checkpoints: readonly (SilverCheckpoint | undefined)[]): string[] {
  const produced = checkpoints.filter((one) => one !== undefined);
  const note = (why: string) => [`N-session bars were rebuilt in full: ${why}`];
  if (produced.some(({ calendar }) => calendar && !isSameCalendar(calendar)))
    return note('the exchange calendar has changed since they were made');
  if (produced.some(({ calendar }) => !calendar))
    return note('their checkpoints, of an earlier version, do not say which calendar they were made with');
  return [];
}

async function prepareFull(lake: Lake, interval: number, state: LakeState): Promise<Interval> {
  const entries = await listAll(lake, keys.silverOf(interval));
  const months = entries.map(({ key }) => /_(\d{4})(\d{2})\.parquet$/.exec(key)).filter((match) => match !== null);
  const stored = new Set(months.map(([, year, month]) => `${year}-${month}`));
  const plan = planInterval({ interval, mode: 'full', state, checkpoint: undefined, stored });
  return { plan, stored, rows: new Map(), decoded: new Map() };
}

/** The checkpoint says which files there are: a night need not list thousands to write six. */
async function prepareNight(
  lake: Lake,
  interval: number,
  state: LakeState,
  checkpoint: SilverCheckpoint,
): Promise<Interval> {
  const stored = new Set(Object.keys(checkpoint.months));
  const planned = () => planInterval({ interval, mode: 'incremental', state, checkpoint, stored });
  let plan = planned();
  const { lost, decoded } = await inspect(lake, plan);
  if (lost.length > 0) {
    for (const month of lost) stored.delete(month);
    plan = planned();
  }
  return { plan, stored, rows: new Map(Object.entries(checkpoint.months)), decoded };
}

/** Silver follows from bronze, so a month file damaged or gone is no loss: its windows are all rebuilt. */
async function inspect(lake: Lake, { interval, months }: IntervalPlan) {
  const lost: string[] = [];
  const decoded = new Map<string, SilverColumns>();
  for (const [month, { keep }] of months) {
    if (!keep) continue;
    const key = keys.silver(interval, month);
    const bytes = await lake.read(key);
    try {
      if (bytes) decoded.set(month, await decodeSilver(bytes, key));
      else lost.push(month);
    } catch (error) {
      if (!isNamed(error, 'Lake.Corrupt')) throw error;
      lost.push(month);
    }
  }
  return { lost, decoded };
}

/** Bars in one batch: a few megabytes of histories, and enough to make little of what a batch costs by itself. */
const BARS = 100_000;
/** Memory of one window. */
const WINDOW_BYTES = 45;

/** Cuts symbols into runs of bounded work, in order. Pure. */
export function splitIntoBatches(symbols: readonly string[], barsOf: (symbol: string) => number): string[][] {
  const inputs: string[][] = [];
  let bars = 0;
  for (const symbol of symbols) {
    const last = inputs.at(-1);
    if (!last || bars + barsOf(symbol) > BARS) {
      inputs.push([symbol]);
      bars = 0;
    } else last.push(symbol);
    bars += barsOf(symbol);
  }
  return inputs;
}

/** Cuts intervals into passes over the input, so that the windows of a pass fit into memory. Pure. */
export function passesOf(intervals: readonly number[], bars: number, memoryLimitMb: number): number[][] {
  const most = (memoryLimitMb * 1e6) / WINDOW_BYTES;
  const passes: number[][] = [];
  let windows = 0;
  for (const interval of intervals) {
    // Gaps and listings in mid-window make a little more than bars / interval.
    const more = (bars / interval) * 1.1;
    const last = passes.at(-1);
    if (!last || windows + more > most) {
      passes.push([interval]);
      windows = 0;
    } else last.push(interval);
    windows += more;
  }
  return passes;
}
