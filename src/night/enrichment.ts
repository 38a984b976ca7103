import type { BulkShort, Ending } from '../checks/enrichment.ts';
import type { Enriched, EnrichedRows } from '../warehouse/enrichment.ts';
import type { AskedVendor } from './ask-chunk.ts';
import type { SyncPage } from './reference-source.ts';

/** Every symbol of a vendor in one or a few answers, where the plan has it. */
export interface BulkSource<R> {
  vendor: string;
  /** Symbols due from which on one large answer is better than many small ones. */
  from: number;
  /** True when a symbol in it needs no other vendor; else the others are still asked for it symbol by symbol. */
  settles: boolean;
  part(number: number, universe: readonly string[]): Promise<BulkPart<R>>;
}

export interface BulkPart<R> {
  items: Enriched<R>[];
  /** Symbols it has a row of; only these count as asked. */
  symbols: string[];
  practice: boolean;
  last: boolean;
}

/** What one enrichment brings to the loop they share. */
export interface EnrichmentSource<R> {
  task: string;
  dataset: string;
  /** Whom it is about, those to be asked for first in front. */
  universe(): Promise<string[]>;
  /** What to do when that is nobody. */
  nobody: string;
  /** Age in hours at which a value is asked for again. */
  refreshHours: number;
  /** Symbols a night. */
  budget: number;
  concurrency: number;
  /** By name. A vendor without a key is not among them. */
  vendors: Readonly<Record<string, AskedVendor>>;
  merge(symbol: string, parts: Readonly<Record<string, unknown>>): R;
  bulk?: BulkSource<R> | undefined;
  store(items: readonly Enriched<R>[], at: string): Promise<EnrichedRows>;
}

export interface EnrichmentRequest {
  runId: string;
  /** The session that was current when the run was opened, whatever session it is for. */
  session: string;
  /** ISO instant at which the run was opened. */
  openedAt: string;
  /** Vendors that an earlier state found down, with the reason. */
  vendorDown: Readonly<Record<string, string>>;
}

/** One call's outcome; the state machine goes round until `done`. */
export type EnrichmentPage = SyncPage;

/** Where a sync stands, saved after the rows of every chunk. */
export interface Progress {
  session: string;
  runId: string;
  /** The instant every attempt of this sync carries; it began then, maybe in an earlier run. */
  startedAt: string;
  queue: string[];
  endings: Partial<Record<Ending, number>>;
  new: number;
  changed: number;
  kept: number;
  chunks: number;
  first?: string;
  down: Record<string, string>;
  /** Times in a row that a vendor had to be left alone. */
  strikes: Record<string, number>;
  /** Next part of the bulk answer; absent when there is none to ask for, or no more. */
  bulkPart?: number;
  /** Symbols of the queue that were in the bulk answer: its vendor is not asked for them again. */
  inBulk?: string[];
  /** What a bulk answer that was not whole leaves to later nights. */
  bulkShort?: BulkShort;
}
