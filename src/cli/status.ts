import { resolve } from 'node:path';
import { lastClosedSession, sessionsBetween } from '../calendar/sessions.ts';
import { NamedError } from '../errors.ts';
import { heldSessions } from '../lake/ingest.ts';
import type { Lake } from '../lake/lake.ts';
import { lakeKind } from '../lake/stamp.ts';
import { readHome } from '../local/home.ts';
import type { NightStatus } from '../night/night.ts';
import { DATASET_OF_TASK } from '../night/reference-datasets.ts';
import type { SqlRow, Warehouse } from '../warehouse/client.ts';
import failedTasks from '../warehouse/queries/failed-tasks.sql';
import latestTasks from '../warehouse/queries/latest-tasks.sql';
import recentNights from '../warehouse/queries/recent-nights.sql';
import recentSessions from '../warehouse/queries/recent-sessions.sql';
import recentTasks from '../warehouse/queries/recent-tasks.sql';
import type { Context } from './context.ts';
import { type FailedLine, failedSymbols, JOBS } from './failed-symbols.ts';
import { printHeldLists, readHeldLists } from './held-lists.ts';
import { homeLake } from './home-lake.ts';
import { exitCodeOf } from './outcome.ts';
import { withWarehouse } from './read-warehouse.ts';
import { statusWord, type Terminal, table } from './terminal.ts';

export interface StatusOptions {
  failed?: boolean;
  task?: string;
}

interface Ledger {
  nights: SqlRow[];
  /** The latest row of each task. */
  tasks: SqlRow[];
  /** The ten most recent rows. */
  recent: SqlRow[];
  /** What did not go well in the last seven days. */
  failed: SqlRow[];
  /** Sessions the last seven days' runs worked for. */
  sessions: string[];
}

const NONE: Ledger = { nights: [], tasks: [], recent: [], failed: [], sessions: [] };
/** Symbols are looked for in so many of the newest sessions, whenever those were fetched. */
const LOOKED_AT = 7;
const SHOWN = 40;

/** Last nights, the state of each task, sessions held and missing. Exits as the last night did. */
export async function status(options: StatusOptions, context: Context): Promise<number> {
  const { config, terminal } = context;
  const lake = homeLake(config);
  const held = (await heldSessions(lake)).map(({ date }) => date);
  const missing = missingSessions(held);
  const ledger = (await withWarehouse(context, readLedger)) ?? NONE;
  if (options.task !== undefined) requireTask(options.task, ledger);
  const asked = ({ task_name }: SqlRow) => options.task === undefined || task_name === options.task;
  const [tasks, recent, failed] = [ledger.tasks, ledger.recent, ledger.failed].map((rows) => rows.filter(asked)) as [
    SqlRow[],
    SqlRow[],
    SqlRow[],
  ];
  const symbols = options.failed ? await symbolsOf(options.task, ledger, held, lake) : undefined;
  const { nights } = ledger;
  const owner = context.stage !== undefined || (await readHome(config.AFTERBELL_HOME)) !== undefined;
  // A night nobody is running any more did not end by itself.
  if (!owner) for (const one of nights) if (one.status === 'Running') one.status = 'Interrupted';
  const last = nights.find(({ kind, status: word }) => (kind === 'night' || kind === 'release') && word !== 'Running');
  if (terminal.json) {
    const sessions = { held: held.length, first: held[0] ?? null, last: held.at(-1) ?? null, missing };
    const kind = (await lakeKind(lake)) ?? null;
    const rows = failed.map(({ failed: _, ...row }) => row);
    const lists = await readHeldLists(lake);
    const told = { kind, sessions, nights: nights.map(parsed), tasks, recent, failed: rows, held: lists };
    terminal.print(JSON.stringify(symbols ? { ...told, symbols } : told));
  } else if (symbols) printFailed(failed, symbols, context);
  else {
    terminal.print(context.stage ? `stage: ${context.stage.stage}` : `home: ${resolve(config.AFTERBELL_HOME)}`);
    printSessions(held, missing, (await lakeKind(lake)) ?? 'no', context);
    printNights(nights, context);
    printHeldLists(await readHeldLists(lake), lake.uri, terminal);
    printTasks(tasks, context);
  }
  if (last?.status === 'Interrupted') return 1;
  return last ? exitCodeOf(last.status as NightStatus) : 0;
}

async function readLedger(warehouse: Warehouse): Promise<Ledger> {
  // A home whose first night ended before its warehouse was prepared has no tables to ask.
  const [found] = await warehouse.query("SELECT to_regclass('nights')::text AS nights");
  if (!found?.nights) return NONE;
  return {
    nights: await warehouse.query(recentNights, { limit: 10 }),
    tasks: await warehouse.query(latestTasks),
    recent: await warehouse.query(recentTasks),
    failed: await warehouse.query(failedTasks),
    sessions: (await warehouse.query(recentSessions)).map(({ session }) => String(session)),
  };
}

/** @throws Usage.Invalid for a name that neither this product nor this ledger knows */
function requireTask(task: string, { tasks }: Ledger): void {
  const known = [...Object.keys(DATASET_OF_TASK), 'prices', ...JOBS, ...tasks.map((row) => String(row.task_name))];
  if (known.includes(task)) return;
  const wanted = `one of ${[...new Set(known)].join(', ')}`;
  throw new NamedError('Usage.Invalid', { what: `there is no task ${task}`, wanted });
}

async function symbolsOf(
  task: string | undefined,
  { sessions, failed }: Ledger,
  held: readonly string[],
  lake: Lake,
): Promise<FailedLine[]> {
  const dates = [...new Set([...held.slice(-LOOKED_AT), ...sessions])].sort();
  const lines = await failedSymbols(lake, dates, failed);
  return task === undefined ? lines : lines.filter(({ dataset }) => dataset === (DATASET_OF_TASK[task] ?? task));
}

/** Sessions the calendar has between the first held one and now, and the lake has not. */
function missingSessions(held: readonly string[]): string[] {
  const [first] = held;
  if (first === undefined) return [];
  const have = new Set(held);
  return sessionsBetween(first, lastClosedSession(new Date())).filter((date) => !have.has(date));
}

function parsed(night: SqlRow): object {
  const { reasons, summary, ...rest } = night;
  return { ...rest, reasons: JSON.parse(String(reasons)), summary: JSON.parse(String(summary)) };
}

function printSessions(held: readonly string[], missing: readonly string[], kind: string, { terminal }: Context): void {
  if (held.length === 0) {
    terminal.print('No session is held yet. Start with: npx afterbell night');
    return;
  }
  terminal.print(
    `${held.length} sessions of ${kind} data, ${held[0]} to ${held.at(-1)}, last closed ${lastClosedSession(new Date())}.`,
  );
  const shown = missing.slice(-10).join(', ') + (missing.length > 10 ? `, … ${missing.length} in all` : '');
  terminal.print(missing.length === 0 ? 'No session is missing.' : `Missing: ${shown}`);
}

function printNights(nights: readonly SqlRow[], { terminal }: Context): void {
  if (nights.length === 0) return;
  const rows = nights.map((night) => {
    const reasons = JSON.parse(String(night.reasons)) as string[];
    const released = (JSON.parse(String(night.summary)) as { released_by?: string }).released_by;
    const why = released ? `released by ${released}` : (reasons[0] ?? '');
    const word = statusWord(String(night.status), terminal);
    return [
      String(night.session),
      String(night.kind),
      word,
      minute(night.started_at),
      String(night.run_id),
      why.slice(0, 100),
    ];
  });
  terminal.print(`\n${table(['session', 'kind', 'status', 'started (UTC)', 'run', ''], rows)}`);
}

function printTasks(tasks: readonly SqlRow[], { terminal }: Context): void {
  if (tasks.length === 0) return;
  const rows = tasks.map((task) => [
    String(task.task_name),
    String(task.status),
    Number(task.rows_updated),
    Number(task.duration_seconds),
    minute(task.completed_at),
  ]);
  terminal.print(`\n${table(['task', 'status', 'rows updated', 'seconds', 'completed (UTC)'], rows)}`);
}

function printFailed(failed: readonly SqlRow[], symbols: readonly FailedLine[], { terminal }: Context): void {
  if (failed.length === 0) terminal.print('No task failed in the last 7 days.');
  else printFailedTasks(failed, terminal);
  if (symbols.length === 0) {
    terminal.print('No symbol was skipped or failed.');
    return;
  }
  const rows = symbols
    .slice(0, SHOWN)
    .map(({ session, dataset, symbol, reason }) => [session, dataset, symbol, reason]);
  terminal.print(`\n${table(['session', 'dataset', 'symbol', 'skipped or failed because'], rows)}`);
  if (symbols.length > SHOWN) terminal.print(`… ${symbols.length} in all; --json names every one`);
}

function printFailedTasks(failed: readonly SqlRow[], terminal: Terminal): void {
  const rows = failed.map((task) => [
    String(task.session),
    String(task.task_name),
    String(task.status),
    minute(task.completed_at),
    String(task.error_message ?? ''),
  ]);
  terminal.print(table(['session', 'task', 'status', 'completed (UTC)', 'why'], rows));
}

function minute(timestamp: unknown): string {
  return String(timestamp ?? '').slice(0, 16);
}
