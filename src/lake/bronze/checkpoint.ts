import { keys } from '../keys.ts';
import { jsonBytes, type Lake, readJson } from '../lake.ts';
import type { Digests } from './inventory.ts';

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
