import { BAND_SYNCS, overBudget } from '../checks/change-budget.ts';
import { diffOf, movementOf, type SyncDiff } from '../checks/sync-diff.ts';
import { planSync, type SyncPlan } from '../checks/sync-plan.ts';
import { NamedError } from '../errors.ts';
import { keys } from '../lake/keys.ts';
import { type Lake, listAll, readJson, writeIfChanged } from '../lake/lake.ts';
import { encodeRows } from '../lake/parquet.ts';
import { isTicking } from '../records/content-hash.ts';
import type { Rejected } from '../records/rejected.ts';
import type { Cursor, LastSync } from '../tables/runs.ts';
import { endHeld, heldKey, holdList } from './held-list.ts';
import { quarantineLines, replaceQuarantine } from './quarantine.ts';
import { recordHistory } from './record-history.ts';
import { columnName, FIELDS, snapshotColumns } from './reference-datasets.ts';
import {
  type ReferenceSource,
  type StagedPage,
  type SyncPage,
  type SyncRequest,
  syncOutcome,
} from './reference-source.ts';
import type { Stores } from './stores.ts';

/** Rows that were not written are named, but a result has an end. */
const NAMED = 50;
/** Of rows that would come, go or change, so many are named in the reasons; all of them lie in the lake. */
const EXAMPLES = 5;

type Rooms = Pick<Stores, 'lake' | 'runs' | 'warehouse'>;

/**
 * The last step of a sync: the staged pages as one list, compared with what is stored and checked. Over budget it is
 * set aside with its diff; else the difference is written: sink, snapshot, quarantine, history, and the record of the
 * complete sync last.
 * @param checked false after a person has looked
 */
export async function publishList<T extends object>(
  source: ReferenceSource<T>,
  request: SyncRequest,
  cursor: Cursor,
  rooms: Rooms,
  checked = true,
): Promise<SyncPage> {
  const { lake, runs } = rooms;
  const { dataset, sink } = source;
  const { session, openedAt } = request;
  const { records, rejected, leftOut = [] } = await stagedRows(source, cursor, lake);
  const plan = planSync(await sink.known(), records, source.keyOf);
  const counts = { rows: records.length, rejected: rejected.length, waitSeconds: 0 };
  const last = await runs.lastSync(dataset);
  const reasons = checked ? judge(source, plan, { rejected: rejected.length, last }) : [];
  if (reasons.length > 0) {
    const diff = diffOf(plan, shownFields(source));
    await holdList({ dataset, runId: request.runId, session, openedAt, cursor }, { reasons, diff }, rooms);
    const told = [...reasons, `${dataset}: ${summary(diff)}; all of it: ${heldKey({ session, dataset })}`];
    return syncOutcome(source, cursor, { ...counts, done: true, status: 'held', reasons: told });
  }
  const { new: added, changed, failed, notes = [] } = await sink.apply(plan, request, records);
  const written = { new: added, changed };
  for (const [key, bytes] of (source.files ?? snapshotFile)(records, { dataset, session }))
    await writeIfChanged(lake, key, bytes);
  await replaceQuarantine(lake, session, dataset, quarantineLines(dataset, session, rejected));
  if (failed.length > 0) {
    // The pages stay staged and the cursor stays here, so that the next run writes what is missing.
    const reason = `${dataset}: ${failed.length} items were not written, first ${failed[0]!.key}: ${failed[0]!.reason}`;
    const named = failed.slice(0, NAMED).map(({ key: symbol, reason: why }) => ({ symbol, reason: why.slice(0, 200) }));
    const partial = { ...counts, ...written, done: true, reasons: [reason], failed: named };
    return syncOutcome(source, cursor, { ...partial, status: 'partial' });
  }
  if (source.identity) await recordHistory(dataset, records.map(source.identity), session, rooms);
  await runs.saveLastSync(dataset, lastSync(source, { openedAt, cursor, rows: records.length, last }));
  const held = await runs.heldSync(dataset);
  const as = held?.cursor.syncId === cursor.syncId ? 'released' : 'superseded';
  if (held) await endHeld(held, { by: request.runId, as }, rooms);
  await runs.dropCursor(dataset);
  await lake.remove((await listAll(lake, keys.stagedPages(dataset, cursor.syncId))).map((entry) => entry.key));
  return syncOutcome(source, cursor, { ...counts, ...written, done: true, reasons: leftOut, notes });
}

/** Publishes the list that a run held back, from its staged pages: no vendor is asked, no budget checked. */
export async function releaseList<T extends object>(
  source: ReferenceSource<T>,
  request: SyncRequest & { release: string },
  rooms: Rooms,
): Promise<SyncPage> {
  const held = await rooms.runs.heldSync(source.dataset);
  if (held?.runId === request.release) {
    const { session, openedAt, cursor } = held;
    return publishList(source, { ...request, session, openedAt }, cursor, rooms, false);
  }
  // The answer to a first call was lost: it is published.
  const last = await rooms.runs.lastSync(source.dataset);
  const { task, dataset } = source;
  const counts = { pages: last?.pages ?? 0, rows: last?.rows ?? 0, rejected: 0, new: 0, changed: 0 };
  return { task, dataset, done: true, status: 'success', ...counts, waitSeconds: 0, reasons: [] };
}

function judge<T extends object>(
  source: ReferenceSource<T>,
  plan: SyncPlan<T>,
  { rejected, last }: { rejected: number; last: LastSync | undefined },
): string[] {
  const fields = shownFields(source).filter((field) => !isTicking(field));
  const isSameList = last?.selection === undefined || last.selection === selectionOf(source);
  const recentRows = isSameList ? (last?.recentRows ?? []) : [];
  // Rows of a market that was not asked for before are what somebody wanted.
  const limits = isSameList ? source.budget : { ...source.budget, added: Number.POSITIVE_INFINITY };
  const reasons = overBudget(source.dataset, movementOf(plan, { fields, rejected, recentRows }), limits);
  if (reasons.length === 0 || isSameList) return reasons;
  return [...reasons, `${source.dataset}: asked for ${selectionOf(source)} now, for ${last.selection} before`];
}

function lastSync<T extends object>(
  source: ReferenceSource<T>,
  { openedAt, cursor, rows, last }: { openedAt: string; cursor: Cursor; rows: number; last: LastSync | undefined },
): LastSync {
  const selection = selectionOf(source);
  const { page: pages, syncId } = cursor;
  const recent = last?.selection === selection ? (last.recentRows ?? []) : [];
  // A repeated call is the same sync, counted once.
  const earlier = last?.syncId === syncId ? recent.slice(0, -1) : recent;
  const recentRows = [...earlier, rows].slice(-BAND_SYNCS);
  return { lastSyncTimestamp: openedAt, pages, rows, syncId, selection, recentRows };
}

function selectionOf({ selection, partitions }: Pick<ReferenceSource<object>, 'selection' | 'partitions'>): string {
  return selection ?? partitions.join(',');
}

function shownFields({ watched, dataset }: Pick<ReferenceSource<object>, 'watched' | 'dataset'>): readonly string[] {
  return watched ?? Object.keys(FIELDS[dataset] ?? {});
}

/** `36 vanished (S0001, S0002, …), 0 added, 3 changed` */
function summary({ counts, added, changed, vanished }: SyncDiff): string {
  const named = (count: number, word: string, rows: readonly { key?: unknown }[]) => {
    if (count === 0) return `0 ${word}`;
    const names = rows.slice(0, EXAMPLES).map(({ key }) => String(key));
    return `${count} ${word} (${names.join(', ')}${count > EXAMPLES ? ', …' : ''})`;
  };
  return [
    named(counts.vanished, 'vanished', vanished),
    named(counts.added, 'added', added),
    named(counts.changed, 'changed', changed),
  ].join(', ');
}

/** All staged pages as one list by key; what two pages name is kept once, the second is said. */
async function stagedRows<T extends object>(
  { dataset, keyOf, settle }: ReferenceSource<T>,
  cursor: Cursor,
  lake: Lake,
): Promise<StagedPage<T>> {
  const byKey = new Map<string, T>();
  const rejected: Rejected[] = [];
  const leftOut: string[] = [];
  for (let page = 1; page <= cursor.page; page += 1) {
    const key = keys.stagedPage(dataset, cursor.syncId, page);
    const staged = await readJson<StagedPage<T>>(lake, key);
    // A list with a page missing would make its symbols vanish.
    if (!staged) throw new NamedError('Lake.Corrupt', { what: `${key} is gone`, wanted: 'every page of the list' });
    rejected.push(...staged.rejected);
    leftOut.push(...(staged.leftOut ?? []));
    for (const record of staged.records) {
      const name = keyOf(record);
      if (!byKey.has(name)) byKey.set(name, record);
      else rejected.push({ symbol: name, reason: 'duplicate row', row: record });
    }
  }
  const records = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
  const settled = settle?.(records) ?? { records, rejected: [] };
  return { records: settled.records, rejected: [...rejected, ...settled.rejected], leftOut };
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
