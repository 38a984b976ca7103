import { dateOf } from '../../calendar/dates.ts';
import type { JobError } from '../job-summary.ts';
import type { ConsolidationCheckpoint } from './checkpoint.ts';
import type { Digests } from './inventory.ts';
import type { Manifest } from './manifest.ts';
import type { Expired } from './retention.ts';
import { Tally } from './tally.ts';

/**
 * What one shard did, complete for its symbols. The lake's manifest and checkpoint are a function of the parts of all
 * shards and of the checkpoint they began with, so it is of no matter who ends first. A run without shards is one part.
 */
export interface Part {
  /** Digest of all that the shards of a run have in common: parts of different views do not go together. */
  view: string;
  index: number;
  size: number;
  /** Whether only some symbols were merged: then nothing is marked as done for the others. */
  limited: boolean;
  /** Whether every row from outside the sessions was seen, so that the old list is of no more use. */
  afresh: boolean;
  sessions: ConsolidationCheckpoint['sessions'];
  /** Sessions that could not be read. */
  skipped: string[];
  /** Day → digest of this shard's rows from outside the sessions. */
  outside: [day: number, digest: string][];
  failed: ConsolidationCheckpoint['failed'];
  /** Of the date files that stay. */
  dateFiles: Digests;
  /** lastUpdated in µs, as text. */
  manifest: [symbol: string, lastDay: number, rows: number, lastUpdated: string][];
  expired: Expired[];
  /** For the summary of all shards; the lake's state does not depend on it. */
  report: {
    symbols: number;
    counts: { added: number; revised: number; removed: number; filesWritten: number; filesMerged: number };
    errors: JobError[];
  };
}

const WITHDRAWN = '0'.repeat(16);

export interface Settled {
  checkpoint: ConsolidationCheckpoint;
  manifest: Manifest;
  expired: Expired[];
}

/** Pure: the lake's state after all shards of a run. */
export function mergeParts(base: ConsolidationCheckpoint, parts: readonly Part[]): Settled {
  const tally = new Tally();
  const dates = new Tally<string>();
  const symbols: Record<string, string> = {};
  const failed: ConsolidationCheckpoint['failed'] = {};
  const manifest: Manifest = new Map();
  for (const part of parts) {
    for (const [day, digest] of part.outside) tally.addDigest(day, digest);
    for (const [date, digest] of Object.entries(part.dateFiles.dates)) dates.addDigest(date, digest);
    Object.assign(symbols, part.dateFiles.symbols);
    Object.assign(failed, part.failed);
    for (const [symbol, lastDay, rows, lastUpdated] of part.manifest) {
      manifest.set(symbol, { lastDay, rows, lastUpdated: BigInt(lastUpdated) });
    }
  }
  const limited = parts.some((part) => part.limited);
  const skipped = new Set(parts.flatMap((part) => part.skipped));
  const sessions = limited ? base.sessions : sessionsOfAll(parts);
  const outside = new Map(Object.entries(parts.every(({ afresh }) => afresh) ? {} : base.outside));
  for (const [day, digest] of tally.entries()) {
    const date = dateOf(day);
    const before = outside.get(date);
    // A partial run sees some rows of the date only, so what it saw is laid upon what was known.
    outside.set(date, before === undefined || before === digest ? digest : chained(before, digest));
  }
  // A session that is held no longer leaves its rows behind, and nothing but this list says so.
  for (const date of Object.keys(base.sessions)) {
    if (!sessions[date] && !skipped.has(date) && !outside.has(date)) outside.set(date, WITHDRAWN);
  }
  return {
    checkpoint: {
      sessions,
      dateFiles: limited ? base.dateFiles : { symbols, dates: Object.fromEntries(dates.entries()) },
      outside: Object.fromEntries(outside),
      failed,
    },
    manifest,
    expired: parts.flatMap(({ expired }) => expired),
  };
}

/** A session is done when it is for every shard. */
function sessionsOfAll([first, ...others]: readonly Part[]): ConsolidationCheckpoint['sessions'] {
  const sessions = Object.entries(first?.sessions ?? {});
  const done = sessions.filter(([date, { etag }]) => others.every((part) => part.sessions[date]?.etag === etag));
  return Object.fromEntries(done);
}

function chained(before: string, now: string): string {
  const mixed = (BigInt(`0x${before}`) * 31n + BigInt(`0x${now}`)) & 0xffff_ffff_ffff_ffffn;
  return mixed.toString(16).padStart(16, '0');
}
