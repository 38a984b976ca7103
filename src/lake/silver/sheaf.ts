import type { Slots } from './slots.ts';

/** Numbers of a row that lie side by side: open, high, low, close, volume. */
export const VALUES = 5;

/** Finished windows of some symbols, in the order in which they were made. */
export interface Sheaf {
  symbols: readonly string[];
  slots: Slots;
  /** Month (index into slots.months) → its first place in `order`; one entry more than months. */
  starts: Int32Array;
  /** Rows by month file, symbol and date. */
  order: Int32Array;
  /** Index into `symbols`. */
  sid: Int32Array;
  slot: Int32Array;
  /** `VALUES` of each row, because a month takes its rows from all over a sheaf. */
  values: Float64Array;
  bars: Uint8Array;
}
