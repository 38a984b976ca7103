import { overBudget } from '../checks/change-budget.ts';
import { planSync } from '../checks/sync-plan.ts';
import { NamedError } from '../errors.ts';
import { keys } from '../lake/keys.ts';
import { listAll, readJson, writeIfChanged } from '../lake/lake.ts';
import { encodeRows } from '../lake/parquet.ts';
import type { Rejected } from '../records/rejected.ts';
import type { Cursor } from '../tables/runs.ts';
import { quarantineLines, replaceQuarantine } from './quarantine.ts';
import { columnName, FIELDS, snapshotColumns } from './reference-datasets.ts';
import {
  type ReferenceSource,
  type StagedPage,
  type SyncPage,
  type SyncRequest,
  syncOutcome,
} from './reference-source.ts';
import type { Stores } from './stores.ts';

/**
 * The last step of a sync: the staged pages as one list, compared with what is stored, checked, and the difference
 * written: sink, snapshot, quarantine, and the record of the complete sync last.
 */
export async function publishList<T extends object>(
  source: ReferenceSource<T>,
  request: SyncRequest,
  cursor: Cursor,
  stores: Pick<Stores, 'lake' | 'runs'>,
): Promise<SyncPage> {
  const { lake, runs } = stores;
  const { dataset, sink } = source;
  const { session, openedAt } = request;
  const { records, rejected } = await stagedRows(source, cursor, stores);
  const plan = planSync(await sink.known(), records, source.keyOf);
  const reasons = overBudget(dataset, {
    before: plan.before,
    seen: records.length,
    vanished: plan.vanished.length,
    rejected: rejected.length,
  });
  const counts = { rows: records.length, rejected: rejected.length, waitSeconds: 0 };
  if (reasons.length > 0) {
    await runs.dropCursor(dataset);
    return syncOutcome(source, cursor, { ...counts, done: true, status: 'held', reasons });
  }
  const { failed, ...written } = await sink.apply(plan, request);
  for (const [key, bytes] of (source.files ?? snapshotFile)(records, { dataset, session }))
    await writeIfChanged(lake, key, bytes);
  await replaceQuarantine(lake, session, dataset, quarantineLines(dataset, session, rejected));
  if (failed.length > 0) {
    // The pages stay staged and the cursor stays here, so that the next run writes what is missing.
    const reason = `${dataset}: ${failed.length} items were not written, first ${failed[0]!.key}: ${failed[0]!.reason}`;
    return syncOutcome(source, cursor, { ...counts, ...written, done: true, status: 'partial', reasons: [reason] });
  }
  const { page: pages, syncId } = cursor;
  await runs.saveLastSync(dataset, { lastSyncTimestamp: openedAt, pages, rows: records.length, syncId });
  await runs.dropCursor(dataset);
  await lake.remove((await listAll(lake, keys.stagedPages(dataset, cursor.syncId))).map((entry) => entry.key));
  return syncOutcome(source, cursor, { ...counts, ...written, done: true });
}

/** All staged pages as one list by key; what two pages name is kept once, the second is said. */
async function stagedRows<T extends object>(
  { dataset, keyOf }: ReferenceSource<T>,
  cursor: Cursor,
  { lake }: Pick<Stores, 'lake'>,
): Promise<StagedPage<T>> {
  const byKey = new Map<string, T>();
  const rejected: Rejected[] = [];
  for (let page = 1; page <= cursor.page; page += 1) {
    const key = keys.stagedPage(dataset, cursor.syncId, page);
    const staged = await readJson<StagedPage<T>>(lake, key);
    // A list with a page missing would make its symbols vanish.
    if (!staged) throw new NamedError('Lake.Corrupt', { what: `${key} is gone`, wanted: 'every page of the list' });
    rejected.push(...staged.rejected);
    for (const record of staged.records) {
      const name = keyOf(record);
      if (!byKey.has(name)) byKey.set(name, record);
      else rejected.push({ symbol: name, reason: 'duplicate row', row: record });
    }
  }
  const records = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
  return { records, rejected };
}

function snapshotFile(
  records: readonly object[],
  { dataset, session }: { dataset: string; session: string },
): [string, Uint8Array][] {
  const fields = ['symbol', ...Object.keys(FIELDS[dataset]!)];
  const rows = (records as Record<string, unknown>[]).map((values) =>
    Object.fromEntries(fields.map((field) => [columnName(field), cell(values[field])])),
  );
  return [[keys.snapshot(dataset, session), encodeRows(snapshotColumns(dataset), rows)]];
}

function cell(value: unknown): unknown {
  return Array.isArray(value) ? value.join(',') : (value ?? null);
}
