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
  /** Bars of windows that a later company began anew: they are in no window. */
  former = 0;
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
    this.former = 0;
    const nothing = { open: 0, high: 0, low: 0, close: 0, whole: 0, millionths: 0, bars: 0 };
    this.lanes = tables.map((slotOf) => ({ slotOf, sid: -1, slot: -1, ...nothing }));
  }

  /**
   * @param places each bar's place in the slots' tables
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
        if (lane.slot >= 0 && lane.slot === lane.slotOf[places[row]!]) {
          this.former += lane.bars;
          lane.slot = -1;
        }
        from = row;
      }
      this.reduce(lane, chunk, places, from, chunk.rows);
    }
  }

  /** The windows of everything that was added. */
  end(symbols: readonly string[], slots: Slots): Sheaf {
    this.makeRoom(this.lanes.length);
    for (const { sid, slot, open, high, low, close, whole, millionths, bars } of this.lanes)
      if (slot >= 0) this.put(sid, slot, open, high, low, close, whole, millionths, bars);
    return { symbols, slots, ...this.byMonth(slots) };
  }

  /** Rows by month file, each month's in the order they have: counted and put there, not sorted. */
  private byMonth({ months, monthOf }: Slots): Omit<Sheaf, 'symbols' | 'slots'> {
    const { rows, sid: sids, slot: slotsOf, bars: counts, values: from } = this;
    const starts = new Int32Array(months.length + 1);
    for (let row = 0; row < rows; row++) starts[monthOf[slotsOf[row]!]! + 1]!++;
    for (let month = 0; month < months.length; month++) starts[month + 1]! += starts[month]!;
    const next = starts.slice();
    const sid = new Int32Array(rows);
    const slot = new Int32Array(rows);
    const bars = new Uint8Array(rows);
    const values = new Float64Array(rows * VALUES);
    for (let row = 0; row < rows; row++) {
      const place = next[monthOf[slotsOf[row]!]!]!++;
      sid[place] = sids[row]!;
      slot[place] = slotsOf[row]!;
      bars[place] = counts[row]!;
      const [source, target] = [row * VALUES, place * VALUES];
      for (let i = 0; i < VALUES; i++) values[target + i] = from[source + i]!;
    }
    return { starts, sid, slot, bars, values };
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
    const { slotOf } = lane;
    let { sid, slot, open, high, low, close, whole, millionths, bars } = lane;
    for (let row = from; row < to; row++) {
      const next = slotOf[places[row]!]!;
      if (next === slot && sids[row] === sid) {
        if (highs[row]! > high) high = highs[row]!;
        if (lows[row]! < low) low = lows[row]!;
        whole += wholes[row]!;
        millionths += fractions[row]!;
        bars++;
      } else {
        if (slot >= 0) this.put(sid, slot, open, high, low, close, whole, millionths, bars);
        sid = sids[row]!;
        slot = next;
        open = opens[row]!;
        high = highs[row]!;
        low = lows[row]!;
        whole = wholes[row]!;
        millionths = fractions[row]!;
        bars = 1;
      }
      close = closes[row]!;
    }
    Object.assign(lane, { sid, slot, open, high, low, close, whole, millionths, bars });
  }

  private put(
    sid: number,
    slot: number,
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
    this.slot[at] = slot;
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

function enlarged<T extends Int32Array | Float64Array | Uint8Array>(old: T, fresh: T): T {
  fresh.set(old as never);
  return fresh;
}
