import { diffOf } from '../checks/sync-diff.ts';
import { planSync } from '../checks/sync-plan.ts';
import { keys } from '../lake/keys.ts';
import { listAll, writeIfChanged } from '../lake/lake.ts';
import type { Cursor } from '../tables/runs.ts';
import { endHeld, heldKey, holdList } from './held-list.ts';
import { diffLine, driftOf, judgeList, lastSyncOf, listNotes, shownFields } from './judge-list.ts';
import { quarantineLines, replaceQuarantine } from './quarantine.ts';
import { recordHistory } from './record-history.ts';
import { type ReferenceSource, type SyncPage, type SyncRequest, syncOutcome } from './reference-source.ts';
import { snapshotFile, stagedList } from './staged-list.ts';
import type { Stores } from './stores.ts';

/** Rows that were not written are named, but a result has an end. */
const NAMED = 50;
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
  const { openedAt } = request;
  // The list's own day, which is not the run's when an old session is fetched again.
  const { session } = cursor;
  const { records, rejected, leftOut, unknownFields } = await stagedList(source, cursor, lake);
  const known = await sink.known();
  const plan = planSync(known, records, source.keyOf);
  const counts = { rows: records.length, rejected: rejected.length, waitSeconds: 0 };
  const last = await runs.lastSync(dataset);
  const facts = { last, drift: driftOf(source, known, records), event: await source.event?.(records) };
  const reasons = checked ? judgeList(source, plan, { ...facts, rejected: rejected.length }) : [];
  const listed = listNotes(source, plan, { ...facts, unknownFields });
  if (reasons.length > 0) {
    const diff = diffOf(plan, shownFields(source));
    await holdList(
      { dataset, runId: request.runId, session: request.session, openedAt, cursor },
      { reasons, diff },
      rooms,
    );
    const told = [
      ...reasons,
      `${dataset}: ${diffLine(diff)}; all of it: ${heldKey({ session: request.session, dataset })}`,
    ];
    return syncOutcome(source, cursor, { ...counts, done: true, status: 'held', reasons: told });
  }
  const { new: added, changed, failed, notes: stored = [] } = await sink.apply(plan, { ...request, session }, records);
  const written = { new: added, changed, notes: [...listed, ...stored] };
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
  if (source.identity) {
    await recordHistory(dataset, records.map(source.identity), { session, before: last !== undefined }, rooms);
  }
  await runs.saveLastSync(dataset, lastSyncOf(source, { openedAt, cursor, rows: records.length, last, unknownFields }));
  const held = await runs.heldSync(dataset);
  const as = held?.cursor.syncId === cursor.syncId ? 'released' : 'superseded';
  if (held) await endHeld(held, { by: request.runId, as }, rooms);
  await runs.dropCursor(dataset);
  await lake.remove((await listAll(lake, keys.stagedPages(dataset, cursor.syncId))).map((entry) => entry.key));
  return syncOutcome(source, cursor, { ...counts, ...written, done: true, reasons: leftOut });
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
