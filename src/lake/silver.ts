import type { CalendarFingerprint } from '../calendar/calendar.ts';
import { isNamed } from '../errors.ts';
import { jsonBytes, keys, type Lake, listAll, readJson, writeIfChanged } from './lake.ts';
import type { Column, Text } from './parquet.ts';
import { readColumns } from './parquet-columns.ts';
import { encodeColumns } from './parquet-encode.ts';

/** Silver columns (docs/data-dictionary.md). */
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
export function silverPrefix(rows: number, values: string[]): SilverColumns {
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

/** Where the bars of one interval stand; written after all of its month files. */
export interface SilverCheckpoint {
  interval: number;
  /** Newest session that counted as held; null for an empty lake. */
  last_processed_date: string | null;
  /** Newest `ingested_at` of the bars behind it: not the clock, so that a second run writes the same bytes. */
  last_run_timestamp: string | null;
  /** Silver rows there are. */
  total_records_processed: number;
  status: 'success';
  /** What the bars of each date were, as lines (see sessionText): six checkpoints of thousands of dates are read a night. */
  sessions: string;
  /** Month file → rows in it. */
  months: Record<string, number>;
  /** Symbol → the splits its bars were adjusted by (see splitsText). */
  splits: Record<string, string>;
  /** Symbol → the days on which another company took it over, in order; absent when none was. */
  companies?: Record<string, string>;
  /** Date of the list those splits stood in; null without a list, absent in checkpoints of earlier versions. */
  splits_list?: string | null;
  /** The calendar its windows were made with (see windowsCalendar); absent in checkpoints of earlier versions. */
  calendar?: CalendarFingerprint;
  /** Symbols whose rows are not what their bars say: their history was damaged, or is behind their sessions. */
  failed: string[];
}

/** Undefined when there is none, or one that is not ours (the original design kept another at the same key). */
export async function readSilverCheckpoint(lake: Lake, interval: number): Promise<SilverCheckpoint | undefined> {
  const stored = await readJson<Partial<SilverCheckpoint>>(lake, keys.silverCheckpoint(interval));
  const ours = typeof stored?.sessions === 'string' && stored.months && stored.splits && stored.failed;
  return ours ? (stored as SilverCheckpoint) : undefined;
}

export async function writeSilverCheckpoint(lake: Lake, checkpoint: SilverCheckpoint): Promise<boolean> {
  return writeIfChanged(lake, keys.silverCheckpoint(checkpoint.interval), jsonBytes(checkpoint));
}

/** What any interval's checkpoint says of one of these; one that nobody can read says nothing, and verify names it. */
export async function knownToBars(lake: Lake, field: 'splits' | 'companies'): Promise<Record<string, string>> {
  const entries = await listAll(lake, 'processing_metadata/silver_');
  const checkpoints = await Promise.all(
    entries.map(({ key }) =>
      readJson<Partial<SilverCheckpoint>>(lake, key).catch((error) => {
        if (isNamed(error, 'Lake.Corrupt')) return undefined;
        throw error;
      }),
    ),
  );
  return Object.assign({}, ...checkpoints.map((checkpoint) => checkpoint?.[field]));
}
