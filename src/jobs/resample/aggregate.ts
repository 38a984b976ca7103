import { dateOf, readDay } from '../../calendar/dates.ts';
import { stopIfAsked } from '../../concurrency.ts';
import { NamedError } from '../../errors.ts';
import type { FactorSpan } from '../../lake/splits-list.ts';
import type { BarChunk, BatchInput, Engine } from './bar-reader.ts';
import { type Batch, VALUES, type WindowTable } from './window-plan.ts';

const MILLION = 1e6;

/** The window of one interval that the next bar may belong to. */
interface Lane {
  windowIndexOf: Int32Array;
  sid: number;
  windowIndex: number;
  open: number;
  high: number;
  low: number;
  close: number;
  whole: number;
  millionths: number;
  bars: number;
}

/**
 * Bars in order of symbol and date into windows: a window ends where the next bar belongs to another, so nothing is
 * looked up and nothing hashed. Its arrays are used again by the next batch, because they are large.
 */
export class Reduction {
  /** Bars of a window from before its symbol passed to another company: they count in no window. */
  former = 0;
  private lanes: Lane[] = [];
  private rows = 0;
  private sid = new Int32Array();
  private windowIndex = new Int32Array();
  private bars = new Uint8Array();
  private values = new Float64Array();
  private whole = new Float64Array();
  private millionths = new Float64Array();

  begin({ tables }: WindowTable): void {
    this.rows = 0;
    this.former = 0;
    const nothing = { open: 0, high: 0, low: 0, close: 0, whole: 0, millionths: 0, bars: 0 };
    this.lanes = tables.map((windowIndexOf) => ({ windowIndexOf, sid: -1, windowIndex: -1, ...nothing }));
  }

  /**
   * @param places each bar's place in the window tables
   * @param changed rows from which on a symbol's bars are another company's: a window holds those of its last one
   */
  add(chunk: BarChunk, places: Int32Array, changed: readonly number[] = []): void {
    if (this.whole.length < chunk.rows) {
      this.whole = new Float64Array(chunk.rows);
      this.millionths = new Float64Array(chunk.rows);
    }
    split(chunk, this.whole, this.millionths);
    for (const lane of this.lanes) {
      this.makeRoom(chunk.rows);
      let from = 0;
      for (const row of changed) {
        this.reduce(lane, chunk, places, from, row);
        if (lane.windowIndex >= 0 && lane.windowIndex === lane.windowIndexOf[places[row]!]) {
          this.former += lane.bars;
          lane.windowIndex = -1;
        }
        from = row;
      }
      this.reduce(lane, chunk, places, from, chunk.rows);
    }
  }

  /** The windows of everything that was added. */
  end(symbols: readonly string[], windowTable: WindowTable): Batch {
    this.makeRoom(this.lanes.length);
    for (const { sid, windowIndex, open, high, low, close, whole, millionths, bars } of this.lanes)
      if (windowIndex >= 0) this.put(sid, windowIndex, open, high, low, close, whole, millionths, bars);
    return { symbols, windowTable, ...this.byMonth(windowTable) };
  }

  /** Rows by month file, each month's in the order they have: counted and put there, not sorted. */
  private byMonth({ months, monthOf }: WindowTable): Omit<Batch, 'symbols' | 'windowTable'> {
    const { rows, sid: sids, windowIndex: windowIndexes, bars: counts, values: from } = this;
    const starts = new Int32Array(months.length + 1);
    for (let row = 0; row < rows; row++) starts[monthOf[windowIndexes[row]!]! + 1]!++;
    for (let month = 0; month < months.length; month++) starts[month + 1]! += starts[month]!;
    const next = starts.slice();
    const sid = new Int32Array(rows);
    const windowIndex = new Int32Array(rows);
    const bars = new Uint8Array(rows);
    const values = new Float64Array(rows * VALUES);
    for (let row = 0; row < rows; row++) {
      const place = next[monthOf[windowIndexes[row]!]!]!++;
      sid[place] = sids[row]!;
      windowIndex[place] = windowIndexes[row]!;
      bars[place] = counts[row]!;
      const [source, target] = [row * VALUES, place * VALUES];
      for (let i = 0; i < VALUES; i++) values[target + i] = from[source + i]!;
    }
    return { starts, sid, windowIndex, bars, values };
  }

  /** The lane's values are kept in variables meanwhile: as properties they take twice the time. */
  private reduce(
    lane: Lane,
    { sid: sids, open: opens, high: highs, low: lows, close: closes }: BarChunk,
    places: Int32Array,
    from: number,
    to: number,
  ): void {
    const { whole: wholes, millionths: fractions } = this;
    const { windowIndexOf } = lane;
    let { sid, windowIndex, open, high, low, close, whole, millionths, bars } = lane;
    for (let row = from; row < to; row++) {
      const next = windowIndexOf[places[row]!]!;
      if (next === windowIndex && sids[row] === sid) {
        if (highs[row]! > high) high = highs[row]!;
        if (lows[row]! < low) low = lows[row]!;
        whole += wholes[row]!;
        millionths += fractions[row]!;
        bars++;
      } else {
        if (windowIndex >= 0) this.put(sid, windowIndex, open, high, low, close, whole, millionths, bars);
        sid = sids[row]!;
        windowIndex = next;
        open = opens[row]!;
        high = highs[row]!;
        low = lows[row]!;
        whole = wholes[row]!;
        millionths = fractions[row]!;
        bars = 1;
      }
      close = closes[row]!;
    }
    Object.assign(lane, { sid, windowIndex, open, high, low, close, whole, millionths, bars });
  }

  private put(
    sid: number,
    windowIndex: number,
    open: number,
    high: number,
    low: number,
    close: number,
    whole: number,
    millionths: number,
    bars: number,
  ): void {
    const { values } = this;
    const at = this.rows++;
    const first = at * VALUES;
    this.sid[at] = sid;
    this.windowIndex[at] = windowIndex;
    this.bars[at] = bars;
    values[first] = open;
    values[first + 1] = high;
    values[first + 2] = low;
    values[first + 3] = close;
    values[first + 4] = millionths === 0 ? whole : (whole * MILLION + millionths) / MILLION;
  }

  private makeRoom(more: number): void {
    const wanted = this.rows + more;
    if (wanted <= this.sid.length) return;
    const room = Math.max(wanted, this.sid.length * 2, 65_536);
    this.sid = enlarged(this.sid, new Int32Array(room));
    this.windowIndex = enlarged(this.windowIndex, new Int32Array(room));
    this.bars = enlarged(this.bars, new Uint8Array(room));
    this.values = enlarged(this.values, new Float64Array(room * VALUES));
  }
}

/** Whole shares and millionths of one apart: both add up exactly, and no order of adding is another sum. */
function split({ rows, volume }: BarChunk, whole: Float64Array, millionths: Float64Array): void {
  for (let row = 0; row < rows; row++) {
    const shares = Math.trunc(volume[row]!);
    whole[row] = shares;
    millionths[row] = Math.round((volume[row]! - shares) * MILLION);
  }
}

function enlarged<T extends Int32Array | Float64Array | Uint8Array>(old: T, fresh: T): T {
  fresh.set(old as never);
  return fresh;
}

/** What is known of a batch's bars once all have been looked at. */
export interface Scan {
  symbols: readonly string[];
  windowTable: WindowTable;
  factors: ReadonlyMap<string, readonly FactorSpan[]>;
  companyChanges: ReadonlyMap<string, readonly number[]>;
  /** Bars that came, those of no symbol of the batch, and the windows they go to, one bar to several. */
  bars: number;
  foreignBars: number;
  counted: number;
  /** Days that go to no window. */
  dropped: Set<number>;
  /** Symbol → why its windows cannot be right. */
  impossible: Map<string, string>;
  /** Symbol → a bar against the OHLC rules; its windows are right, as far as it is. */
  broken: Map<string, string>;
  sid: number;
  day: number;
}

export function newScan({
  symbols,
  windowTable,
  factors,
  companyChanges,
}: Pick<Scan, 'symbols' | 'windowTable' | 'factors' | 'companyChanges'>): Scan {
  const faults = { impossible: new Map<string, string>(), broken: new Map<string, string>() };
  return {
    symbols,
    windowTable,
    factors,
    companyChanges,
    bars: 0,
    foreignBars: 0,
    counted: 0,
    dropped: new Set(),
    ...faults,
    sid: -1,
    day: 0,
  };
}

/**
 * Looks at every bar, puts those of before a split on the basis of after it, and finds the place of each bar's day in
 * the window tables.
 * @returns rows from which on a symbol's bars are another company's than those of the row before
 * @throws Job.Failed when symbols are not in order: DuckDB then read otherwise than it was told to
 */
export function scanBars(scan: Scan, chunk: BarChunk, places: Int32Array): readonly number[] {
  const { windowTable, symbols, factors, companyChanges } = scan;
  const { rows, sid: sids, day: days, open, high, low, close, volume } = chunk;
  const { firstDay, cover } = windowTable;
  const none = cover.length - 1;
  let { sid, day, foreignBars, counted } = scan;
  let spans = sid < 0 ? undefined : factors.get(symbols[sid]!);
  let changes = sid < 0 ? undefined : companyChanges.get(symbols[sid]!);
  const changed: number[] = [];
  for (let row = 0; row < rows; row++) {
    const [next, nextDay] = [sids[row]!, days[row]!];
    if (next < 0) {
      foreignBars++;
      places[row] = none;
      continue;
    }
    if (next !== sid) {
      if (next < sid) throw outOfOrder(symbols[next]!, symbols[sid]!);
      spans = factors.get(symbols[next]!);
      changes = companyChanges.get(symbols[next]!);
    } else if (nextDay <= day) {
      scan.impossible.set(symbols[next]!, `a bar of ${dateOf(nextDay)} behind one of ${dateOf(day)}`);
    } else if (changes && isChanged(changes, day, nextDay)) changed.push(row);
    sid = next;
    day = nextDay;
    const place = day >= firstDay && day < firstDay + none ? day - firstDay : none;
    places[row] = place;
    if (cover[place] === 0) {
      scan.dropped.add(day);
      continue;
    }
    counted += cover[place]!;
    if (spans) adjust(chunk, row, spans);
    const [o, h, l, c, v] = [open[row]!, high[row]!, low[row]!, close[row]!, volume[row]!];
    if (l <= o && l <= c && h >= o && h >= c && v >= 0 && h < Infinity && l > -Infinity && v < Infinity) continue;
    const possible = Number.isFinite(o + h + l + c + v);
    const text = `open ${o}, high ${h}, low ${l}, close ${c}, volume ${v} on ${dateOf(day)}`;
    scan[possible ? 'broken' : 'impossible'].set(symbols[sid]!, text);
  }
  Object.assign(scan, { sid, day, foreignBars, counted, bars: scan.bars + rows });
  return changed;
}

/** Not `some` with a closure a bar: a symbol that changed hands has thousands of them. */
function isChanged(changes: readonly number[], before: number, day: number): boolean {
  for (const change of changes) if (change > before && change <= day) return true;
  return false;
}

function adjust({ day, open, high, low, close, volume }: BarChunk, row: number, spans: readonly FactorSpan[]): void {
  for (const { from, to, factor } of spans) {
    if (day[row]! < from || day[row]! >= to) continue;
    open[row]! *= factor;
    high[row]! *= factor;
    low[row]! *= factor;
    close[row]! *= factor;
    volume[row]! /= factor;
    return;
  }
}

function outOfOrder(symbol: string, before: string): NamedError {
  return new NamedError('Job.Failed', {
    what: 'the bars could not be resampled',
    found: `${symbol} behind ${before}`,
    wanted: 'symbols in order',
  });
}

export interface BatchResult {
  batch: Batch;
  /** Symbol → why it is not in the batch. */
  damaged: Map<string, string>;
  /** Symbol → a bar of it that breaks the OHLC rules. */
  broken: Map<string, string>;
}

/**
 * Aggregates a batch and looks at what was read: numbers, dates that ascend, OHLC rules, as many bars as are stored.
 * Symbols whose history is at fault are left out, and the others made without them.
 * @throws Job.Failed when something is wrong and no history is at fault; Job.Interrupted
 */
export async function makeBatch(
  engine: Engine,
  reduction: Reduction,
  whole: BatchInput,
  signal?: AbortSignal,
): Promise<BatchResult> {
  const damaged = new Map<string, string>();
  for (;;) {
    const input = without(whole, damaged);
    const { batch, faults, broken } = await attempt(engine, reduction, input, signal);
    if (batch) return { batch, damaged, broken };
    for (const [symbol, fault] of faults) damaged.set(symbol, fault);
  }
}

/** A batch, or the symbols that prevent it (at least one). */
async function attempt(
  engine: Engine,
  reduction: Reduction,
  input: BatchInput,
  signal?: AbortSignal,
): Promise<{ batch?: Batch; faults: Map<string, string>; broken: Map<string, string> }> {
  const scan = newScan(input);
  const { impossible: faults, broken } = scan;
  try {
    let places = new Int32Array();
    reduction.begin(input.windowTable);
    if (input.symbols.length > 0) {
      for await (const chunk of engine.bars(input)) {
        if (places.length < chunk.rows) places = new Int32Array(chunk.rows);
        reduction.add(chunk, places, scanBars(scan, chunk, places));
      }
      stopIfAsked(signal);
      if (faults.size > 0) return { faults, broken };
      if (!(await allRead(engine, input, scan))) {
        await findFaults(engine, input, faults);
        if (faults.size > 0) return { faults, broken };
        const stored = await engine.barsStored(input);
        if (scan.bars !== stored) throw notAddingUp(input, `${scan.bars} read`, `${stored}, as many as are stored`);
      }
    }
    const batch = reduction.end(input.symbols, input.windowTable);
    const produced = batch.bars.reduce((sum, bars) => sum + bars, reduction.former);
    if (produced !== scan.counted) throw notAddingUp(input, `${produced} in the windows`, `${scan.counted}`);
    if (scan.dropped.size > 0) {
      const lost = input.windowTable.windows
        .flatMap(({ dates }) => dates)
        .find((date) => scan.dropped.has(readDay(date)!));
      if (lost !== undefined) throw notAddingUp(input, `no window for ${lost}`, 'one in each interval');
    }
    return { batch, faults, broken };
  } catch (error) {
    if ((error as Error).name === 'Job.Interrupted') throw error;
    await findFaults(engine, input, faults);
    if (faults.size === 0) throw error;
    return { faults, broken };
  }
}

/** Of whole histories the manifest tells how many bars there are; else, and where it differs, the files' footers. */
async function allRead(engine: Engine, input: BatchInput, { bars, foreignBars }: Scan): Promise<boolean> {
  const { symbols, sessionFiles, historyDates, barsOf } = input;
  if (sessionFiles.length > 0 || historyDates) return bars === (await engine.barsStored(input));
  return foreignBars === 0 && bars === symbols.reduce((sum, symbol) => sum + barsOf(symbol), 0);
}

async function findFaults(
  engine: Engine,
  { symbols, histories }: BatchInput,
  faults: Map<string, string>,
): Promise<void> {
  for (const [place, path] of histories.entries()) {
    const fault = await engine.fault(path, symbols[place]);
    if (fault !== undefined) faults.set(symbols[place]!, fault);
  }
}

function notAddingUp({ symbols }: BatchInput, found: string, wanted: string): NamedError {
  const what = `the bars of ${symbols[0]} to ${symbols.at(-1)} do not add up`;
  return new NamedError('Job.Failed', { what, found, wanted });
}

function without(input: BatchInput, damaged: ReadonlyMap<string, string>): BatchInput {
  if (damaged.size === 0) return input;
  const left = [...input.symbols.keys()].filter((place) => !damaged.has(input.symbols[place]!));
  return {
    ...input,
    symbols: left.map((place) => input.symbols[place]!),
    histories: input.histories.length === 0 ? [] : left.map((place) => input.histories[place]!),
  };
}
