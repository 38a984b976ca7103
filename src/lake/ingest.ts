import { isNamed } from '../errors.ts';
import { dateOfKey, keys } from './keys.ts';
import { jsonBytes, type Lake, listAll, readJson } from './lake.ts';

/**
 * `processing_metadata/ingest/date=D.json`: the only truth for "session D is held". Written last when a session
 * is published; watermarks, gap reports and the jobs' work lists are derived from these and the calendar.
 */
export interface Ingest {
  date: string;
  /** Rows in the session file; one a symbol. */
  rows: number;
  rejected: number;
  /** sha256 of the session file's bytes. */
  checksum: string;
  /** Symbols an earlier version of this session had and this one has not. */
  removed: string[];
  source: string;
  runId: string;
  ingestedAt: string;
}

export async function readIngest(lake: Lake, date: string): Promise<Ingest | undefined> {
  return readJson<Ingest>(lake, keys.ingest(date));
}

/** For whoever is about to put a new one in its place, or only wants a yardstick: a damaged manifest counts as none. */
export async function usableIngest(lake: Lake, date: string): Promise<Ingest | undefined> {
  return readIngest(lake, date).catch((error: Error) => {
    if (isNamed(error, 'Lake.Corrupt')) return undefined;
    throw error;
  });
}

export async function writeIngest(lake: Lake, ingest: Ingest): Promise<void> {
  await lake.write(keys.ingest(ingest.date), jsonBytes(ingest));
}

/** Held sessions in date order, from one LIST: date and the manifest's version. */
export async function heldSessions(lake: Lake): Promise<{ date: string; etag: string }[]> {
  const entries = await listAll(lake, 'processing_metadata/ingest/date=');
  return entries.map(({ key, etag }) => ({ date: dateOfKey(key) ?? '', etag })).filter(({ date }) => date !== '');
}
