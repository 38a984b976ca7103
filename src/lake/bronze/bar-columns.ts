import type { Text } from '../columnar/column-data.ts';
import { encodeColumns } from '../columnar/encode.ts';
import type { ForeignColumns } from '../columnar/foreign.ts';
import { corruptFile, readColumns } from '../columnar/read.ts';
import type { Column } from '../parquet.ts';
import { adoptOriginal } from './original.ts';

/** Bronze columns (DESIGN 4.1); `ingested_at` is UTC. */
export const BAR_COLUMNS: readonly Column[] = [
  { name: 'symbol', type: 'text' },
  { name: 'date', type: 'date' },
  { name: 'open', type: 'double' },
  { name: 'high', type: 'double' },
  { name: 'low', type: 'double' },
  { name: 'close', type: 'double' },
  { name: 'volume', type: 'double' },
  { name: 'vwap', type: 'double', nullable: true },
  { name: 'transactions', type: 'bigint', nullable: true },
  { name: 'source', type: 'text' },
  { name: 'ingested_at', type: 'timestamp' },
];

/** Bronze bars by column (DESIGN 4.1), all of one length; vwap and transactions are NaN where there is none. */
export type BarColumns = {
  symbol: Text;
  /** Days since 1970. */
  date: Int32Array;
  open: Float64Array;
  high: Float64Array;
  low: Float64Array;
  close: Float64Array;
  volume: Float64Array;
  vwap: Float64Array;
  transactions: Float64Array;
  source: Text;
  /** µs since 1970, UTC. */
  ingested_at: BigInt64Array;
};

export function encodeBarColumns(bars: BarColumns): Uint8Array {
  return encodeColumns(BAR_COLUMNS, bars);
}

/**
 * Bars of a bronze file of any origin: ours, another Parquet writer's, or the original layout.
 * @param adopting called with the key of a file of the original layout, before anything is made of it
 * @throws Lake.Corrupt, naming the key; what `adopting` throws
 */
export async function decodeBarColumns(
  bytes: Uint8Array,
  key: string,
  adopting?: (key: string) => void,
): Promise<BarColumns> {
  const adopt = (foreign: ForeignColumns) => {
    const bars = adoptOriginal(foreign, key);
    if (bars) adopting?.(key);
    return bars;
  };
  return (await readColumns(BAR_COLUMNS, bytes, key, adopt)) as BarColumns;
}

/**
 * Bars of a file that holds one symbol only.
 * @throws Lake.Corrupt when it is unreadable, holds another symbol, or its dates do not strictly increase
 */
export async function decodeHistory(
  bytes: Uint8Array,
  key: string,
  symbol: string,
  adopting?: (key: string) => void,
): Promise<BarColumns> {
  const bars = await decodeBarColumns(bytes, key, adopting);
  const stranger = bars.symbol.values.find((value) => value !== symbol);
  if (stranger !== undefined) throw corruptFile(key, `bars of ${JSON.stringify(stranger)}`);
  for (let row = 1; row < bars.date.length; row++) {
    if (bars.date[row]! <= bars.date[row - 1]!) throw corruptFile(key, `dates that do not increase at row ${row}`);
  }
  return bars;
}
