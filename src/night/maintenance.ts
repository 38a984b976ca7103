import * as z from 'zod';
import { lastClosedSession } from '../calendar/sessions.ts';
import type { VacuumSummary } from '../lake/bronze/vacuum.ts';
import { keys } from '../lake/keys.ts';
import { readJson } from '../lake/lake.ts';
import closeSql from '../warehouse/queries/close-night.sql';
import { applyRetention, type RetentionResult } from './apply-retention.ts';
import { atStage } from './at-stage.ts';
import { executionLink } from './execution-link.ts';
import { type IsRunning, takeLock } from './lake-lock.ts';
import { timestamp } from './ledger.ts';
import { causeText } from './outcome.ts';
import { exchangeTime } from './report/words.ts';
import type { Stores } from './stores.ts';

/** Between two sessions there must be time for one more. */
const SPARE_MS = 60_000;

const trouble = z.object({ error: z.string(), cause: z.string() }).nullable();
const counts = z.object({ sessions: z.number(), deleted: z.number(), savedToLake: z.number() });

export const maintenanceEvent = z.object({
  execution: z.object({ arn: z.string(), name: z.string(), startTime: z.string() }),
  /** What earlier steps of this run did. */
  total: counts,
  /** Given before vacuum: take the lake's lock and keep it. */
  take: z.literal(true).optional(),
  /** Given at the end: how the two parts went. */
  close: z
    .object({
      vacuum: z.object({ seconds: z.number(), startedAt: z.string(), endedAt: z.string(), trouble }),
      retention: z.object({ seconds: z.number(), startedAt: z.string(), endedAt: z.string(), trouble }),
    })
    .optional(),
});
type MaintenanceEvent = z.output<typeof maintenanceEvent>;

/**
 * Takes the lake's lock for vacuum; the next step of retention gives it back.
 * @throws Night.LockBusy while another execution writes to the lake
 */
export async function takeLake(
  { execution }: Pick<MaintenanceEvent, 'execution'>,
  stores: Pick<Stores, 'runs'> & { isRunning: IsRunning },
): Promise<{ since: string }> {
  const since = new Date(execution.startTime).toISOString();
  const lock = { executionArn: execution.arn, runId: execution.name, session: lastClosedSession(new Date(since)) };
  await takeLock(stores, { ...lock, kind: 'maintenance', since });
  return { since };
}

/**
 * One step of retention under the lake's lock, which is free again afterwards: a night that wants to begin goes first.
 * @throws Night.LockBusy while another execution writes to the lake
 */
export async function retain(
  { execution, total }: MaintenanceEvent,
  { config, lake, runs, warehouse, isRunning }: Stores & { isRunning: IsRunning },
  remainingMs: () => number,
): Promise<RetentionResult> {
  const { since } = await takeLake({ execution }, { runs, isRunning });
  try {
    const order = { runId: execution.name, openedAt: since, years: config.RETENTION_YEARS };
    const step = await applyRetention(order, { lake, warehouse }, () => remainingMs() > SPARE_MS);
    const sum = (key: keyof typeof total) => total[key] + step[key];
    return { ...step, sessions: sum('sessions'), deleted: sum('deleted'), savedToLake: sum('savedToLake') };
  } finally {
    await runs.releaseLock(execution.arn);
  }
}

export interface ClosedMaintenance {
  status: 'Succeeded' | 'Failed';
  reasons: string[];
  subject: string;
  message: string;
  cause: string;
}

/** A row in `sync_logs` for either part, and the word for both. May be repeated. */
export async function closeMaintenance(
  { execution, total }: MaintenanceEvent,
  { vacuum, retention }: NonNullable<MaintenanceEvent['close']>,
  { config, lake, warehouse }: Pick<Stores, 'config' | 'lake' | 'warehouse'>,
): Promise<ClosedMaintenance> {
  const found = await readJson<VacuumSummary>(lake, keys.jobResult('vacuum'));
  const cleaned = found?.runId === execution.name ? found : undefined;
  const ended = new Date();
  const row = (task: string, part: typeof vacuum, rows: number, metadata: object) => ({
    task,
    status: part.trouble ? 'failed' : 'success',
    rows,
    error: part.trouble && reasonOf(part.trouble),
    started_at: timestamp(part.startedAt),
    completed_at: timestamp(part.endedAt),
    seconds: part.seconds,
    metadata: { run_id: execution.name, ...metadata },
  });
  const tasks = [
    row('vacuum', vacuum, cleaned?.filesDeleted ?? 0, { bytes_freed: cleaned?.bytesFreed ?? 0 }),
    row('apply-retention', retention, total.deleted, { sessions: total.sessions, saved_to_lake: total.savedToLake }),
  ];
  const nothing = {
    status: 'none',
    completed_at: timestamp(ended.toISOString()),
    reasons: '[]',
    summary: '{}',
    released_run: null,
  };
  await warehouse.query(closeSql, { run_id: execution.name, ...nothing, tasks: JSON.stringify(tasks) });
  return wordFor(execution, tasks, config.STAGE);
}

function wordFor(
  execution: MaintenanceEvent['execution'],
  tasks: readonly { task: string; error: string | null }[],
  stage: string,
): ClosedMaintenance {
  const reasons = tasks.flatMap(({ task, error }) => (error === null ? [] : [`${task}: ${error}`]));
  const bad = tasks.filter(({ error }) => error !== null).map(({ task }) => task);
  const good = tasks.filter(({ error }) => error === null).map(({ task }) => task);
  const message = [
    `Failed: ${bad.join(', ')} (maintenance ${execution.name}).`,
    `Since ${exchangeTime(execution.startTime)}.`,
    'What was served before is served still.',
    good.length > 0 ? `Done all the same: ${good.join(', ')}.` : 'Nothing was removed by the parts that failed.',
    `Error: ${reasons.join('\n- ')}`,
    ...(stage === 'local' ? [] : [`Execution: ${executionLink(execution.arn)}`]),
    `Repair: npx afterbell run maintenance${atStage(stage)}`,
  ].join('\n');
  return {
    status: reasons.length === 0 ? 'Succeeded' : 'Failed',
    reasons,
    subject: 'afterbell Failed: monthly maintenance',
    message,
    cause: (reasons[0] ?? '').slice(0, 2000),
  };
}

function reasonOf({ error, cause }: { error: string; cause: string }): string {
  return `${error}: ${causeText(cause)}`;
}
