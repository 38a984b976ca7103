import type { SyncDiff } from '../checks/diff.ts';
import { DATASET_OF_TASK } from '../datasets/registry.ts';
import { NamedError } from '../errors.ts';
import { jsonBytes, keys, type Lake, listAll, readJson } from '../lake/lake.ts';
import { type Ingest, usableIngest } from '../lake/session-files.ts';
import { dropStaged, readNote, type StagedNote, stagingByRun } from '../lake/staging.ts';
import type { Stores } from '../stores.ts';
import type { Runs, WithheldSync } from '../tables/runs.ts';

type NeededStores = Pick<Stores, 'lake' | 'runs'>;

/** `reports/date=…/held-{dataset}.json`: why a list was held back and what it would change. */
export interface WithheldReport extends SyncDiff {
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
export async function withholdList(
  held: Omit<WithheldSync, 'diff'>,
  { reasons, diff }: { reasons: string[]; diff: SyncDiff },
  stores: NeededStores,
): Promise<void> {
  const { dataset, runId, session, openedAt: heldAt } = held;
  const before = await stores.runs.withheldSync(dataset);
  if (before && before.cursor.syncId !== held.cursor.syncId)
    await endWithheld(before, { by: runId, as: 'superseded' }, stores);
  const key = withheldKey(held);
  const report: WithheldReport = { dataset, runId, session, heldAt, state: 'held', reasons, ...diff };
  await stores.lake.write(key, jsonBytes(report));
  await stores.runs.saveWithheldSync({ ...held, diff: key });
  await stores.runs.dropCursor(dataset);
}

/** Where the diff of a list lies that the run of this session held. */
export function withheldKey({ session, dataset }: { session: string; dataset: string }): string {
  return keys.report(session, `held-${dataset}.json`);
}

/** A held list is released, or a later one stands in its place: said in its report, and its pages go. */
export async function endWithheld(
  { dataset, cursor, diff }: WithheldSync,
  { by, as }: { by: string; as: 'released' | 'superseded' },
  { lake, runs }: NeededStores,
): Promise<void> {
  const report = await readJson<WithheldReport>(lake, diff);
  if (report) await lake.write(diff, jsonBytes({ ...report, state: as, endedBy: by }));
  await lake.remove((await listAll(lake, keys.stagedPages(dataset, cursor.syncId))).map(({ key }) => key));
  await runs.dropWithheldSync(dataset);
}

/** What a run holds back: sessions of prices, and lists. Undefined when nothing, or when it was released or repeated. */
export async function withheldBy(
  runs: Runs,
  runId: string,
): Promise<{ session: string; sessions: string[]; datasets: string[] } | undefined> {
  const prices = await runs.withheldRun(runId);
  const lists = await withheldLists(runs);
  const own = lists.filter((held) => held.runId === runId);
  const session = prices?.session ?? own[0]?.session;
  if (session === undefined) return undefined;
  return { session, sessions: prices?.sessions ?? [], datasets: own.map(({ dataset }) => dataset) };
}

/** Every list that is held back now. */
export async function withheldLists(runs: Runs): Promise<WithheldSync[]> {
  const found = await Promise.all(Object.values(DATASET_OF_TASK).map((dataset) => runs.withheldSync(dataset)));
  return found.filter((held) => held !== undefined);
}

/** A kill may leave the record of a list that was published, or replaced by a later one. */
export async function settleWithheld(stores: NeededStores): Promise<WithheldSync[]> {
  const waiting: WithheldSync[] = [];
  for (const held of await withheldLists(stores.runs)) {
    const last = await stores.runs.lastSync(held.dataset);
    const released = last?.syncId === held.cursor.syncId;
    if (released || (last && last.lastSyncTimestamp > held.openedAt)) {
      await endWithheld(held, { by: last.syncId ?? '', as: released ? 'released' : 'superseded' }, stores);
    } else waiting.push(held);
  }
  return waiting;
}

/** A withheld session of which another run has published a version since. */
export interface Superseded {
  date: string;
  /** The run that published it, and when that run was opened. */
  by: Pick<Ingest, 'runId' | 'ingestedAt'>;
}

/** What a release of a run publishes now. */
export interface ReleasePlan {
  /** The session of the run that withheld. */
  session: string;
  sessions: string[];
  datasets: string[];
  superseded: Superseded[];
}

type ReleaseStores = { lake: Lake; runs: Runs };

/**
 * What a run withheld and may still be published: a session that another run has published since is not.
 * @throws Usage.Invalid when the run withholds nothing; Release.Superseded when all of it was published since
 */
export async function planRelease(runId: string, { lake, runs }: ReleaseStores): Promise<ReleasePlan> {
  const held = await withheldBy(runs, runId);
  const { ready, superseded } = await sortWithheld(lake, runId, held?.sessions ?? []);
  if (!held || ready.length + superseded.length + held.datasets.length === 0) {
    throw new NamedError('Usage.Invalid', {
      what: `run ${runId} withholds nothing`,
      wanted: 'a run that withheld something and was neither released nor repeated since',
      todo: '`npx afterbell status` lists what is withheld.',
    });
  }
  if (ready.length + held.datasets.length === 0) {
    throw new NamedError('Release.Superseded', {
      what: superseded.map((one) => supersededText(one, runId)).join('; '),
      wanted: 'a session that nobody has published since it was withheld',
      todo: `Published data is unchanged, and the withheld copy is discarded by the next night. To fetch it again: npx afterbell night --session ${superseded[0]!.date}`,
    });
  }
  return { session: held.session, sessions: ready, datasets: held.datasets, superseded };
}

/** `2025-11-19 was published by run n2 (opened 2025-11-21T09:00:00.000Z) after n1 had withheld it` */
export function supersededText({ date, by }: Superseded, runId: string): string {
  return `${date} was published by run ${by.runId} (opened ${by.ingestedAt}) after ${runId} had withheld it`;
}

/** Splits what a run withheld into sessions that may be released and sessions published since; the rest was repeated. */
export async function sortWithheld(
  lake: Lake,
  runId: string,
  dates: readonly string[],
): Promise<{ ready: string[]; superseded: Superseded[] }> {
  const ready: string[] = [];
  const superseded: Superseded[] = [];
  for (const date of dates) {
    const [note, ingest] = [await readNote(lake, runId, date), await usableIngest(lake, date)];
    // A release of this very copy that was killed goes on with its jobs.
    if (ingest?.runId === (note?.runId ?? runId)) ready.push(date);
    else if (note && isNewer(ingest, note)) superseded.push({ date, by: ingest! });
    else if (note) ready.push(date);
  }
  return { ready, superseded };
}

/** Whether what is served is another version than the one the gates compared the staged session with. */
function isNewer(ingest: Ingest | undefined, { over, ingestedAt }: StagedNote): boolean {
  if (!ingest) return false;
  return over === undefined ? ingest.ingestedAt > ingestedAt : ingest.checksum !== over;
}

/** Withheld copies of sessions published since are of no use; a run that withholds nothing else is forgotten. */
export async function dropSuperseded({ lake, runs }: ReleaseStores): Promise<void> {
  for (const run of (await stagingByRun(lake)).keys()) {
    const held = await runs.withheldRun(run);
    if (!held) continue;
    const { ready, superseded } = await sortWithheld(lake, run, held.sessions);
    for (const { date } of superseded) await dropStaged(lake, run, date);
    if (superseded.length > 0 && ready.length === 0) await runs.dropWithheldRun(run);
  }
}
