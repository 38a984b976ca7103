import type { Logger } from '@aws-lambda-powertools/logger';
import { overBudget } from '../checks/change-budget.ts';
import { isNamed, NamedError } from '../errors.ts';
import { keys } from '../lake/keys.ts';
import { jsonBytes, listAll, readJson, writeIfChanged } from '../lake/lake.ts';
import { encodeRows } from '../lake/parquet.ts';
import { claimLake } from '../lake/stamp.ts';
import { contentHash } from '../records/content-hash.ts';
import type { Parsed, Rejected } from '../records/rejected.ts';
import { applyPlan, type Change, planTable, readKnown } from '../tables/reference-table.ts';
import type { Cursor } from '../tables/runs.ts';
import type { VendorPage } from '../vendors/pages.ts';
import type { TaskStatus } from './night.ts';
import { quarantineLines, replaceQuarantine } from './quarantine.ts';
import { columnName, FIELDS, snapshotColumns } from './reference-datasets.ts';
import type { Stores } from './stores.ts';

interface Named {
  symbol: string;
}

/** What one reference dataset brings to the loop all of them share. */
export interface ReferenceSource<T extends Named> {
  task: string;
  dataset: string;
  table: string;
  /** Lists read one after another, e.g. the markets of Polygon's tickers. */
  partitions: readonly string[];
  pages: (
    partition: string,
    from: { cursor?: string; startPage: number; seenCursors: string[] },
  ) => AsyncIterable<VendorPage>;
  parse: (rows: unknown[]) => Parsed<T>;
}

export interface SyncRequest {
  runId: string;
  session: string;
  /** ISO instant at which the run was opened. */
  openedAt: string;
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
}

interface StagedPage<T> {
  records: T[];
  rejected: Rejected[];
}

/**
 * One step of a reference sync: the next page is fetched, staged, and only then is the cursor moved; after the
 * last page the whole list is checked and the difference published. A run killed anywhere goes on where it was.
 */
export async function syncPage<T extends Named>(
  source: ReferenceSource<T>,
  request: SyncRequest,
  stores: Stores,
  log?: Pick<Logger, 'info'>,
): Promise<SyncPage> {
  const cursor = await resume(source, request, stores);
  try {
    if (cursor.phase === 'publish') return await publish(source, request, cursor, stores);
    return await fetchPage(source, request, cursor, stores, log);
  } catch (error) {
    // A cursor that leads nowhere must not be asked again: the next run starts the list anew.
    if (isNamed(error, 'Pagination.CursorLoop', 'Pagination.CursorExpired', 'Lake.Corrupt'))
      await stores.runs.dropCursor(source.dataset);
    throw error;
  }
}

async function resume<T extends Named>(
  source: ReferenceSource<T>,
  { runId, session }: SyncRequest,
  { runs }: Stores,
): Promise<Cursor> {
  const saved = await runs.cursor(source.dataset);
  // A list begun for another session is of another day; its pages do not mix with today's.
  if (saved?.session === session) return saved;
  return { syncId: runId, session, phase: 'fetch', partition: 0, page: 0, seen: [], rows: 0, rejected: 0 };
}

async function fetchPage<T extends Named>(
  source: ReferenceSource<T>,
  request: SyncRequest,
  cursor: Cursor,
  { lake, runs }: Stores,
  log?: Pick<Logger, 'info'>,
): Promise<SyncPage> {
  const { dataset, partitions } = source;
  const from = { cursor: cursor.next, startPage: cursor.page + 1, seenCursors: cursor.seen };
  const page = await first(source.pages(partitions[cursor.partition]!, from));
  await claimLake(lake, page.practice ? 'practice' : 'real');
  const { records, rejected } = source.parse(page.rows);
  const number = cursor.page + 1;
  await lake.write(keys.stagedPage(dataset, cursor.syncId, number), jsonBytes({ records, rejected }));
  const partition = page.cursor === undefined ? cursor.partition + 1 : cursor.partition;
  const moved: Cursor = {
    ...cursor,
    partition,
    page: number,
    next: page.cursor,
    seen: cursor.next === undefined ? cursor.seen : [...cursor.seen, cursor.next],
    phase: partition === partitions.length ? 'publish' : 'fetch',
    rows: cursor.rows + records.length,
    rejected: cursor.rejected + rejected.length,
  };
  await runs.saveCursor(dataset, moved, request.openedAt);
  log?.info('page', { dataset, page: number, rows: records.length, total: moved.rows });
  return outcome(source, moved, { waitSeconds: page.waitSeconds });
}

async function publish<T extends Named>(
  source: ReferenceSource<T>,
  { session, openedAt }: SyncRequest,
  cursor: Cursor,
  stores: Stores,
): Promise<SyncPage> {
  const { lake, tables, runs } = stores;
  const { dataset, table } = source;
  const { records, rejected } = await stagedRows<T>(source, cursor, stores);
  const fields = Object.keys(FIELDS[dataset]!);
  const changes = records.map((record) => toChange(record, fields));
  const known = await readKnown(tables, table);
  const plan = planTable(known, changes);
  const before = [...known.values()].filter((item) => item.status === 'active').length;
  const reasons = overBudget(dataset, {
    before,
    seen: records.length,
    vanished: plan.vanished.length,
    rejected: rejected.length,
  });
  const counts = { rows: records.length, rejected: rejected.length, waitSeconds: 0 };
  if (reasons.length > 0) {
    await runs.dropCursor(dataset);
    return outcome(source, cursor, { ...counts, done: true, status: 'held', reasons });
  }
  const { failed } = await applyPlan(tables, table, plan, openedAt);
  await writeIfChanged(lake, keys.snapshot(dataset, session), snapshot(dataset, records));
  await replaceQuarantine(lake, session, dataset, quarantineLines(dataset, session, rejected));
  const lost = new Set(failed.map(({ symbol }) => symbol));
  const isWritten = ({ symbol }: Named) => !lost.has(symbol);
  const gone = plan.vanished.filter((symbol) => !lost.has(symbol)).length;
  const written = { new: plan.added.filter(isWritten).length, changed: plan.changed.filter(isWritten).length + gone };
  if (failed.length > 0) {
    // The pages stay staged and the cursor stays here, so that the next run writes what is missing.
    const reason = `${dataset}: ${failed.length} items were not written, first ${failed[0]!.symbol}: ${failed[0]!.reason}`;
    return outcome(source, cursor, { ...counts, ...written, done: true, status: 'partial', reasons: [reason] });
  }
  const { page: pages, syncId } = cursor;
  await runs.saveLastSync(dataset, { lastSyncTimestamp: openedAt, pages, rows: records.length, syncId });
  await runs.dropCursor(dataset);
  await lake.remove((await listAll(lake, keys.stagedPages(dataset, cursor.syncId))).map((entry) => entry.key));
  return outcome(source, cursor, { ...counts, ...written, done: true });
}

/** All staged pages as one list by symbol; a symbol that two lists name is kept once, the second is said. */
async function stagedRows<T extends Named>(
  source: ReferenceSource<T>,
  cursor: Cursor,
  { lake }: Stores,
): Promise<StagedPage<T>> {
  const bySymbol = new Map<string, T>();
  const rejected: Rejected[] = [];
  for (let page = 1; page <= cursor.page; page += 1) {
    const key = keys.stagedPage(source.dataset, cursor.syncId, page);
    const staged = await readJson<StagedPage<T>>(lake, key);
    // A list with a page missing would make its symbols vanish.
    if (!staged) throw new NamedError('Lake.Corrupt', { what: `${key} is gone`, wanted: 'every page of the list' });
    rejected.push(...staged.rejected);
    for (const record of staged.records) {
      if (!bySymbol.has(record.symbol)) bySymbol.set(record.symbol, record);
      else rejected.push({ symbol: record.symbol, reason: 'duplicate row', row: record });
    }
  }
  const records = [...bySymbol.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  return { records, rejected };
}

function toChange<T extends Named>(record: T, fields: readonly string[]): Change {
  const values = record as unknown as Record<string, unknown>;
  const full = { symbol: record.symbol, ...Object.fromEntries(fields.map((field) => [field, values[field]])) };
  return { symbol: record.symbol, record: full, contentHash: contentHash(record) };
}

function snapshot(dataset: string, records: readonly Named[]): Uint8Array {
  const fields = Object.keys(FIELDS[dataset]!);
  const rows = records.map((record) => {
    const values = record as unknown as Record<string, unknown>;
    const cells = fields.map((field) => [columnName(field), cell(values[field])]);
    return { symbol: record.symbol, ...Object.fromEntries(cells) };
  });
  return encodeRows(snapshotColumns(dataset), rows);
}

function cell(value: unknown): unknown {
  return Array.isArray(value) ? value.join(',') : (value ?? null);
}

function outcome<T extends Named>(source: ReferenceSource<T>, cursor: Cursor, more: Partial<SyncPage>): SyncPage {
  return {
    task: source.task,
    dataset: source.dataset,
    done: false,
    status: 'success',
    pages: cursor.page,
    rows: cursor.rows,
    rejected: cursor.rejected,
    new: 0,
    changed: 0,
    waitSeconds: 0,
    reasons: [],
    ...more,
  };
}

async function first(pages: AsyncIterable<VendorPage>): Promise<VendorPage> {
  for await (const page of pages) return page;
  throw new Error('a list of pages has at least one page');
}
