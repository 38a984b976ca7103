import { textOf } from '../columnar/column-data.ts';
import { encodeColumns } from '../columnar/encode.ts';
import { readColumns } from '../columnar/read.ts';
import { keys } from '../keys.ts';
import type { Lake } from '../lake.ts';
import type { Column } from '../parquet.ts';

const COLUMNS: readonly Column[] = [
  { name: 'symbol', type: 'text' },
  { name: 'last_consolidated_date', type: 'date' },
  { name: 'row_count', type: 'bigint' },
  { name: 'last_updated', type: 'timestamp' },
];

/** One consolidated symbol. It follows from the bytes of its data.parquet alone. */
export interface ManifestEntry {
  /** Date of its last row, in days since 1970. */
  lastDay: number;
  rows: number;
  /** Its newest `ingested_at`, in µs: not the clock, so that a second run writes the same bytes. */
  lastUpdated: bigint;
}
export type Manifest = Map<string, ManifestEntry>;

/**
 * Undefined when there is none, or one that cannot be read as ours: it can be made anew from the data files, so a
 * damaged one is no reason to stop.
 */
export async function readManifest(lake: Lake): Promise<Manifest | undefined> {
  return manifestIn(await lake.read(keys.manifest));
}

/** The same from its bytes. */
export async function manifestIn(bytes: Uint8Array | undefined): Promise<Manifest | undefined> {
  if (!bytes) return undefined;
  const columns = await readColumns(COLUMNS, bytes, keys.manifest).catch(() => undefined);
  if (!columns) return undefined;
  const { symbol, last_consolidated_date, row_count, last_updated } = columns as unknown as {
    symbol: ReturnType<typeof textOf>;
    last_consolidated_date: Int32Array;
    row_count: Float64Array;
    last_updated: BigInt64Array;
  };
  return new Map(
    Array.from(symbol.codes, (code, row) => [
      symbol.values[code]!,
      { lastDay: last_consolidated_date[row]!, rows: row_count[row]!, lastUpdated: last_updated[row]! },
    ]),
  );
}

/** Sorted by symbol: the same entries give the same bytes. */
export function manifestBytes(manifest: Manifest): Uint8Array {
  const symbols = [...manifest.keys()].sort();
  const entries = symbols.map((symbol) => manifest.get(symbol)!);
  return encodeColumns(COLUMNS, {
    symbol: textOf(symbols),
    last_consolidated_date: Int32Array.from(entries, ({ lastDay }) => lastDay),
    row_count: Float64Array.from(entries, ({ rows }) => rows),
    last_updated: BigInt64Array.from(entries, ({ lastUpdated }) => lastUpdated),
  });
}
