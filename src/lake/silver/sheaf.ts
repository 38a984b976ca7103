import type { Slots } from './slots.ts';

/** Numbers of a row that lie side by side: open, high, low, close, volume. */
export const VALUES = 5;

/** Finished windows of some symbols, ordered by month file, symbol and date: what each file gets lies in one piece. */
export interface Sheaf {
  symbols: readonly string[];
  slots: Slots;
  /** Month (index into slots.months) → its first row; one entry more than months. */
  starts: Int32Array;
  /** Index into `symbols`. */
  sid: Int32Array;
  slot: Int32Array;
  /** `VALUES` of each row: putting a row into its month then touches one place instead of five. */
  values: Float64Array;
  bars: Uint8Array;
}
