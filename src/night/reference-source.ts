import type { Budget } from '../checks/change-budget.ts';
import type { Listed } from '../checks/symbol-history.ts';
import type { Parsed } from '../records/rejected.ts';
import type { Cursor } from '../tables/runs.ts';
import type { VendorPage } from '../vendors/pages.ts';
import type { TaskStatus } from './night.ts';
import type { Sink, SinkRun } from './sink.ts';

/** What one reference dataset brings to the loop all of them share. */
export interface ReferenceSource<T extends object> {
  task: string;
  dataset: string;
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
  settle?: (records: readonly T[]) => Parsed<T>;
  sink: Sink<T>;
  /** Fields that a diff shows and whose flips are counted; those of FIELDS unless given. */
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
  /** What a published list leaves in the lake, as [key, bytes]; the dated snapshot of FIELDS unless given. */
  files?: (records: readonly T[], of: { dataset: string; session: string }) => [key: string, bytes: Uint8Array][];
}

/** Movement that is no surprise: the limits it may reach, and how the report names it. */
export interface AnnouncedEvent {
  name: string;
  budget: Partial<Budget>;
}

export interface SyncRequest extends SinkRun {
  /** The session a list shows that is fetched now; `session` is the one the run is for. */
  listSession: string;
  /** The run whose held list is published now, after a look. */
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
  /** What a reader is told of a good sync. */
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
