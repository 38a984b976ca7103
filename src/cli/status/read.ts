import { lastClosedSession, nextSession, sessionHours, sessionsBetween } from '../../calendar/calendar.ts';
import { startsAround } from '../../calendar/schedule.ts';
import { readConsolidated } from '../../jobs/consolidate/consolidation-state.ts';
import { type Lake, type LakeKind, lakeKind } from '../../lake/lake.ts';
import { publishedSessions } from '../../lake/session-files.ts';
import { readSilverCheckpoint } from '../../lake/silver.ts';
import { readScheduleRecord } from '../../local/nightly-timer.ts';
import { isReplayed } from '../../local/practice.ts';
import { executionIsRunning } from '../../night/open.ts';
import { executionLink, ledgerInstant, statement, there } from '../../text.ts';
import type { SqlRow, Warehouse } from '../../warehouse/client.ts';
import sql from '../../warehouse/ledger.sql';
import { readPaged } from '../../warehouse/paged.ts';
import { type Context, homeLake, whereOf } from '../context.ts';
import { endedRuns } from '../ended-runs.ts';
import { withWarehouse } from '../pipeline.ts';
import { type Disk, readDisk } from './disk.ts';
import { assessHealth, type Freshness, freshnessOf, type Health } from './health.ts';
import { readWithheldLists, readWithheldRuns, type WithheldRunSummary, type WithheldSummary } from './withheld-runs.ts';

const failedTasksSql = statement(sql, 'failed-tasks');
const goodTasksSql = statement(sql, 'good-tasks');
const latestTasksSql = statement(sql, 'latest-tasks');
const recentNightsSql = statement(sql, 'recent-nights');
const recentSessionsSql = statement(sql, 'recent-sessions');
const recentTasksSql = statement(sql, 'recent-tasks');

/** What the ledger says. */
export interface Ledger {
  nights: SqlRow[];
  /** The latest row of each task. */
  tasks: SqlRow[];
  /** The newest session each task was well for. */
  good: SqlRow[];
  /** The ten most recent rows, of the task asked for. */
  recent: SqlRow[];
  /** What did not go well in the last seven days. */
  failed: SqlRow[];
  /** Sessions the last seven days' runs worked for. */
  sessions: string[];
  /** Newest session in `stock_prices`. */
  prices: string | null;
  heldRuns: WithheldRunSummary[];
}

export interface Next {
  /** When a stage or `schedule --install` starts a night, ISO UTC; null where nothing does, or its expression has no clock. */
  night: string | null;
  expression: string | null;
  /** The newest start that `schedule --run` made, where an entry set up by hand may call it, ISO UTC. */
  byHand?: string;
  /** The session that closes next, and when, ISO UTC. */
  session: string;
  closes: string;
}

/** A run that is at work at this moment. */
export interface AtWork {
  /** `night for session 2026-11-20`, or the command where the run is not in the ledger yet. */
  what: string;
  /** ISO UTC. */
  since: string | null;
  runId: string | null;
  /** The session of a night; null for other work. */
  night: string | null;
}

export interface Status {
  kind: LakeKind | null;
  /** Practice data whose bars are real ones, served again by a practice market. */
  replayed: boolean;
  health: Health;
  running: AtWork | null;
  /** The session that is to be there by now: the last one closed before the last start by the schedule. */
  expected: string;
  /** Sessions held, in order. */
  held: string[];
  /** Missing ones from the first held to the expected one. */
  missing: string[];
  freshness: Freshness[];
  ledger: Ledger;
  heldLists: WithheldSummary[];
  next: Next;
  /** Of a data directory. */
  disk?: Disk;
}

const NONE: Ledger = {
  nights: [],
  tasks: [],
  good: [],
  recent: [],
  failed: [],
  sessions: [],
  prices: null,
  heldRuns: [],
};

const NEWEST_TASKS = { key: ['completed_at', 'id'], descending: true };

/** Everything `status` knows, from the lake, the ledger, the calendar and the schedule. */
export async function readStatus(context: Context, task: string | undefined): Promise<Status> {
  const { config, now } = context;
  const lake = homeLake(config);
  const held = (await publishedSessions(lake)).map(({ date }) => date);
  const ledger =
    (await withWarehouse(context, (warehouse) => readLedger(lake, warehouse, task))) ?? structuredClone(NONE);
  const running = await findRunning(ledger, context);
  const schedule = { expression: config.NIGHT_SCHEDULE, zone: config.SCHEDULE_TIMEZONE };
  const starts = startsAround(schedule, now);
  const expected = lastClosedSession(starts?.last ?? now);
  const [first, last] = [held[0], held.at(-1)];
  const have = new Set(held);
  const missing =
    first === undefined || first > expected ? [] : sessionsBetween(first, expected).filter((date) => !have.has(date));
  const facts = {
    expected,
    sessions: last,
    prices: config.WAREHOUSE === 'on' ? ledger.prices : undefined,
    latest: ledger.tasks,
    good: ledger.good,
  };
  const freshness = freshnessOf({ ...facts, ...(await derivedUpTo(lake, config.RESAMPLING_INTERVALS)) });
  const heldLists = await readWithheldLists(lake);
  const session = nextSession(lastClosedSession(now));
  const record = context.stage ? undefined : await readScheduleRecord(config.AFTERBELL_HOME);
  const scheduled = context.stage !== undefined || record !== undefined;
  const kind = (await lakeKind(lake)) ?? null;
  const ended = ({ kind, status }: SqlRow) => (kind === 'night' || kind === 'release') && status !== 'Running';
  const health = assessHealth({
    last: ledger.nights.find(ended),
    latest: ledger.tasks,
    expected,
    running: running?.night ?? undefined,
    freshness,
    gaps: missing.filter((date) => last !== undefined && date < last),
    heldRuns: ledger.heldRuns,
    newest: last,
    heldLists,
    nothingIn: held.length === 0 ? whereOf(context) : undefined,
    there: there(context),
    gapSessions: config.GAP_SESSIONS,
    keyless: kind === 'real' && !context.stage && config.POLYGON_API_KEY === undefined,
  });
  return {
    replayed: context.stage ? false : await isReplayed(config.AFTERBELL_HOME),
    ...(context.stage ? {} : { disk: await readDisk(config) }),
    kind,
    health,
    running: running ?? null,
    expected,
    held,
    missing,
    freshness,
    ledger,
    heldLists,
    next: {
      night: scheduled ? (starts?.next.toISOString() ?? null) : null,
      expression: scheduled ? schedule.expression : null,
      ...(record?.start && !record.with && { byHand: record.start }),
      session,
      closes: sessionHours(session).close,
    },
  };
}

async function readLedger(lake: Lake, warehouse: Warehouse, task: string | undefined): Promise<Ledger> {
  // A home whose first night ended before its warehouse was prepared has no tables to ask.
  const [found] = await warehouse.query("SELECT to_regclass('nights')::text AS nights");
  if (!found?.nights) return structuredClone(NONE);
  const [newest] = await warehouse.query('SELECT max(date)::text AS date FROM stock_prices');
  return {
    nights: await readPaged(
      warehouse,
      recentNightsSql,
      { limit: 10 },
      { key: ['started_at', 'run_id'], descending: true },
    ),
    tasks: await readPaged(warehouse, latestTasksSql, {}, { key: ['task_name'] }),
    good: await warehouse.query(goodTasksSql),
    recent: await readPaged(warehouse, recentTasksSql, { task: task ?? null }, NEWEST_TASKS),
    failed: await readPaged(warehouse, failedTasksSql, {}, NEWEST_TASKS),
    sessions: (await warehouse.query(recentSessionsSql)).map(({ session }) => String(session)),
    prices: newest?.date ? String(newest.date) : null,
    heldRuns: await readWithheldRuns(lake, warehouse),
  };
}

/** The run at work, if there is one; an open one that nobody runs any more did not end by itself. */
async function findRunning(ledger: Ledger, context: Context): Promise<AtWork | undefined> {
  const open = ledger.nights.filter(({ status }) => status === 'Running');
  if (context.stage) {
    const isRunning = executionIsRunning();
    for (const night of open) if (!(await isRunning(String(night.execution_arn)))) night.status = 'Interrupted';
    for (const night of ledger.nights) night.console = executionLink(String(night.execution_arn));
    return atWork(ledger.nights);
  }
  const { nights, owner } = await endedRuns(ledger.nights, context.config.AFTERBELL_HOME);
  ledger.nights = nights;
  return owner && (atWork(ledger.nights) ?? commandAtWork(owner, lastClosedSession(context.now)));
}

function atWork(nights: readonly SqlRow[]): AtWork | undefined {
  const row = nights.find(({ status }) => status === 'Running');
  if (!row) return undefined;
  const [kind, session] = [String(row.kind), String(row.session)];
  const since = ledgerInstant(row.started_at);
  return {
    what: `${kind === 'task' ? 'run' : kind} for session ${session}`,
    since,
    runId: String(row.run_id),
    night: kind === 'night' ? session : null,
  };
}

/** Pure: a command that owns the home and has no run in the ledger: at its very beginning, or between two runs. */
export function commandAtWork(
  { command, startedAt }: { command?: string | undefined; startedAt?: string | undefined },
  session: string,
): AtWork {
  const [, verb, named] = /^afterbell (\S+)(?:.*--session[ =](\S+))?/.exec(command ?? '') ?? [];
  const night = verb === 'night' ? (named ?? session) : null;
  return { what: command ?? 'another command', since: startedAt ?? null, runId: null, night };
}

/** Newest session in the histories, and in the bars of every interval. Damaged checkpoints count as none. */
async function derivedUpTo(
  lake: Lake,
  intervals: readonly number[],
): Promise<{ histories: string | null; bars: string | null }> {
  const consolidated = await readConsolidated(lake).catch(() => undefined);
  const histories =
    Object.keys(consolidated?.sessions ?? {})
      .sort()
      .at(-1) ?? null;
  const found = intervals.map((interval) => readSilverCheckpoint(lake, interval).catch(() => undefined));
  const dates = (await Promise.all(found)).map((checkpoint) => checkpoint?.last_processed_date ?? null);
  return { histories, bars: dates.includes(null) ? null : (dates.sort()[0] ?? null) };
}
