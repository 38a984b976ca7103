import { type CalendarFingerprint, calendarFingerprint, sessionNumber, windowIndex } from '../../calendar/sessions.ts';
import { isNamed } from '../../errors.ts';
import type { Manifest } from '../bronze/manifest.ts';
import { keys } from '../keys.ts';
import { jsonBytes, type Lake, listAll, readJson, writeIfChanged } from '../lake.ts';
import type { LakeState } from './lake-state.ts';

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

/** Pure: the checkpoint of an interval whose month files are written. */
export function nextCheckpoint(
  interval: number,
  rows: ReadonlyMap<string, number>,
  { text, tokens, newest }: LakeState,
  manifest: Manifest,
  {
    splits,
    splitsList,
    companies,
    failed,
  }: {
    splits: ReadonlyMap<string, string>;
    splitsList: string | undefined;
    companies: ReadonlyMap<string, string>;
    failed: ReadonlySet<string>;
  },
): SilverCheckpoint {
  let updated: bigint | undefined;
  for (const { lastUpdated } of manifest.values())
    if (updated === undefined || lastUpdated > updated) updated = lastUpdated;
  const months = Object.fromEntries([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    interval,
    last_processed_date: newest ?? null,
    last_run_timestamp: updated === undefined ? null : new Date(Number(updated / 1000n)).toISOString(),
    total_records_processed: Object.values(months).reduce((sum, count) => sum + count, 0),
    status: 'success',
    sessions: text,
    months,
    splits: sorted(splits),
    splits_list: splitsList ?? null,
    ...(companies.size > 0 && { companies: sorted(companies) }),
    calendar: windowsCalendar(interval, tokens.keys().next().value, newest),
    failed: [...failed].sort(),
  };
}

function sorted(texts: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...texts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * What the calendar says about the windows over these sessions. Their numbers are counted from 1990-01-02, so that a
 * closure anywhere between that day and the windows shifts them; one behind the end of the last window, which may lie
 * ahead of today, or before both moves none and is not in it.
 */
function windowsCalendar(interval: number, oldest: string | undefined, newest: string | undefined) {
  if (oldest === undefined || newest === undefined) return calendarFingerprint(0, 0);
  const index = (session: string) => windowIndex(sessionNumber(session), interval);
  const from = Math.min(0, index(oldest) * interval);
  return calendarFingerprint(from, Math.max(0, (index(newest) + 1) * interval - 1));
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
