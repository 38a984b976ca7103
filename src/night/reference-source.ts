import type { Parsed, Rejected } from '../records/rejected.ts';
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
  sink: Sink<T>;
  /** What a published list leaves in the lake, as [key, bytes]; the dated snapshot of FIELDS unless given. */
  files?: (records: readonly T[], of: { dataset: string; session: string }) => [key: string, bytes: Uint8Array][];
}

export type SyncRequest = SinkRun;

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
}

/** One page as it lies in staging. */
export interface StagedPage<T> {
  records: T[];
  rejected: Rejected[];
}

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
