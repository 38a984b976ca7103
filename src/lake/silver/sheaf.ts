import type { WindowChunk } from './engine.ts';
import type { Slots } from './slots.ts';

const PRICES = ['open', 'high', 'low', 'close', 'volume'] as const;

/** Finished windows of some symbols, ordered by month file, symbol and date: what each file gets lies in one piece. */
export interface Sheaf {
  symbols: readonly string[];
  slots: Slots;
  /** Month (index into slots.months) → first row; one entry more than months. */
  starts: Int32Array;
  /** Index into `symbols`. */
  sid: Int32Array;
  slot: Int32Array;
  open: Float64Array;
  high: Float64Array;
  low: Float64Array;
  close: Float64Array;
  volume: Float64Array;
  bars: Uint8Array;
}

/** What the answers of one query are collected in; used again by the next, because it is large. */
export class Sheaves {
  private room = 0;
  private rows = 0;
  private place = new Int32Array();
  private bars = new Int32Array();
  private readonly prices = PRICES.map(() => new Float64Array());
  private cells = new Int32Array();

  add(chunk: WindowChunk): void {
    const end = this.rows + chunk.rows;
    if (end > this.room) this.grow(Math.max(end, this.room * 2, 65_536));
    this.place.set(chunk.place, this.rows);
    this.bars.set(chunk.bars, this.rows);
    for (const [i, name] of PRICES.entries()) this.prices[i]!.set(chunk[name], this.rows);
    this.rows = end;
  }

  /** Drops what was collected. */
  clear(): void {
    this.rows = 0;
  }

  /**
   * The collected windows in order. Symbol and window are small numbers, so a row's place is computed, not compared:
   * linear, where sorting eight million rows would cost as much as the aggregation.
   */
  bind(symbols: readonly string[], slots: Slots): Sheaf {
    const { rows, place } = this;
    const [count, width] = [symbols.length, slots.windows.length];
    // The cell of a symbol's window: month files one behind the other, in each the symbols, of each its windows.
    const base = new Int32Array(width);
    const stride = new Int32Array(width);
    for (const { from, to } of slots.months) {
      for (let slot = from; slot < to; slot++) {
        base[slot] = count * from + slot - from;
        stride[slot] = to - from;
      }
    }
    if (this.cells.length < count * width) this.cells = new Int32Array(count * width);
    else this.cells.fill(0, 0, count * width);
    const { cells } = this;
    for (let row = 0; row < rows; row++) {
      const sid = Math.floor(place[row]! / width);
      const slot = place[row]! - sid * width;
      cells[base[slot]! + sid * stride[slot]!] = row + 1;
    }
    const order = new Int32Array(rows);
    const starts = new Int32Array(slots.months.length + 1);
    let at = 0;
    for (const [month, { from, to }] of slots.months.entries()) {
      starts[month] = at;
      for (let cell = count * from; cell < count * to; cell++) if (cells[cell]! > 0) order[at++] = cells[cell]! - 1;
    }
    starts[slots.months.length] = at;
    const sid = new Int32Array(rows);
    const slot = new Int32Array(rows);
    const bars = new Uint8Array(rows);
    for (let row = 0; row < rows; row++) {
      const from = order[row]!;
      sid[row] = Math.floor(place[from]! / width);
      slot[row] = place[from]! - sid[row]! * width;
      bars[row] = Math.min(255, this.bars[from]!);
    }
    const [open, high, low, close, volume] = this.prices.map((prices) => {
      const ordered = new Float64Array(rows);
      for (let row = 0; row < rows; row++) ordered[row] = prices[order[row]!]!;
      return ordered;
    }) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
    return { symbols, slots, starts, sid, slot, open, high, low, close, volume, bars };
  }

  private grow(room: number): void {
    this.room = room;
    this.place = enlarged(this.place, new Int32Array(room));
    this.bars = enlarged(this.bars, new Int32Array(room));
    for (const i of PRICES.keys()) this.prices[i] = enlarged(this.prices[i]!, new Float64Array(room));
  }
}

function enlarged<T extends Int32Array | Float64Array>(old: T, fresh: T): T {
  fresh.set(old as never);
  return fresh;
}

/** Bars in the windows of a sheaf, all intervals together. */
export function barsIn({ bars }: Sheaf): number {
  let sum = 0;
  for (let row = 0; row < bars.length; row++) sum += bars[row]!;
  return sum;
}

export interface Faults {
  /** Symbol → why its windows cannot be right: a value that is no number, more bars than sessions. */
  impossible: Map<string, string>;
  /** Symbol → a window against the OHLC rules: right, but made of a bar that breaks them. */
  broken: Map<string, string>;
}

/** Looks at every window. Pure. */
export function faultsIn(sheaf: Sheaf): Faults {
  const { open, high, low, close, volume, bars, slot, sid, slots, symbols } = sheaf;
  const sessions = Int32Array.from(slots.windows, ({ dates }) => dates.length);
  const faults: Faults = { impossible: new Map(), broken: new Map() };
  for (let row = 0; row < bars.length; row++) {
    const [o, h, l, c, v] = [open[row]!, high[row]!, low[row]!, close[row]!, volume[row]!];
    const possible = bars[row]! <= sessions[slot[row]!]! && Number.isFinite(o + h + l + c + v);
    if (possible && l <= o && l <= c && h >= o && h >= c && v >= 0) continue;
    const symbol = symbols[sid[row]!]!;
    const text = `open ${o}, high ${h}, low ${l}, close ${c}, volume ${v}, ${bars[row]} bars`;
    const from = slots.windows[slot[row]!]!.first;
    faults[possible ? 'broken' : 'impossible'].set(symbol, `${text} in ${sessions[slot[row]!]} sessions from ${from}`);
  }
  return faults;
}
