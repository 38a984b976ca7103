import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { KnownRow, SyncPlan } from '../checks/sync-plan.ts';
import { applyPlan, readKnown } from '../tables/reference-table.ts';
import { FIELDS } from './reference-datasets.ts';

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
  /** What the reader of the night's report is told of a good sync. */
  notes?: string[];
}

/** Where a reference dataset lives: what is known of it, and the writing of a plan. Repeating either is harmless. */
export interface Sink<T> {
  known(): Promise<ReadonlyMap<string, KnownRow>>;
  /** `records` is the whole list that the plan was made of. */
  apply(plan: SyncPlan<T>, run: SinkRun, records: readonly T[]): Promise<SinkResult>;
}

/** A DynamoDB table with one item a symbol; what left becomes inactive. */
export function tableSink<T extends object>(client: DynamoDBDocumentClient, table: string, dataset: string): Sink<T> {
  const fields = Object.keys(FIELDS[dataset]!);
  return {
    known: () => readKnown(client, table),
    apply: (plan, { openedAt }) => applyPlan(client, table, plan, { at: openedAt, fields }),
  };
}
