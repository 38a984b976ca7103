import type { Bar } from '../records/bar.ts';
import { type Column, decodeRows, encodeRows, type Row } from './parquet.ts';

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

const NAMES = BAR_COLUMNS.map((column) => column.name);

/** Bars as a bronze Parquet file, in the order given. */
export function encodeBars(bars: readonly Bar[]): Uint8Array {
  return encodeRows(
    BAR_COLUMNS,
    bars.map(({ ingestedAt, ...rest }) => ({ ...rest, ingested_at: ingestedAt })),
  );
}

/** @throws Lake.Corrupt, naming the key. */
export async function decodeBars(bytes: Uint8Array, key: string): Promise<Bar[]> {
  const rows = await decodeRows<Row & { ingested_at: string }>(bytes, key, NAMES);
  return rows.map(({ ingested_at, ...rest }) => ({ ...rest, ingestedAt: ingested_at }) as unknown as Bar);
}

/** Whether two bars of one key carry the same vendor values; when and by which run they came is left aside. */
export function sameValues(a: Bar, b: Bar): boolean {
  return (
    a.open === b.open &&
    a.high === b.high &&
    a.low === b.low &&
    a.close === b.close &&
    a.volume === b.volume &&
    a.vwap === b.vwap &&
    a.transactions === b.transactions &&
    a.source === b.source
  );
}
