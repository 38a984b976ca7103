import { dateOf } from '../../calendar/dates.ts';
import type { Ingest } from '../ingest.ts';
import type { ConsolidationCheckpoint } from './checkpoint.ts';
import type { Inventory } from './inventory.ts';

export interface NextInput {
  checkpoint: ConsolidationCheckpoint;
  held: readonly { date: string; etag: string }[];
  ingests: ReadonlyMap<string, Ingest>;
  inventory: Pick<Inventory, 'digests'>;
  run: {
    done: ReadonlySet<string>;
    owed: ReadonlyMap<string, ReadonlySet<string>>;
    outside: { entries(): [day: number, digest: string][] };
  };
  /** Sessions that could not be read. */
  skipped: ReadonlySet<string>;
  /** Whether every row from outside the sessions was seen, so that the old list is of no more use. */
  afresh: boolean;
  /** Whether only some symbols were merged: then nothing is marked as done for the others. */
  limited: boolean;
}

const WITHDRAWN = '0'.repeat(16);

/** Pure: the checkpoint after a run. */
export function nextCheckpoint(input: NextInput): ConsolidationCheckpoint {
  const { checkpoint, run, limited, skipped } = input;
  const outside = new Map(Object.entries(input.afresh ? {} : checkpoint.outside));
  for (const [day, digest] of run.outside.entries()) {
    const date = dateOf(day);
    const before = outside.get(date);
    // A partial run sees some rows of the date only, so what it saw is laid upon what was known.
    outside.set(date, before === undefined || before === digest ? digest : chained(before, digest));
  }
  const failed = new Map(Object.entries(checkpoint.failed).filter(([symbol]) => !run.done.has(symbol)));
  for (const [symbol, dates] of run.owed) {
    failed.set(symbol, [...new Set([...(failed.get(symbol) ?? []), ...dates])].sort());
  }
  const done = limited ? checkpoint : { sessions: sessionsDone(input), dateFiles: input.inventory.digests };
  // A session that is held no longer leaves its rows behind, and nothing but this list says so.
  for (const date of Object.keys(checkpoint.sessions)) {
    if (!done.sessions[date] && !skipped.has(date) && !outside.has(date)) outside.set(date, WITHDRAWN);
  }
  return {
    sessions: done.sessions,
    dateFiles: done.dateFiles,
    outside: Object.fromEntries(outside),
    failed: Object.fromEntries(failed),
  };
}

function sessionsDone({ held, ingests, checkpoint, skipped }: NextInput): ConsolidationCheckpoint['sessions'] {
  const sessions: ConsolidationCheckpoint['sessions'] = {};
  for (const { date, etag } of held) {
    const checksum = ingests.get(date)?.checksum ?? checkpoint.sessions[date]?.checksum;
    if (checksum !== undefined && !skipped.has(date)) sessions[date] = { etag, checksum };
  }
  return sessions;
}

function chained(before: string, now: string): string {
  const mixed = (BigInt(`0x${before}`) * 31n + BigInt(`0x${now}`)) & 0xffff_ffff_ffff_ffffn;
  return mixed.toString(16).padStart(16, '0');
}
