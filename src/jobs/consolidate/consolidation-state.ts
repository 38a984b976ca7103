import { jsonBytes, jsonIn, keys, type Lake, readJson, type Version } from '../../lake/lake.ts';
import { type Column, textOf } from '../../lake/parquet.ts';
import { readColumns } from '../../lake/parquet-columns.ts';
import { encodeColumns } from '../../lake/parquet-encode.ts';
import type { Digests } from './inventory.ts';

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
 * Undefined when there is none, or one that cannot be read as ours: it can be rebuilt from the data files, so a
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

/** What the data files are made of so far; the resampler's view of the lake, too. */
export interface ConsolidationCheckpoint {
  /** Sessions merged: the version of their ingest manifest, and the checksum of their bars. */
  sessions: Record<string, { etag: string; checksum: string }>;
  /** Date files of the original layout merged. */
  dateFiles: Digests;
  /**
   * Dates of which some row came from elsewhere than the session file (the original layout, an adopted history), with
   * a digest that changes when such a row does.
   */
  outside: Record<string, string>;
  /** Symbols that could not be merged, with the sessions they still lack; the next run tries them again. */
  failed: Record<string, string[]>;
}

export const NOTHING_CONSOLIDATED: ConsolidationCheckpoint = {
  sessions: {},
  dateFiles: { symbols: {}, dates: {} },
  outside: {},
  failed: {},
};

/** @throws Lake.Corrupt when it is not JSON. */
export async function readConsolidated(lake: Lake): Promise<ConsolidationCheckpoint | undefined> {
  return readJson<ConsolidationCheckpoint>(lake, keys.consolidated);
}

/** Names in order, so that the same state gives the same bytes. */
export function checkpointBytes({ sessions, dateFiles, outside, failed }: ConsolidationCheckpoint): Uint8Array {
  return jsonBytes({
    sessions: inOrder(sessions),
    dateFiles: { symbols: inOrder(dateFiles.symbols), dates: inOrder(dateFiles.dates) },
    outside: inOrder(outside),
    failed: inOrder(failed),
  } satisfies ConsolidationCheckpoint);
}

function inOrder<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What a run found before it began. */
export interface Base {
  checkpoint: ConsolidationCheckpoint;
  storedManifest: Version;
  storedCheckpoint: Version;
}

/**
 * Manifest and checkpoint as a run finds them.
 * @throws Lake.Corrupt when the checkpoint is not JSON
 */
export async function openBase(lake: Lake): Promise<Base & { manifest: Manifest }> {
  const [storedManifest, storedCheckpoint] = await Promise.all([
    lake.open(keys.manifest),
    lake.open(keys.consolidated),
  ]);
  const checkpoint = jsonIn<ConsolidationCheckpoint>(keys.consolidated, storedCheckpoint?.bytes);
  const manifest = await manifestIn(storedManifest?.bytes);
  // One without the other says nothing: then every source is new, and every stored row is looked at.
  const known = checkpoint?.sessions && checkpoint.dateFiles && manifest;
  return {
    storedManifest,
    storedCheckpoint,
    checkpoint: known ? checkpoint : NOTHING_CONSOLIDATED,
    manifest: known ? manifest : new Map(),
  };
}
