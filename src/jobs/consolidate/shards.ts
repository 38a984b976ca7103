import { createHash } from 'node:crypto';
import { dateOf } from '../../calendar/dates.ts';
import { isNamed } from '../../errors.ts';
import { jsonBytes, jsonIn, keys, type Lake, listAll, replace } from '../../lake/lake.ts';
import type { Ingest } from '../../lake/session-files.ts';
import type { Expired } from '../expire.ts';
import { type BronzeJobOptions, isOfShard, type JobError } from '../job.ts';
import {
  type Base,
  type ConsolidationCheckpoint,
  checkpointBytes,
  type Manifest,
  manifestBytes,
} from './consolidation-state.ts';
import { type Digests, digestsOf, type Inventory, Tally } from './inventory.ts';

/**
 * What one shard did, complete for its symbols. The lake's manifest and checkpoint are a function of the parts of all
 * shards and of the checkpoint they began with, so it is of no matter who ends first. A run without shards is one part.
 */
export interface ShardResult {
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

export interface MergedState {
  checkpoint: ConsolidationCheckpoint;
  manifest: Manifest;
  expired: Expired[];
}

/** Pure: the lake's state after all shards of a run. */
export function mergeShardResults(base: ConsolidationCheckpoint, results: readonly ShardResult[]): MergedState {
  const tally = new Tally();
  const dates = new Tally<string>();
  const symbols: Record<string, string> = {};
  const failed: ConsolidationCheckpoint['failed'] = {};
  const manifest: Manifest = new Map();
  for (const result of results) {
    for (const [day, digest] of result.outside) tally.addDigest(day, digest);
    for (const [date, digest] of Object.entries(result.dateFiles.dates)) dates.addDigest(date, digest);
    Object.assign(symbols, result.dateFiles.symbols);
    Object.assign(failed, result.failed);
    for (const [symbol, lastDay, rows, lastUpdated] of result.manifest) {
      manifest.set(symbol, { lastDay, rows, lastUpdated: BigInt(lastUpdated) });
    }
  }
  const limited = results.some((result) => result.limited);
  const skipped = new Set(results.flatMap((result) => result.skipped));
  const sessions = limited ? base.sessions : sessionsOfAll(results);
  const outside = new Map(Object.entries(results.every(({ afresh }) => afresh) ? {} : base.outside));
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
    expired: results.flatMap(({ expired }) => expired),
  };
}

/** A session is done when it is for every shard. */
function sessionsOfAll([first, ...others]: readonly ShardResult[]): ConsolidationCheckpoint['sessions'] {
  const sessions = Object.entries(first?.sessions ?? {});
  const done = sessions.filter(([date, { etag }]) => others.every((result) => result.sessions[date]?.etag === etag));
  return Object.fromEntries(done);
}

function chained(before: string, now: string): string {
  const mixed = (BigInt(`0x${before}`) * 31n + BigInt(`0x${now}`)) & 0xffff_ffff_ffff_ffffn;
  return mixed.toString(16).padStart(16, '0');
}

export interface ShardResultInput {
  base: Base;
  held: readonly { date: string; etag: string }[];
  ingests: ReadonlyMap<string, Ingest>;
  inventory: Pick<Inventory, 'dateFiles'>;
  run: {
    done: ReadonlySet<string>;
    pending: ReadonlyMap<string, ReadonlySet<string>>;
    outside: { entries(): [day: number, digest: string][] };
    counts: ShardResult['report']['counts'];
  };
  /** After the run, of all symbols. */
  manifest: Manifest;
  expired: Expired[];
  /** Sessions that could not be read. */
  skipped: readonly string[];
  errors: readonly JobError[];
  options: Pick<BronzeJobOptions, 'symbols' | 'shard'> & { mode: 'full' | 'incremental' };
}

/** Pure: what a run says of its symbols. */
export function shardResult(input: ShardResultInput): ShardResult {
  const { base, run, options } = input;
  const { shard = { index: 0, size: 1, submission: '' }, mode } = options;
  const mine = (symbol: string) => isOfShard(symbol, shard);
  const limited = options.symbols !== undefined;
  const failed = Object.entries(base.checkpoint.failed).filter(([symbol]) => mine(symbol) && !run.done.has(symbol));
  const lacking = new Map(failed);
  for (const [symbol, dates] of run.pending) {
    lacking.set(symbol, [...new Set([...(lacking.get(symbol) ?? []), ...dates])].sort());
  }
  const going = new Set(input.expired.map(({ key }) => key));
  const dateFiles = [...input.inventory.dateFiles].filter(([symbol]) => mine(symbol));
  const entries = [...input.manifest].filter(([symbol]) => mine(symbol));
  return {
    view: viewOf(input),
    index: shard.index,
    size: shard.size,
    limited,
    // Only a whole rebuild without a gap has seen every row from outside the sessions.
    afresh: mode === 'full' && !limited && input.errors.length === 0,
    sessions: sessionsDone(input),
    skipped: [...input.skipped],
    outside: run.outside.entries(),
    failed: Object.fromEntries(lacking),
    dateFiles: digestsOf(dateFiles, going),
    manifest: entries.map(([symbol, { lastDay, rows, lastUpdated }]) => [symbol, lastDay, rows, String(lastUpdated)]),
    expired: input.expired,
    report: { symbols: run.done.size, counts: run.counts, errors: [...input.errors] },
  };
}

function viewOf({ base, held, options }: ShardResultInput): string {
  const { mode, symbols, shard } = options;
  return createHash('sha256')
    .update(base.storedCheckpoint?.bytes ?? '')
    .update(JSON.stringify([mode, symbols, shard?.size, shard?.submission, held]))
    .digest('hex');
}

function sessionsDone({ held, ingests, base, skipped }: ShardResultInput): ShardResult['sessions'] {
  const left = new Set(skipped);
  const sessions: ShardResult['sessions'] = {};
  for (const { date, etag } of held) {
    const checksum = ingests.get(date)?.checksum ?? base.checkpoint.sessions[date]?.checksum;
    if (checksum !== undefined && !left.has(date)) sessions[date] = { etag, checksum };
  }
  return sessions;
}

const TRIES = 50;

export interface Settlement extends MergedState {
  /** Whether the manifest had to be written. */
  written: boolean;
  reports: ShardResult['report'][];
}

/**
 * Writes manifest and checkpoint of a run without shards.
 * @throws Lake.Conflict when another run has settled something else since this one began: it is to begin again
 */
export async function commit(lake: Lake, result: ShardResult, base: Base): Promise<Settlement> {
  const merged = mergeShardResults(base.checkpoint, [result]);
  return { ...merged, written: await put(lake, merged, base), reports: [result.report] };
}

/**
 * Leaves the part of a shard; the shard that finds all parts there writes manifest and checkpoint. Two that end
 * together both try, and the one that is too late looks again, so the last state is made of the last parts.
 * @param beforeCommit what has to be said of all shards; once the checkpoint is written their parts are no longer read
 * @returns undefined while parts of other shards are missing
 * @throws Lake.Corrupt for a part that is not JSON
 */
export async function commitShard(
  lake: Lake,
  result: ShardResult,
  base: Base,
  beforeCommit: (merged: MergedState, reports: ShardResult['report'][]) => Promise<void>,
): Promise<Settlement | undefined> {
  await lake.write(keys.consolidationPart(result.index, result.size), jsonBytes(result));
  for (let attempt = 1; ; attempt++) {
    const [storedManifest, storedCheckpoint] = await Promise.all([
      lake.open(keys.manifest),
      lake.open(keys.consolidated),
    ]);
    const results = await allResults(lake, result);
    if (!results) return undefined;
    const merged = mergeShardResults(base.checkpoint, results);
    const reports = results.map(({ report }) => report);
    await beforeCommit(merged, reports);
    try {
      const written = await put(lake, merged, { storedManifest, storedCheckpoint });
      return { ...merged, written, reports };
    } catch (error) {
      if (!isNamed(error, 'Lake.Conflict') || attempt === TRIES) throw error;
    }
  }
}

/** Removes the parts, those of runs that never came to their end too. */
export async function removeShardResults(lake: Lake): Promise<void> {
  const results = await listAll(lake, keys.consolidationParts);
  await lake.remove(results.map(({ key }) => key));
}

async function put(
  lake: Lake,
  { manifest, checkpoint }: MergedState,
  base: Omit<Base, 'checkpoint'>,
): Promise<boolean> {
  const written = await replace(lake, keys.manifest, manifestBytes(manifest), base.storedManifest);
  await replace(lake, keys.consolidated, checkpointBytes(checkpoint), base.storedCheckpoint);
  return written;
}

async function allResults(lake: Lake, { size, view }: ShardResult): Promise<ShardResult[] | undefined> {
  const wanted = Array.from({ length: size }, (_, index) => keys.consolidationPart(index, size));
  const there = new Set((await listAll(lake, keys.consolidationParts)).map(({ key }) => key));
  if (!wanted.every((key) => there.has(key))) return undefined;
  const results = await Promise.all(wanted.map(async (key) => jsonIn<ShardResult>(key, await lake.read(key))));
  return results.every((result) => result?.view === view) ? (results as ShardResult[]) : undefined;
}
