import type { Text } from '../columnar/column-data.ts';
import { encodeColumns } from '../columnar/encode.ts';
import { readColumns } from '../columnar/read.ts';
import type { Column } from '../parquet.ts';

/** Silver columns (DESIGN 4.1). */
export const SILVER_COLUMNS: readonly Column[] = [
  { name: 'symbol', type: 'text' },
  { name: 'date', type: 'date' },
  { name: 'window_end', type: 'date' },
  { name: 'open', type: 'double' },
  { name: 'high', type: 'double' },
  { name: 'low', type: 'double' },
  { name: 'close', type: 'double' },
  { name: 'volume', type: 'double' },
  { name: 'bars', type: 'integer' },
  { name: 'complete', type: 'boolean' },
];

/** Bars of N sessions by column, ordered by symbol and date. */
export type SilverColumns = {
  symbol: Text;
  /** First session of the window by the calendar, in days since 1970. */
  date: Int32Array;
  /** Last session of the window by the calendar. */
  window_end: Int32Array;
  open: Float64Array;
  high: Float64Array;
  low: Float64Array;
  close: Float64Array;
  volume: Float64Array;
  /** Daily bars in it. */
  bars: Int32Array;
  /** 1 once the lake holds the window's last session, or a later one. */
  complete: Uint8Array;
};

export function encodeSilver(rows: SilverColumns): Uint8Array {
  return encodeColumns(SILVER_COLUMNS, rows);
}

/** @throws Lake.Corrupt, naming the key */
export async function decodeSilver(bytes: Uint8Array, key: string): Promise<SilverColumns> {
  return (await readColumns(SILVER_COLUMNS, bytes, key)) as SilverColumns;
}

/** Room for so many rows; texts are codes into `values`. */
export function silverRoom(rows: number, values: string[]): SilverColumns {
  return {
    symbol: { values, codes: new Int32Array(rows) },
    date: new Int32Array(rows),
    window_end: new Int32Array(rows),
    open: new Float64Array(rows),
    high: new Float64Array(rows),
    low: new Float64Array(rows),
    close: new Float64Array(rows),
    volume: new Float64Array(rows),
    bars: new Int32Array(rows),
    complete: new Uint8Array(rows),
  };
}
