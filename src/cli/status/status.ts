import { nextSession } from '../../calendar/calendar.ts';
import { DATASET_OF_TASK } from '../../datasets/registry.ts';
import { NamedError } from '../../errors.ts';
import type { Lake } from '../../lake/lake.ts';
import { quarantined } from '../../lake/quarantine-file.ts';
import { didYouMean } from '../../text.ts';
import type { SqlRow } from '../../warehouse/client.ts';
import { type Context, homeLake } from '../context.ts';
import type { Terminal } from '../terminal.ts';
import { type FailedLine, failedSymbols, JOBS } from './failed-symbols.ts';
import type { Health, Trouble } from './health.ts';
import { printFailed, printFreshness, printRefused, printStatus, printTask, type Refused } from './print.ts';
import { readStatus, type Status } from './read.ts';

export interface StatusOptions {
  failed?: boolean;
  task?: string;
}

/** Symbols are looked for in so many of the newest sessions, whenever those were fetched. */
const LOOKED_AT = 7;

/** How things are, on one screen; the exit code is the health's (see judgeHealth), whatever is shown. */
export async function status({ failed, task }: StatusOptions, context: Context): Promise<number> {
  const { terminal } = context;
  const lake = homeLake(context.config);
  const found = await readStatus(context, task);
  if (task !== undefined) requireTask(task, found.ledger.tasks);
  const { ledger } = found;
  const asked = ({ task_name }: SqlRow) => task === undefined || task_name === task;
  const failures = ledger.failed.filter(asked);
  if (terminal.json) {
    const more = failed ? { symbols: await symbolsOf(task, found, lake), quarantined: await refusedIn(lake) } : {};
    terminal.print(JSON.stringify({ ...documentOf(found, asked, terminal.typed), ...more }));
  } else if (failed) {
    printFailed(failures, await symbolsOf(task, found, lake), terminal);
    printRefused(await refusedIn(lake), context);
  } else if (task !== undefined) {
    const dataset = DATASET_OF_TASK[task] ?? DERIVED_BY[task] ?? task;
    printFreshness({ freshness: found.freshness.filter((row) => row.dataset === dataset) }, terminal);
    printTask(task, ledger.recent, terminal);
  } else {
    const newest = found.held.slice(-1);
    const rows = ledger.failed.filter(({ session }) => newest.includes(String(session)));
    printStatus(found, await failedSymbols(lake, newest, rows), context);
  }
  return found.health.code;
}

/** How many rows lie in quarantine, and of how many sessions, however long ago they were refused. */
async function refusedIn(lake: Lake): Promise<Refused> {
  const rows = await quarantined(lake);
  return { rows: rows.length, sessions: new Set(rows.map(({ session }) => session)).size };
}

const DERIVED_BY: Readonly<Record<string, string>> = { consolidate: 'history', resample: 'N-session bars' };

/** What `--json` prints. */
function documentOf(found: Status, asked: (row: SqlRow) => boolean, typed: Terminal['typed']): object {
  const { kind, replayed, health, running, expected, held, missing, freshness, ledger, heldLists, next, disk } = found;
  return {
    kind,
    ...(replayed && { replayed }),
    health: typedHealth(health, typed),
    running,
    expected,
    sessions: { served: held.length, first: held[0] ?? null, last: held.at(-1) ?? null, missing: rangesOf(missing) },
    freshness,
    nights: ledger.nights.map(parsed),
    tasks: ledger.tasks.filter(asked),
    recent: ledger.recent,
    failed: ledger.failed.filter(asked).map(({ failed: _, reasons: __, ...row }) => row),
    heldLists,
    heldRuns: ledger.heldRuns,
    next,
    ...(disk ? { disk } : {}),
  };
}

interface Range {
  from: string;
  to: string;
  sessions: number;
}

/** Thousands of sessions may be missing; those one after the other are one range, as `backfill` takes it. */
function rangesOf(dates: readonly string[]): Range[] {
  const ranges: Range[] = [];
  for (const date of dates) {
    const last = ranges.at(-1);
    if (last && nextSession(last.to) === date) {
      last.to = date;
      last.sessions += 1;
    } else ranges.push({ from: date, to: date, sessions: 1 });
  }
  return ranges;
}

/** Whoever reads the document runs its commands from here. */
function typedHealth({ code, troubles }: Health, typed: Terminal['typed']): Health {
  const withCommands = troubles.map((trouble): Trouble => {
    const { command, steps } = trouble;
    return {
      ...trouble,
      ...(command !== undefined && { command: typed(command) }),
      ...(steps && { steps: steps.map((step) => ({ ...step, command: typed(step.command) })) }),
    };
  });
  return { code, troubles: withCommands };
}

/** @throws Usage.Invalid for a name that neither this product nor this ledger knows */
function requireTask(task: string, tasks: readonly SqlRow[]): void {
  const known = [...Object.keys(DATASET_OF_TASK), 'prices', ...JOBS, ...tasks.map((row) => String(row.task_name))];
  if (known.includes(task)) return;
  const wanted = `one of ${[...new Set(known)].join(', ')}`;
  throw new NamedError('Usage.Invalid', { what: `there is no task ${task}`, wanted, todo: didYouMean(task, known) });
}

async function symbolsOf(task: string | undefined, { held, ledger }: Status, lake: Lake): Promise<FailedLine[]> {
  const asked = ({ task_name }: SqlRow) => task === undefined || task_name === task;
  const dates = [...new Set([...held.slice(-LOOKED_AT), ...ledger.sessions])].sort();
  const lines = await failedSymbols(lake, dates, ledger.failed.filter(asked));
  return task === undefined ? lines : lines.filter(({ dataset }) => dataset === (DATASET_OF_TASK[task] ?? task));
}

function parsed(night: SqlRow): object {
  const { reasons, summary, ...rest } = night;
  return { ...rest, reasons: JSON.parse(String(reasons)), summary: JSON.parse(String(summary)) };
}
