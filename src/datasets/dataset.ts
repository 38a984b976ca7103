import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Budget } from '../checks/change-budget.ts';
import type { StoredRow, SyncPlan } from '../checks/diff.ts';
import type { AttemptOutcome, BulkShort, Refusal } from '../checks/enrichment-outcomes.ts';
import type { Listed } from '../checks/symbol-history.ts';
import type { Config } from '../config.ts';
import type { Lake } from '../lake/lake.ts';
import type { Column } from '../lake/parquet.ts';
import type { ReasonDetail } from '../records/reason.ts';
import { contentHash, type Parsed, type Reading } from '../records/record.ts';
import type { TaskStatus } from '../records/run.ts';
import type { Call } from '../stores.ts';
import { applyPlan, readStored } from '../tables/reference-table.ts';
import type { Cursor } from '../tables/runs.ts';
import type { VendorPage } from '../vendors/paging.ts';
import type { Warehouse } from '../warehouse/client.ts';
import type { Enriched, EnrichedRows } from '../warehouse/enrichment.ts';
import { type Fields, readNewestList, recordsOf } from './snapshots.ts';

/** The vendors of datasets: the setting that each needs, and what is said where it is missing. */
export const VENDORS = {
  polygon: { needs: 'POLYGON_SECRET_ARN', missing: 'POLYGON_API_KEY is not set' },
  alpaca: { needs: 'ALPACA_SECRET_ARN', missing: 'ALPACA_API_KEY_ID and ALPACA_API_SECRET_KEY are not set' },
  fmp: { needs: 'FMP_SECRET_ARN', missing: 'FMP_API_KEY is not set' },
  ishares: { needs: 'INDEX_MEMBERS_URI', missing: 'INDEX_MEMBERS_URI is not set' },
} as const;
export type VendorName = keyof typeof VENDORS;

type Needs = (typeof VENDORS)[VendorName]['needs'];
type SecretSetting = Extract<Needs, `${string}_SECRET_ARN`>;

/** The secrets a function that asks these vendors may open: name → the setting that holds the ARN. */
export function secretsOf(vendors: readonly VendorName[]): Record<string, SecretSetting> {
  const isSecret = (needs: Needs): needs is SecretSetting => needs.endsWith('_SECRET_ARN');
  const secrets = vendors.map((name) => [name, VENDORS[name].needs] as const);
  return Object.fromEntries(secrets.flatMap(([name, needs]) => (isSecret(needs) ? [[name, needs]] : [])));
}

/** Why a vendor is not asked, by name: what it needs is not set. */
export function missingNeeds(config: Config): Record<string, string> {
  return Object.fromEntries(
    Object.entries(VENDORS).flatMap(([name, { needs, missing }]) => (config[needs] ? [] : [[name, missing]])),
  );
}

/** What a dataset is called. */
interface DatasetFacts {
  /** As in lake keys, reports and messages: `index_members`. */
  name: string;
  /** Its function and its rows in sync_logs: `sync-index-members`. */
  task: string;
}

/**
 * A reference list: fetched page by page, staged, checked against its change budget as a whole, and published as a dated
 * snapshot. One object a list; `registry.ts` names them all, and everything that goes through the lists is derived there.
 */
export interface ListDataset<T extends object> extends DatasetFacts {
  vendor: VendorName;
  /** Lists of one round are fetched side by side, one lane a vendor; a round begins when the one before has ended. */
  round: number;
  /** Columns of its snapshots after `symbol`. */
  fields: Fields;
  /** Says who a record is, where symbols pass from one security to another: their history is kept then. */
  identity?: (record: T) => Listed;
  /** The view of `query`: the newest snapshot under the dataset's own name, unless given. */
  view?: { name: string; every: true; columns: readonly Column[] };
  /** What of it lies in the warehouse, for `verify`. */
  stored?: StoredList;
  source(request: SyncRequest, call: Call): OpenList<T>;
}

/** What of a source is known only when it is asked for: the rest stands in its dataset. */
export type OpenList<T extends object> = Omit<ReferenceSource<T>, 'task' | 'dataset' | 'fields' | 'identity'>;

export function sourceOf<T extends object>(
  list: Omit<ListDataset<T>, 'source'>,
  open: OpenList<T>,
): ReferenceSource<T> {
  const { task, name: dataset, fields, identity } = list;
  return { task, dataset, fields, ...(identity && { identity }), ...open };
}

/** Of what a vendor changed, took back or counts otherwise so many are named. */
export const NAMED = 20;

/** Pure: the first notes, and how many more there are: `3 more were corrected`. */
export function shortened(notes: readonly string[], rest: string): string[] {
  const more = notes.length - NAMED;
  return more > 0 ? [...notes.slice(0, NAMED), `${more} ${rest}`] : [...notes];
}

/** A list as the registry knows it, whatever its records are. */
export type AnyList = Omit<ListDataset<object>, 'source' | 'identity'> & { identity?: unknown };

/** A table of the warehouse that the snapshots have everything for: what it lacks, and how it comes back. */
export interface StoredList {
  check(lake: Lake, warehouse: Warehouse): Promise<{ counted: string; problems: string[] }>;
  /** Rows written. Stopped anywhere, it is done again. */
  load(lake: Lake, warehouse: Warehouse): Promise<number>;
}

/** What is asked for symbol by symbol, after prices; the key of one of its vendors is enough. */
export interface EnrichmentDataset<R> extends DatasetFacts {
  vendors: readonly VendorName[];
  source(call: Call): Omit<EnrichmentSource<R>, 'task' | 'dataset'>;
}

/** What one reference dataset brings to the loop all of them share. */
export interface ReferenceSource<T extends object> {
  task: string;
  dataset: string;
  /** Columns of its snapshots after `symbol`. */
  fields: Fields;
  /** Lists read one after another, e.g. the markets of Polygon's tickers. */
  partitions: readonly string[];
  pages: (
    partition: string,
    from: { cursor?: string; startPage: number; seenCursors: string[] },
  ) => AsyncIterable<VendorPage>;
  parse: (rows: unknown[]) => Parsed<T> | Promise<Parsed<T>>;
  /** What makes two records the same thing; a list has one record a key. */
  keyOf: (record: T) => string;
  /** What only the whole list shows, such as a row that another page repeats. */
  checkWhole?: (records: readonly T[]) => Parsed<T>;
  sink: Sink<T>;
  /** Fields that a diff shows and whose flips are counted; all of `fields` unless given. */
  watched?: readonly string[];
  /** Limits of the change budget other than REFERENCE_BUDGET's. */
  budget?: Partial<Budget>;
  /** An announced event that explains more movement than `budget` allows, for a list of these records. */
  event?: (records: readonly T[]) => Promise<AnnouncedEvent | undefined>;
  /** Says who a record is, where symbols pass from one security to another: their history is kept then. */
  identity?: (record: T) => Listed;
  /** N-session bars follow from the list: splits, and who carries a symbol. */
  barsFollow?: boolean;
  /** What is asked for, where settings decide it; the partitions unless given. */
  selection?: string;
  /** What a published list leaves in the lake, as [key, bytes]; the dated snapshot of `fields` unless given. */
  files?: (
    records: readonly T[],
    of: { dataset: string; fields: Fields; session: string },
  ) => [key: string, bytes: Uint8Array][];
}

/** Movement that is no surprise: the limits it may reach, and how the report names it. */
export interface AnnouncedEvent {
  name: string;
  budget: Partial<Budget>;
}

export interface SyncRequest extends SinkRun {
  /** The session a list shows that is fetched now; `session` is the one the run is for. */
  listSession: string;
  /** The run whose withheld list is published now, once reviewed. */
  release?: string | null;
}

/** One call's outcome; the state machine goes round until `done`. */
export interface SyncPage {
  task: string;
  dataset: string;
  done: boolean;
  status: TaskStatus;
  pages: number;
  rows: number;
  rejected: number;
  new: number;
  changed: number;
  /** Seconds to leave the vendor alone before its next call. */
  waitSeconds: number;
  reasons: string[];
  /** What each of them is about. */
  reasonDetails?: ReasonDetail[] | undefined;
  /** Notes for the reader of a good sync. */
  notes?: string[];
  /** Of a list that bars follow from: the N-session bars do not follow what is stored now; the machine resamples in this very run. */
  resample?: boolean;
  /** Rows that could not be written, at most 50. */
  failed?: { symbol: string; reason: string }[];
}

/** One page as it lies in staging. */
export interface StagedPage<T> extends Parsed<T> {}

/** A call's outcome as its cursor has it, with what this call alone knows. */
export function syncOutcome(
  { task, dataset }: Pick<ReferenceSource<object>, 'task' | 'dataset'>,
  { page, rows, rejected }: Cursor,
  more: Partial<SyncPage>,
): SyncPage {
  return {
    task,
    dataset,
    done: false,
    status: 'success',
    pages: page,
    rows,
    rejected,
    new: 0,
    changed: 0,
    waitSeconds: 0,
    reasons: [],
    ...more,
  };
}

/** The run that writes: `openedAt` (ISO) is when its values were asked for, `session` the day they are of. */
export interface SinkRun {
  runId: string;
  session: string;
  openedAt: string;
}

export interface SinkResult {
  new: number;
  /** Rows with other values, and rows that left. */
  changed: number;
  /** What was not written and is tried again by the next run. */
  failed: { key: string; reason: string }[];
  /** Notes for the reader of the night's report on a good sync. */
  notes?: string[];
}

/** Where a reference dataset lives: what is known of it, and the writing of a plan. Repeating either is harmless. */
export interface Sink<T> {
  known(): Promise<ReadonlyMap<string, StoredRow>>;
  /** `records` is the whole list that the plan was made of. */
  apply(plan: SyncPlan<T>, run: SinkRun, records: readonly T[]): Promise<SinkResult>;
}

/** A DynamoDB table with one item a symbol; what left becomes inactive. */
export function tableSink<T extends object>(client: DynamoDBDocumentClient, table: string, of: Fields): Sink<T> {
  const fields = Object.keys(of);
  return {
    known: () => readStored(client, table),
    apply: (plan, { openedAt }) => applyPlan(client, table, plan, { at: openedAt, fields }),
  };
}

/**
 * The lake alone: what is known is the newest snapshot, and publishing the next one is all there is to write. For records
 * of single values: a snapshot keeps a list of values as one text, which would look changed every night.
 */
export function lakeSink<T extends object>(lake: Lake, dataset: string, fields: Fields): Sink<T> {
  return {
    known: async () => {
      const records = recordsOf(await readNewestList(lake, dataset), fields);
      return new Map(
        records.map((values) => {
          const key = String(values.symbol);
          return [key, { key, contentHash: contentHash(values), active: true, values }];
        }),
      );
    },
    apply: async ({ added, changed, vanished }) => ({
      new: added.length,
      changed: changed.length + vanished.length,
      failed: [],
    }),
  };
}

/** Every symbol of a vendor in one or a few answers, where the plan has it. */
export interface BulkSource<R> {
  vendor: string;
  /** Symbols due from which on one large answer is better than many small ones. */
  from: number;
  /** True when a symbol in it needs no other vendor; else the others are still asked for it symbol by symbol. */
  isComplete: boolean;
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
  endings: Partial<Record<AttemptOutcome, number>>;
  new: number;
  changed: number;
  kept: number;
  chunks: number;
  first?: string;
  down: Record<string, Refusal>;
  /** Times in a row that a vendor had to be left alone. */
  consecutiveFailures: Record<string, number>;
  /** Next part of the bulk answer; absent when there is none to ask for, or no more. */
  bulkPart?: number;
  /** Symbols of the queue that were in the bulk answer: its vendor is not asked for them again. */
  inBulk?: string[];
  /** What a bulk answer that was not whole leaves to later nights. */
  bulkShort?: BulkShort;
}
/** What one vendor knows of a symbol, with the mark of practice data. */
export interface VendorResponse {
  reading: Reading<unknown>;
  practice: boolean;
}

export interface AskedVendor {
  /** 0 = unlimited. */
  callsPerMinute: number;
  ask(symbol: string, call: { signal?: AbortSignal }): Promise<VendorResponse>;
}
