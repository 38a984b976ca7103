import type { CalendarFingerprint } from '../calendar/calendar.ts';
import { isNamed } from '../errors.ts';
import { jsonBytes, keys, type Lake, listAll, readJson, writeIfChanged } from './lake.ts';
import { type ColumnsOf, schemaOf } from './parquet.ts';
import { readColumns } from './parquet-columns.ts';
import { encodeColumns } from './parquet-encode.ts';

/** Silver columns (docs/data-dictionary.md): bars of N sessions, ordered by symbol and date. */
export const SILVER_COLUMNS = schemaOf([
  { name: 'symbol', type: 'text' },
  // First session of the window by the calendar.
  { name: 'date', type: 'date' },
  // Last session of the window by the calendar.
  { name: 'window_end', type: 'date' },
  { name: 'open', type: 'double' },
  { name: 'high', type: 'double' },
  { name: 'low', type: 'double' },
  { name: 'close', type: 'double' },
  { name: 'volume', type: 'double' },
  // Daily bars in it.
  { name: 'bars', type: 'integer' },
  // Once the lake holds the window's last session, or a later one.
  { name: 'complete', type: 'boolean' },
]);

export type SilverColumns = ColumnsOf<typeof SILVER_COLUMNS>;

export function encodeSilver(rows: SilverColumns): Uint8Array {
  return encodeColumns(SILVER_COLUMNS, rows);
}

/** @throws Lake.Corrupt, naming the key */
export async function decodeSilver(bytes: Uint8Array, key: string): Promise<SilverColumns> {
  return readColumns(SILVER_COLUMNS, bytes, key);
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
