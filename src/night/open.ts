import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import * as z from 'zod';
import { HOUR_MS } from '../calendar/dates.ts';
import type { Progress } from '../datasets/dataset.ts';
import { missingNeeds } from '../datasets/dataset.ts';
import { DATASET_OF_TASK } from '../datasets/registry.ts';
import { NamedError } from '../errors.ts';
import { jobsAreBehind } from '../jobs/backlog.ts';
import { readManifest } from '../jobs/consolidate/consolidation-state.ts';
import { keys, type Lake, listAll } from '../lake/lake.ts';
import { checksumOf, type Ingest, publishedSessions, usableIngest } from '../lake/session-files.ts';
import { adoptStaged, readNote, stagedDates, stagingByRun } from '../lake/staging.ts';
import { renderReport } from '../report/page.ts';
import type { Stores } from '../stores.ts';
import type { LakeLock, Runs } from '../tables/runs.ts';
import { statement, typedForStage } from '../text.ts';
import { migrate, type Warehouse } from '../warehouse/client.ts';
import sql from '../warehouse/ledger.sql';
import { type Night, type StartInput, startInput } from './night.ts';
import { type Evidence, listSessionOf, planNight, sessionOf } from './plan.ts';
import { dropSuperseded, planRelease, settleWithheld } from './withheld.ts';

const openNightSql = statement(sql, 'open-night');

/** Staged rows of a dead run are of use for a day; older ones may have been corrected since. */
const ADOPT_HOURS = 24;

export interface Execution {
  arn: string;
  name: string;
  /** ISO instant at which the state machine was started. */
  startTime: string;
}

export interface Opening extends Pick<Stores, 'config' | 'lake' | 'runs'> {
  isRunning: IsRunning;
}

/**
 * Takes the lake's lock, clears what dead runs left in staging, adopts what they had completely staged, and plans.
 * @throws Night.LockBusy while another living execution owns the lake
 */
export async function openNight(start: StartInput, execution: Execution, opening: Opening): Promise<Night> {
  const { runs } = opening;
  const release = start.release === undefined ? undefined : await planRelease(start.release, opening);
  const input = release ? { ...start, session: release.session } : start;
  const openedAt = new Date(Date.parse(execution.startTime)).toISOString();
  const clock = input.scheduledTime ?? execution.startTime;
  const session = sessionOf(input, clock);
  await takeLakeLock(opening, {
    executionArn: execution.arn,
    runId: execution.name,
    session,
    kind: input.from === undefined ? 'night' : 'backfill',
    since: openedAt,
  });
  try {
    await dropStaleSyncs(opening, listSessionOf(clock));
    // A release or a task publishes nothing a dead run has staged; the next night sees to that.
    if (input.release === undefined && input.task === undefined) {
      await dropSuperseded(opening);
      await adoptDeadRuns(opening, execution.name, openedAt);
    }
    const night = planNight({ ...(await gather(input, { ...execution, clock, openedAt, session }, opening)), release });
    if (!night.due) {
      await fixPage(opening, night.session);
      await runs.releaseLock(execution.arn);
    }
    return night;
  } catch (error) {
    await runs.releaseLock(execution.arn);
    throw error;
  }
}

/** Nothing follows a night that has nothing to do; the last one may have ended before its page was written. */
async function fixPage({ lake, config }: Pick<Opening, 'lake' | 'config'>, session: string): Promise<void> {
  const key = keys.report(session, 'night.json');
  if (await lake.read(key)) await renderReport(key, lake, config.REPORT_SYMBOLS, typedForStage(config.STAGE));
}

/** The plan a night would have if it were opened now; takes no lock and writes nothing. */
export async function previewNight(start: object, opening: Omit<Opening, 'isRunning'>): Promise<Night> {
  const input = startInput.parse(start);
  const now = new Date().toISOString();
  const execution = { arn: 'preview', name: 'preview', clock: now, openedAt: now, session: sessionOf(input, now) };
  return planNight(await gather(input, execution, opening));
}

async function gather(
  input: StartInput,
  at: { arn: string; name: string; clock: string; openedAt: string; session: string },
  { config, lake, runs }: Omit<Opening, 'isRunning'>,
): Promise<Evidence> {
  const state = await runs.sessionState(at.session);
  const held = (await publishedSessions(lake)).map(({ date }) => date);
  return {
    input,
    execution: { arn: at.arn, name: at.name },
    clock: at.clock,
    openedAt: at.openedAt,
    held: new Set(held),
    state: (asked) => (asked === at.session ? state : undefined),
    lastSync: await lastSyncs(runs),
    withoutKey: missingNeeds(config),
    staged: await stagedDates(lake, at.name),
    behind: await jobsAreBehind(lake, config.RESAMPLING_INTERVALS),
    callsPerMinute: config.POLYGON_CALLS_PER_MINUTE,
    refetch: {
      trailing: config.TRAILING_SESSIONS,
      gapsAtOnce: config.GAP_SESSIONS,
      backOffs: await runs.backOffs(),
    },
    consolidation: {
      symbols: await symbolsToConsolidate(lake, held, (input.settings.MODE ?? config.MODE) === 'full'),
      symbolsPerShard: config.CONSOLIDATE_SYMBOLS_PER_SHARD,
    },
  };
}

/** A rebuild looks at every symbol there ever was, a nightly run at those of a session. */
async function symbolsToConsolidate(lake: Lake, held: readonly string[], full: boolean): Promise<number> {
  const newest = held.at(-1);
  if (full) return (await readManifest(lake))?.size ?? 0;
  return newest === undefined ? 0 : ((await usableIngest(lake, newest))?.rows ?? 0);
}

/**
 * Pages staged while another session was current, of a sync already complete, or that no cursor leads to any more are of
 * no use. Those of a held list wait for a person.
 */
async function dropStaleSyncs({ lake, runs }: Opening, session: string): Promise<void> {
  const held = await settleWithheld({ lake, runs });
  const live = new Set(held.map(({ cursor, dataset }) => keys.stagedPages(dataset, cursor.syncId)));
  for (const dataset of Object.values(DATASET_OF_TASK)) {
    const cursor = await runs.cursor(dataset);
    const complete = cursor !== undefined && (await runs.lastSync(dataset))?.syncId === cursor.syncId;
    if (cursor?.session === session && !complete) live.add(keys.stagedPages(dataset, cursor.syncId));
    else if (cursor) await runs.dropCursor(dataset);
    await dropStaleProgress(runs, dataset, session);
  }
  const staged = await listAll(lake, 'staging/sync=');
  const dead = staged.filter(({ key }) => ![...live].some((prefix) => key.startsWith(prefix)));
  await lake.remove(dead.map(({ key }) => key));
}

/** An enrichment of another session, or one whose end was recorded before the run died, is discarded. */
async function dropStaleProgress(runs: Runs, dataset: string, session: string): Promise<void> {
  const progress = await runs.progress<Progress>(dataset);
  if (!progress) return;
  const complete = (await runs.lastSync(dataset))?.syncId === progress.startedAt;
  if (complete || progress.session !== session) await runs.dropProgress(dataset);
}

/**
 * Withheld sessions stay with their run until released or repeated. Of dead runs complete sessions are adopted, the
 * newest copy of each; those that are old, or older than what is served, go, as does the rest. One whose publication
 * had begun is finished at any age: nothing else would notice that its file is ahead of its histories.
 */
async function adoptDeadRuns({ lake, runs }: Opening, runId: string, openedAt: string): Promise<void> {
  const dead: { run: string; keys: string[] }[] = [];
  const newest = new Map<string, { run: string; ingestedAt: string }>();
  for (const [run, keys] of await stagingByRun(lake)) {
    if (await runs.withheldRun(run)) continue;
    if (run !== runId) dead.push({ run, keys });
    for (const date of await stagedDates(lake, run)) {
      const note = await readNote(lake, run, date);
      const known = newest.get(date);
      if (!note || (known && known.ingestedAt >= note.ingestedAt)) continue;
      const isYoung = Date.parse(openedAt) - Date.parse(note.ingestedAt) < ADOPT_HOURS * HOUR_MS;
      const served = await usableIngest(lake, date);
      const isPast = served !== undefined && served.ingestedAt >= note.ingestedAt;
      if (!isPast && (isYoung || (await isHalfPublished(lake, date, served))))
        newest.set(date, { run, ingestedAt: note.ingestedAt });
    }
  }
  for (const [date, { run }] of newest) if (run !== runId) await adoptStaged(lake, run, runId, date);
  for (const { keys } of dead) await lake.remove(keys);
}

/** Whether a session's file is not the one that is served: its publication ended between the two. */
async function isHalfPublished(lake: Lake, date: string, served: Ingest | undefined): Promise<boolean> {
  if (!served) return false;
  const bytes = await lake.read(keys.session(date));
  return bytes !== undefined && checksumOf(bytes) !== served.checksum;
}

async function lastSyncs(runs: Runs): Promise<Record<string, string | undefined>> {
  const found: Record<string, string | undefined> = {};
  for (const dataset of Object.values(DATASET_OF_TASK))
    found[dataset] = (await runs.lastSync(dataset))?.lastSyncTimestamp;
  return found;
}

/** Whether an execution is still running; asked before its lock is taken over. */
export type IsRunning = (executionArn: string) => Promise<boolean>;

/**
 * Takes the lake's lock; its owner passes, a dead owner is taken over at once.
 * @throws Night.LockBusy while another living execution owns the lake
 */
export async function takeLakeLock(
  { runs, isRunning }: { runs: Runs; isRunning: IsRunning },
  mine: LakeLock,
): Promise<void> {
  const other = await runs.lock();
  if (other && other.executionArn !== mine.executionArn && (await isRunning(other.executionArn))) throw busy(other);
  if (!(await runs.takeLock(mine, other))) throw busy((await runs.lock()) ?? mine);
}

function busy(lock: LakeLock): NamedError {
  return new NamedError('Night.LockBusy', {
    what: 'another execution is writing to this lake',
    found: `${lock.kind} ${lock.runId} for session ${lock.session}, running since ${lock.since}`,
    wanted: 'one writer at a time',
    todo: 'It goes on by itself when the other one ends.',
  });
}

/** Asks Step Functions; an execution it does not know has ended. */
export function executionIsRunning(client = new SFNClient({})): IsRunning {
  return async (executionArn) => {
    try {
      const { status } = await client.send(new DescribeExecutionCommand({ executionArn }));
      return status === 'RUNNING' || status === 'PENDING_REDRIVE';
    } catch (error) {
      if ((error as Error).name === 'ExecutionDoesNotExist') return false;
      throw error;
    }
  };
}

export const preparation = z.object({
  runId: z.string(),
  session: z.string(),
  kind: z.string(),
  openedAt: z.string(),
  executionArn: z.string(),
  releasedRun: z.string().nullable(),
  lanes: z.array(z.object({ tasks: z.array(z.string()) })),
  enrich: z.array(z.object({ task: z.string() })),
  prices: z.object({ due: z.boolean() }),
  jobs: z.object({ consolidate: z.object({ wanted: z.boolean() }), resample: z.object({ wanted: z.boolean() }) }),
});

/** @throws Database.Resuming while the cluster wakes up; the state machine waits and asks again. */
export async function prepareWarehouse(
  night: z.output<typeof preparation>,
  warehouse: Warehouse,
): Promise<{ applied: string[] }> {
  const applied = await migrate(warehouse);
  await warehouse.query(openNightSql, {
    run_id: night.runId,
    session: night.session,
    kind: night.kind,
    started_at: night.openedAt.replace('T', ' ').replace('Z', ''),
    execution_arn: night.executionArn,
    released_run: night.releasedRun,
    planned: JSON.stringify(plannedTasks(night)),
  });
  return { applied };
}

/** What a run is to do, by the names of sync_logs: should it be killed, each has its row. */
function plannedTasks({ lanes, enrich, prices, jobs }: z.output<typeof preparation>): string[] {
  return [
    ...lanes.flatMap(({ tasks }) => tasks),
    ...(prices.due ? ['prices'] : []),
    ...(['consolidate', 'resample'] as const).filter((job) => jobs[job].wanted),
    ...enrich.map(({ task }) => task),
  ];
}
