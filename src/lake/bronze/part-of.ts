import { createHash } from 'node:crypto';
import type { Ingest } from '../ingest.ts';
import type { JobError } from '../job-summary.ts';
import type { ConsolidateOptions } from './consolidate-summary.ts';
import { digestsOf, type Inventory } from './inventory.ts';
import type { Manifest } from './manifest.ts';
import type { Part } from './part.ts';
import type { Expired } from './retention.ts';
import type { Base } from './settle.ts';
import { isOfShard } from './shard.ts';

export interface PartInput {
  base: Base;
  held: readonly { date: string; etag: string }[];
  ingests: ReadonlyMap<string, Ingest>;
  inventory: Pick<Inventory, 'dateFiles'>;
  run: {
    done: ReadonlySet<string>;
    owed: ReadonlyMap<string, ReadonlySet<string>>;
    outside: { entries(): [day: number, digest: string][] };
    counts: Part['report']['counts'];
  };
  /** After the run, of all symbols. */
  manifest: Manifest;
  expired: Expired[];
  /** Sessions that could not be read. */
  skipped: readonly string[];
  errors: readonly JobError[];
  options: ConsolidateOptions;
}

/** Pure: what a run says of its symbols. */
export function partOf(input: PartInput): Part {
  const { base, run, options } = input;
  const { shard = { index: 0, size: 1, submission: '' }, mode } = options;
  const mine = (symbol: string) => isOfShard(symbol, shard);
  const limited = options.symbols !== undefined;
  const failed = Object.entries(base.checkpoint.failed).filter(([symbol]) => mine(symbol) && !run.done.has(symbol));
  const lacking = new Map(failed);
  for (const [symbol, dates] of run.owed) {
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

function viewOf({ base, held, options }: PartInput): string {
  const { mode, symbols, shard } = options;
  return createHash('sha256')
    .update(base.storedCheckpoint?.bytes ?? '')
    .update(JSON.stringify([mode, symbols, shard?.size, shard?.submission, held]))
    .digest('hex');
}

function sessionsDone({ held, ingests, base, skipped }: PartInput): Part['sessions'] {
  const left = new Set(skipped);
  const sessions: Part['sessions'] = {};
  for (const { date, etag } of held) {
    const checksum = ingests.get(date)?.checksum ?? base.checkpoint.sessions[date]?.checksum;
    if (checksum !== undefined && !left.has(date)) sessions[date] = { etag, checksum };
  }
  return sessions;
}
