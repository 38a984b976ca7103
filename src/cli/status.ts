import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { lastClosedSession, sessionsBetween } from '../calendar/sessions.ts';
import { heldSessions } from '../lake/ingest.ts';
import { openLake } from '../lake/lake.ts';
import { lakeKind } from '../lake/stamp.ts';
import { readHome } from '../local/home.ts';
import type { NightStatus } from '../night/night.ts';
import type { SqlRow, Warehouse } from '../warehouse/client.ts';
import failedTasks from '../warehouse/queries/failed-tasks.sql';
import latestTasks from '../warehouse/queries/latest-tasks.sql';
import recentNights from '../warehouse/queries/recent-nights.sql';
import type { Context } from './context.ts';
import { exitCodeOf } from './outcome.ts';
import { withWarehouse } from './read-warehouse.ts';
import { statusWord, table } from './terminal.ts';

export interface StatusOptions {
  failed?: boolean;
  task?: string;
}

interface Ledger {
  nights: SqlRow[];
  tasks: SqlRow[];
  failed: SqlRow[];
}

/** Last nights, the state of each task, sessions held and missing. Exits as the last night did. */
export async function status(options: StatusOptions, context: Context): Promise<number> {
  const { config, terminal } = context;
  const lake = openLake(config.LAKE_URI ?? pathToFileURL(join(resolve(config.AFTERBELL_HOME), 'lake')).href);
  const held = (await heldSessions(lake)).map(({ date }) => date);
  const missing = missingSessions(held);
  const ledger = await withWarehouse(context, readLedger);
  const tasks = (ledger?.tasks ?? []).filter(({ task_name }) => !options.task || task_name === options.task);
  const failed = (ledger?.failed ?? []).filter(({ task_name }) => !options.task || task_name === options.task);
  const nights = ledger?.nights ?? [];
  const owner = await readHome(config.AFTERBELL_HOME);
  // A night nobody is running any more did not end by itself.
  if (!owner) for (const one of nights) if (one.status === 'Running') one.status = 'Interrupted';
  const last = nights.find(({ kind, status: word }) => (kind === 'night' || kind === 'release') && word !== 'Running');
  if (terminal.json) {
    const sessions = { held: held.length, first: held[0] ?? null, last: held.at(-1) ?? null, missing };
    terminal.print(
      JSON.stringify({ kind: (await lakeKind(lake)) ?? null, sessions, nights: nights.map(parsed), tasks, failed }),
    );
  } else if (options.failed) printFailed(failed, context);
  else {
    terminal.print(`home: ${resolve(config.AFTERBELL_HOME)}`);
    printSessions(held, missing, (await lakeKind(lake)) ?? 'no', context);
    printNights(nights, context);
    printTasks(tasks, context);
  }
  if (last?.status === 'Interrupted') return 1;
  return last ? exitCodeOf(last.status as NightStatus) : 0;
}

async function readLedger(warehouse: Warehouse): Promise<Ledger> {
  // A home whose first night ended before its warehouse was prepared has no tables to ask.
  const [found] = await warehouse.query("SELECT to_regclass('nights')::text AS nights");
  if (!found?.nights) return { nights: [], tasks: [], failed: [] };
  return {
    nights: await warehouse.query(recentNights, { limit: 10 }),
    tasks: await warehouse.query(latestTasks),
    failed: await warehouse.query(failedTasks),
  };
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

function printFailed(failed: readonly SqlRow[], { terminal }: Context): void {
  if (failed.length === 0) {
    terminal.print('Nothing failed in the last 7 days.');
    return;
  }
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
