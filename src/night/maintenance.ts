import * as z from 'zod';
import { lastClosedSession } from '../calendar/calendar.ts';
import { dateOf, dayNumber } from '../calendar/dates.ts';
import { NamedError } from '../errors.ts';
import type { VacuumSummary } from '../jobs/vacuum.ts';
import { keys, type Lake, readJson } from '../lake/lake.ts';
import { encodeBars, readIngest, recordSession, storedBars } from '../lake/session-files.ts';
import { type Bar, sameValues } from '../records/bar.ts';
import { COMMANDS } from '../report/next-steps.ts';
import type { Stores } from '../stores.ts';
import { atStage, exchangeTime, executionLink, oneLine, statement, wellFormed } from '../text.ts';
import sql from '../warehouse/ledger.sql';
import { timestamp } from '../warehouse/ledger.ts';
import { deletePrices, oldPriceSessions, priceRows, priceSymbols } from '../warehouse/prices.ts';
import { causeText } from './close-input.ts';
import { type IsRunning, takeLakeLock } from './open.ts';

const closeNightSql = statement(sql, 'close-night');

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
  await takeLakeLock(stores, { ...lock, kind: 'maintenance', since });
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
  await warehouse.query(closeNightSql, { run_id: execution.name, ...nothing, tasks: JSON.stringify(tasks) });
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
    'Published data is unchanged.',
    good.length > 0 ? `Done all the same: ${good.join(', ')}.` : 'Nothing was removed by the parts that failed.',
    ...reasons.map((reason, place) => `${place === 0 ? 'Error: ' : '- '}${reason}`),
    ...(stage === 'local' ? [] : [`Execution: ${executionLink(execution.arn)}`]),
    `Repair: ${COMMANDS.run('maintenance', atStage(stage))}`,
  ]
    .map(oneLine)
    .join('\n');
  return {
    status: reasons.length === 0 ? 'Succeeded' : 'Failed',
    reasons,
    subject: 'afterbell Failed: monthly maintenance',
    message,
    cause: wellFormed(reasons[0] ?? '', 2000),
  };
}

function reasonOf({ error, cause }: { error: string; cause: string }): string {
  return `${error}: ${causeText(cause)}`;
}

/** Sessions looked up at once; a year and more. */
const SESSIONS = 300;

export interface RetentionResult {
  /** Nothing older than the cutoff is left; else call again. */
  done: boolean;
  /** First date that stays. */
  cutoff: string;
  sessions: number;
  deleted: number;
  /** Rows the lake did not have; they lie in its session files now. */
  savedToLake: number;
}

/** Pure: the first date that stays when rows go at an age of so many years, counted from an instant (ISO). */
export function retentionCutoff(now: string, years: number): string {
  const [year, month, day] = now.slice(0, 10).split('-').map(Number) as [number, number, number];
  // 29 February lies on 1 March in a year without one: a day more is kept.
  return dateOf(dayNumber(year - years, month, day));
}

/**
 * Removes rows of `stock_prices` that are older than the retention, session by session, oldest first. A row goes only
 * when the lake has its symbol and session; one it has not is written there and read back first. May be called again
 * at any point; ends early, with `done: false`, when `hasTime` says so.
 */
export async function applyRetention(
  { runId, openedAt, years }: { runId: string; openedAt: string; years: number },
  { lake, warehouse }: Pick<Stores, 'lake' | 'warehouse'>,
  hasTime: () => boolean = () => true,
): Promise<RetentionResult> {
  const cutoff = retentionCutoff(openedAt, years);
  const result: RetentionResult = { done: false, cutoff, sessions: 0, deleted: 0, savedToLake: 0 };
  for (;;) {
    const dates = await oldPriceSessions(warehouse, cutoff, SESSIONS);
    if (dates.length === 0) return { ...result, done: true };
    for (const date of dates) {
      if (!hasTime()) return result;
      const symbols = await priceSymbols(warehouse, date);
      result.savedToLake += await saveMissing(lake, date, symbols, { warehouse, runId, openedAt });
      result.deleted += await deletePrices(warehouse, date, symbols);
      result.sessions += 1;
    }
  }
}

/** Writes what the lake lacks of a session, and reads it back. @throws Lake.Corrupt when it is not there then */
async function saveMissing(
  lake: Lake,
  date: string,
  symbols: readonly string[],
  { warehouse, runId, openedAt }: { warehouse: Stores['warehouse']; runId: string; openedAt: string },
): Promise<number> {
  const stored = await storedBars(lake, date);
  const present = new Set(stored.map((bar) => bar.symbol));
  const missing = symbols.filter((symbol) => !present.has(symbol));
  const ingest = await readIngest(lake, date);
  // A call that was killed between the two writes below left a file with more rows than its manifest names.
  if (missing.length === 0 && (ingest?.rows ?? 0) === stored.length) return 0;
  const saved = await priceRows(warehouse, date, missing);
  const bars = [...stored, ...saved].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  const bytes = encodeBars(bars);
  if (saved.length > 0) await lake.write(keys.session(date), bytes);
  await requireSaved(lake, date, saved);
  const origin = { rejected: 0, source: bars[0]!.source, runId, ingestedAt: openedAt };
  await recordSession(lake, date, { bars, bytes }, { ...origin, ...ingest }, ingest);
  return saved.length;
}

async function requireSaved(lake: Lake, date: string, saved: readonly Bar[]): Promise<void> {
  const found = new Map((await storedBars(lake, date)).map((bar) => [bar.symbol, bar]));
  const lost = saved.filter((bar) => {
    const read = found.get(bar.symbol);
    return !read || !sameValues(read, bar);
  });
  if (lost.length === 0) return;
  throw new NamedError('Lake.Corrupt', {
    what: `${keys.session(date)} does not hold the rows just written to it`,
    found: `${lost.length} of ${saved.length} missing, first ${lost[0]!.symbol}`,
    wanted: 'every row, before any is removed from stock_prices',
    todo: 'Nothing was removed. Run `npx afterbell verify`.',
  });
}
