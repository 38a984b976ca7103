import type { BarChunk } from './engine.ts';
import { type Sheaf, VALUES } from './sheaf.ts';
import type { Slots } from './slots.ts';

const MILLION = 1e6;

/** The window of one interval that the next bar may belong to. */
interface Lane {
  slotOf: Int32Array;
  sid: number;
  slot: number;
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
 * looked up and nothing hashed. Its arrays are used again by the next portion, because they are large.
 */
export class Reduction {
  private lanes: Lane[] = [];
  private rows = 0;
  private sid = new Int32Array();
  private slot = new Int32Array();
  private bars = new Uint8Array();
  private values = new Float64Array();
  private whole = new Float64Array();
  private millionths = new Float64Array();

  begin({ tables }: Slots): void {
    this.rows = 0;
    const nothing = { open: 0, high: 0, low: 0, close: 0, whole: 0, millionths: 0, bars: 0 };
    this.lanes = tables.map((slotOf) => ({ slotOf, sid: -1, slot: -1, ...nothing }));
  }

  /** @param places each bar's place in the slots' tables */
  add(chunk: BarChunk, places: Int32Array): void {
    if (this.whole.length < chunk.rows) {
      this.whole = new Float64Array(chunk.rows);
      this.millionths = new Float64Array(chunk.rows);
    }
    split(chunk, this.whole, this.millionths);
    for (const lane of this.lanes) {
      this.makeRoom(chunk.rows);
      this.reduce(lane, chunk, places);
    }
  }

  /** The windows of everything that was added. */
  end(symbols: readonly string[], slots: Slots): Sheaf {
    this.makeRoom(this.lanes.length);
    for (const lane of this.lanes) if (lane.slot >= 0) this.rows = this.put(this.rows, lane);
    const { rows } = this;
    const slot = this.slot.slice(0, rows);
    const windows = { sid: this.sid.slice(0, rows), slot, bars: this.bars.slice(0, rows) };
    return { symbols, slots, ...windows, values: this.values.slice(0, rows * VALUES), ...byMonth(slot, slots) };
  }

  private reduce(lane: Lane, { rows, sid: sids, open, high, low, close }: BarChunk, places: Int32Array): void {
    const { whole, millionths } = this;
    const { slotOf } = lane;
    let at = this.rows;
    for (let row = 0; row < rows; row++) {
      const slot = slotOf[places[row]!]!;
      if (slot === lane.slot && sids[row] === lane.sid) {
        if (high[row]! > lane.high) lane.high = high[row]!;
        if (low[row]! < lane.low) lane.low = low[row]!;
        lane.close = close[row]!;
        lane.whole += whole[row]!;
        lane.millionths += millionths[row]!;
        lane.bars++;
        continue;
      }
      if (lane.slot >= 0) at = this.put(at, lane);
      lane.sid = sids[row]!;
      lane.slot = slot;
      lane.open = open[row]!;
      lane.high = high[row]!;
      lane.low = low[row]!;
      lane.close = close[row]!;
      lane.whole = whole[row]!;
      lane.millionths = millionths[row]!;
      lane.bars = 1;
    }
    this.rows = at;
  }

  private put(at: number, { sid, slot, open, high, low, close, whole, millionths, bars }: Lane): number {
    this.sid[at] = sid;
    this.slot[at] = slot;
    this.bars[at] = bars;
    const { values } = this;
    const first = at * VALUES;
    values[first] = open;
    values[first + 1] = high;
    values[first + 2] = low;
    values[first + 3] = close;
    values[first + 4] = millionths === 0 ? whole : (whole * MILLION + millionths) / MILLION;
    return at + 1;
  }

  private makeRoom(more: number): void {
    const wanted = this.rows + more;
    if (wanted <= this.sid.length) return;
    const room = Math.max(wanted, this.sid.length * 2, 65_536);
    this.sid = enlarged(this.sid, new Int32Array(room));
    this.slot = enlarged(this.slot, new Int32Array(room));
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

/** Rows by month file, each month's in the order they have: counted, not sorted. */
function byMonth(slot: Int32Array, { months, monthOf }: Slots): Pick<Sheaf, 'starts' | 'order'> {
  const starts = new Int32Array(months.length + 1);
  for (let row = 0; row < slot.length; row++) starts[monthOf[slot[row]!]! + 1]!++;
  for (let month = 0; month < months.length; month++) starts[month + 1]! += starts[month]!;
  const next = starts.slice();
  const order = new Int32Array(slot.length);
  for (let row = 0; row < slot.length; row++) order[next[monthOf[slot[row]!]!]!++] = row;
  return { starts, order };
}

function enlarged<T extends Int32Array | Float64Array | Uint8Array>(old: T, fresh: T): T {
  fresh.set(old as never);
  return fresh;
}
