import type { SyncDiff } from '../checks/sync-diff.ts';
import { keys } from '../lake/keys.ts';
import { jsonBytes, listAll, readJson } from '../lake/lake.ts';
import type { HeldSync, Runs } from '../tables/runs.ts';
import { DATASET_OF_TASK } from './reference-datasets.ts';
import type { Stores } from './stores.ts';

type Rooms = Pick<Stores, 'lake' | 'runs'>;

/** `reports/date=…/held-{dataset}.json`: why a list was held back and what it would change. */
export interface HeldReport extends SyncDiff {
  dataset: string;
  runId: string;
  session: string;
  heldAt: string;
  state: 'held' | 'released' | 'superseded';
  /** The run that published it, or a later list in its place. */
  endedBy?: string;
  reasons: string[];
}

/** Sets a list aside: what it would change first, then the record of it. A list held before makes room. */
export async function holdList(
  held: Omit<HeldSync, 'diff'>,
  { reasons, diff }: { reasons: string[]; diff: SyncDiff },
  rooms: Rooms,
): Promise<void> {
  const { dataset, runId, session, openedAt: heldAt } = held;
  const before = await rooms.runs.heldSync(dataset);
  if (before && before.cursor.syncId !== held.cursor.syncId)
    await endHeld(before, { by: runId, as: 'superseded' }, rooms);
  const key = heldKey(held);
  const report: HeldReport = { dataset, runId, session, heldAt, state: 'held', reasons, ...diff };
  await rooms.lake.write(key, jsonBytes(report));
  await rooms.runs.saveHeldSync({ ...held, diff: key });
  await rooms.runs.dropCursor(dataset);
}

/** Where the diff of a list lies that the run of this session held. */
export function heldKey({ session, dataset }: { session: string; dataset: string }): string {
  return keys.report(session, `held-${dataset}.json`);
}

/** A held list is released, or a later one stands in its place: said in its report, and its pages go. */
export async function endHeld(
  { dataset, cursor, diff }: HeldSync,
  { by, as }: { by: string; as: 'released' | 'superseded' },
  { lake, runs }: Rooms,
): Promise<void> {
  const report = await readJson<HeldReport>(lake, diff);
  if (report) await lake.write(diff, jsonBytes({ ...report, state: as, endedBy: by }));
  await lake.remove((await listAll(lake, keys.stagedPages(dataset, cursor.syncId))).map(({ key }) => key));
  await runs.dropHeldSync(dataset);
}

/** What a run holds back: sessions of prices, and lists. Undefined when nothing, or when it was released or repeated. */
export async function heldBy(
  runs: Runs,
  runId: string,
): Promise<{ session: string; sessions: string[]; datasets: string[] } | undefined> {
  const prices = await runs.heldRun(runId);
  const lists = await heldLists(runs);
  const own = lists.filter((held) => held.runId === runId);
  const session = prices?.session ?? own[0]?.session;
  if (session === undefined) return undefined;
  return { session, sessions: prices?.sessions ?? [], datasets: own.map(({ dataset }) => dataset) };
}

/** Every list that is held back now. */
export async function heldLists(runs: Runs): Promise<HeldSync[]> {
  const found = await Promise.all(Object.values(DATASET_OF_TASK).map((dataset) => runs.heldSync(dataset)));
  return found.filter((held) => held !== undefined);
}

/** A kill may leave the record of a list that was published, or replaced by a later one. */
export async function settleHeld(rooms: Rooms): Promise<HeldSync[]> {
  const waiting: HeldSync[] = [];
  for (const held of await heldLists(rooms.runs)) {
    const last = await rooms.runs.lastSync(held.dataset);
    const released = last?.syncId === held.cursor.syncId;
    if (released || (last && last.lastSyncTimestamp > held.openedAt)) {
      await endHeld(held, { by: last.syncId ?? '', as: released ? 'released' : 'superseded' }, rooms);
    } else waiting.push(held);
  }
  return waiting;
}
