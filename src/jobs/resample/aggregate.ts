import { dateOf } from '../../calendar/dates.ts';
import type { BarColumns } from '../../lake/bar-table.ts';
import type { FactorSpan } from '../../lake/splits-list.ts';
import type { WindowTable } from './window-plan.ts';

const MILLION = 1e6;

/** Bars of one symbol. */
export type Bars = Pick<BarColumns, 'date' | 'open' | 'high' | 'low' | 'close' | 'volume'>;

/** What windows follow from besides the bars. Plain data, so that threads can have it, too. */
export interface Rules {
  windowTable: WindowTable;
  factors: ReadonlyMap<string, readonly FactorSpan[]>;
  /** Symbol → days on which another company took it over, in order. */
  companyChanges: ReadonlyMap<string, readonly number[]>;
}

/** Numbers of a row that lie side by side: open, high, low, close, volume. */
export const VALUES = 5;

/** Windows of some symbols, by month file, symbol and date: what each file gets lies in one piece. Shared between threads. */
export interface Windows {
  /** In order. */
  symbols: string[];
  /** Month, as a place in the window table → its first row; one entry more than months. */
  starts: Int32Array;
  /** Symbol's place, and the window's number in the window table. */
  sid: Int32Array;
  window: Int32Array;
  bars: Uint8Array;
  /** `VALUES` of each row. */
  values: Float64Array;
}

/** What was found wrong with a symbol's bars. */
export interface Fault {
  /** Why its windows cannot be right: then there are none. */
  impossible?: string;
  /** A bar against the OHLC rules; the windows are right, as far as it is. */
  broken?: string;
}

/**
 * Makes windows of the bars of one symbol after the other. Bars lie in order of date, so a window ends where the next bar
 * belongs to another: nothing is looked up and nothing hashed. Its arrays are used again for the next symbols.
 */
export class WindowMaker {
  private symbols: string[] = [];
  private rows = 0;
  private sid = new Int32Array();
  private window = new Int32Array();
  private bars = new Uint8Array();
  private values = new Float64Array();
  private places = new Int32Array();
  private whole = new Float64Array();
  private millionths = new Float64Array();

  constructor(private readonly rules: Rules) {}

  /** @param bars in order of date, as far as they are sound; those of before a split are put on its basis in place */
  add(symbol: string, bars: Bars): Fault {
    const { windowTable, factors, companyChanges } = this.rules;
    const rows = bars.date.length;
    this.makeRoom(rows);
    const fault = this.scan(bars, factors.get(symbol));
    if (fault.impossible !== undefined) return fault;
    this.symbols.push(symbol);
    const takeovers = takeoverRows(bars.date, companyChanges.get(symbol));
    for (const table of windowTable.tables) {
      const start = this.rows;
      this.reduce(bars, table, 0, takeovers[0] ?? rows);
      for (const [i, row] of takeovers.entries()) {
        // A window holds the bars of its last company only.
        const last = this.rows - 1;
        if (last >= start && this.window[last] === table[this.places[row]!]) this.rows--;
        this.reduce(bars, table, row, takeovers[i + 1] ?? rows);
      }
    }
    return fault;
  }

  /**
   * The windows of everything that was added since the last call. Rows are counted by month and put there, not sorted;
   * few enough at a time that all of them lie in the processor's cache.
   */
  end(): Windows {
    const { symbols, rows, sid: sids, window: numbers, bars: counts, values: from } = this;
    const { months, monthOf } = this.rules.windowTable;
    const starts = shared(Int32Array, months.length + 1);
    for (let row = 0; row < rows; row++) starts[monthOf[numbers[row]!]! + 1]!++;
    for (let month = 0; month < months.length; month++) starts[month + 1]! += starts[month]!;
    const next = Int32Array.from(starts);
    const [sid, window] = [shared(Int32Array, rows), shared(Int32Array, rows)];
    const [bars, values] = [shared(Uint8Array, rows), shared(Float64Array, rows * VALUES)];
    for (let row = 0; row < rows; row++) {
      const place = next[monthOf[numbers[row]!]!]!++;
      sid[place] = sids[row]!;
      window[place] = numbers[row]!;
      bars[place] = counts[row]!;
      const [source, target] = [row * VALUES, place * VALUES];
      for (let i = 0; i < VALUES; i++) values[target + i] = from[source + i]!;
    }
    this.symbols = [];
    this.rows = 0;
    return { symbols, starts, sid, window, bars, values };
  }

  /** Looks at every bar that goes to a window, adjusts it, and finds the place of its day in the window tables. */
  private scan({ date, open, high, low, close, volume }: Bars, spans: readonly FactorSpan[] | undefined): Fault {
    const { places, whole, millionths } = this;
    const { firstDay, cover } = this.rules.windowTable;
    const none = cover.length - 1;
    const fault: Fault = {};
    let before = Number.NEGATIVE_INFINITY;
    for (let row = 0; row < date.length; row++) {
      const day = date[row]!;
      if (day <= before) return { impossible: `a bar of ${dateOf(day)} behind one of ${dateOf(before)}` };
      before = day;
      const place = day >= firstDay && day < firstDay + none ? day - firstDay : none;
      places[row] = place;
      if (cover[place] === 0) continue;
      const factor = spans === undefined ? 1 : factorOn(day, spans);
      if (factor !== 1) {
        open[row]! *= factor;
        high[row]! *= factor;
        low[row]! *= factor;
        close[row]! *= factor;
        volume[row]! /= factor;
      }
      const [o, h, l, c, v] = [open[row]!, high[row]!, low[row]!, close[row]!, volume[row]!];
      // Whole shares and millionths of one apart: both add up exactly, so no order of adding makes another sum.
      const shares = Math.trunc(v);
      whole[row] = shares;
      millionths[row] = v === shares ? 0 : Math.round((v - shares) * MILLION);
      if (l <= o && l <= c && h >= o && h >= c && v >= 0 && h < Infinity && l > -Infinity && v < Infinity) continue;
      const text = `open ${o}, high ${h}, low ${l}, close ${c}, volume ${v} on ${dateOf(day)}`;
      if (!Number.isFinite(o + h + l + c + v)) return { impossible: text };
      fault.broken = text;
    }
    return fault;
  }

  /** Adds the windows of some rows of a symbol that one interval's table gives them. */
  private reduce(bars: Bars, table: Int32Array, from: number, to: number): void {
    const { open: opens, high: highs, low: lows, close: closes } = bars;
    const { places, whole: wholes, millionths: fractions, sid, window, bars: counts, values } = this;
    const symbol = this.symbols.length - 1;
    let at = this.rows;
    for (let row = from; row < to; ) {
      const number = table[places[row]!]!;
      const first = row;
      let high = highs[row]!;
      let low = lows[row]!;
      let whole = wholes[row]!;
      let millionths = fractions[row]!;
      for (row++; row < to && table[places[row]!] === number; row++) {
        if (highs[row]! > high) high = highs[row]!;
        if (lows[row]! < low) low = lows[row]!;
        whole += wholes[row]!;
        millionths += fractions[row]!;
      }
      if (number < 0) continue;
      sid[at] = symbol;
      window[at] = number;
      counts[at] = row - first;
      const place = at * VALUES;
      values[place] = opens[first]!;
      values[place + 1] = high;
      values[place + 2] = low;
      values[place + 3] = closes[row - 1]!;
      values[place + 4] = millionths === 0 ? whole : (whole * MILLION + millionths) / MILLION;
      at++;
    }
    this.rows = at;
  }

  /** For a symbol of so many bars: each interval has no more windows than that. */
  private makeRoom(rows: number): void {
    if (rows > this.places.length) {
      const room = Math.max(rows, 16_384);
      this.places = new Int32Array(room);
      this.whole = new Float64Array(room);
      this.millionths = new Float64Array(room);
    }
    const wanted = this.rows + rows * this.rules.windowTable.tables.length;
    if (wanted <= this.sid.length) return;
    const room = Math.max(wanted, this.sid.length * 2, 65_536);
    this.sid = enlarged(this.sid, new Int32Array(room));
    this.window = enlarged(this.window, new Int32Array(room));
    this.bars = enlarged(this.bars, new Uint8Array(room));
    this.values = enlarged(this.values, new Float64Array(room * VALUES));
  }
}

function factorOn(day: number, spans: readonly FactorSpan[]): number {
  for (const { from, to, factor } of spans) if (day >= from && day < to) return factor;
  return 1;
}

/** Rows from which on the bars are another company's than those of the row before. */
function takeoverRows(days: Int32Array, changes: readonly number[] | undefined): number[] {
  const rows: number[] = [];
  for (let row = 1; changes && row < days.length; row++)
    if (changes.some((change) => change > days[row - 1]! && change <= days[row]!)) rows.push(row);
  return rows;
}

type Numbers = Int32Array | Float64Array | Uint8Array;

function enlarged<T extends Numbers>(old: T, fresh: T): T {
  fresh.set(old as never);
  return fresh;
}

function shared<T extends Numbers>(
  Kind: { new (memory: SharedArrayBuffer): T; BYTES_PER_ELEMENT: number },
  length: number,
): T {
  return new Kind(new SharedArrayBuffer(length * Kind.BYTES_PER_ELEMENT));
}
