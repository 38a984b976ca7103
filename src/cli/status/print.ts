import { resolve } from 'node:path';
import { type Reason, reasonLines } from '../../records/reason.ts';
import { costText, type NightCost } from '../../records/run.ts';
import { COMMANDS } from '../../report/next-steps.ts';
import { counted, exchangeTime, ledgerInstant, short, there } from '../../text.ts';
import type { SqlRow } from '../../warehouse/client.ts';
import type { Context } from '../context.ts';
import { statusWord, type Terminal, table } from '../terminal.ts';
import { diskLines } from './disk.ts';
import type { FailedLine } from './failed-symbols.ts';
import type { Next, Status } from './read.ts';
import { withheldText } from './withheld-runs.ts';

const NIGHTS = 5;
const TROUBLES = 6;
/** Characters of one: host, cause and next try of a vendor that is down are in them. */
const TROUBLE = 220;
const SHOWN = 40;

/** One screen: health, what there is, what is held, the last nights, what comes next. */
export function printStatus(status: Status, symbols: readonly FailedLine[], context: Context): void {
  const { config, terminal, stage, now } = context;
  const { held, missing, expected, kind, replayed, ledger, next } = status;
  const place = stage ? `stage: ${stage.stage}` : `home: ${resolve(config.AFTERBELL_HOME)}`;
  const data = replayed ? ', real bars replayed by a practice market' : kind ? `, ${kind} data` : '';
  terminal.print(`${place}${data}, ${exchangeTime(now)}`);
  printHealth(status, terminal);
  printFreshness(status, terminal);
  if (held.length > 0) {
    const shown = missing.slice(-8).join(', ') + (missing.length > 8 ? `, … ${missing.length} in all` : '');
    terminal.print([
      '',
      `${counted(held.length, 'session')} of ${replayed ? 'replayed' : (kind ?? 'no')} data, ${held[0]} to ${held.at(-1)}. ${missing.length === 0 ? 'No session is missing.' : `Missing: ${shown}`}`,
    ]);
  }
  printWithheld(status, terminal);
  printNights(ledger.nights.slice(0, NIGHTS), terminal);
  const counts = new Map<string, number>();
  for (const { dataset } of symbols) counts.set(dataset, (counts.get(dataset) ?? 0) + 1);
  const bySet = [...counts].map(([dataset, count]) => `${dataset} ${count}`).join(', ');
  if (counts.size > 0)
    terminal.print(['', `Skipped or failed symbols: ${bySet}. Each by name: ${COMMANDS.failed(there(context))}`]);
  if (status.disk && held.length > 0) terminal.print(['', ...diskLines(status.disk)]);
  terminal.print(['', nextText(next, expected, held.length > 0)]);
}

function printHealth(
  { health: { code, troubles }, running, expected }: Pick<Status, 'health' | 'running' | 'expected'>,
  terminal: Terminal,
): void {
  if (running) terminal.print(runningText(running));
  if (code === 0 && running) {
    terminal.print('Nothing else needs attention.');
    return;
  }
  if (code === 0) {
    terminal.print(`Healthy: ${expected} is published, nothing is missing, behind or withheld.`);
    return;
  }
  const more = troubles.length > 1 ? ` (${troubles.length} problems)` : '';
  terminal.print(`Not healthy, exit ${code}${more}:`);
  for (const { what, command, steps } of troubles.slice(0, TROUBLES)) {
    terminal.print(`- ${short(what, TROUBLE)}`);
    const lines = steps?.map((step) => `${step.why}: ${step.command}`) ?? (command ? [command] : []);
    for (const line of lines) terminal.print(`    ${line}`);
  }
  if (troubles.length > TROUBLES) terminal.print(`- … ${troubles.length} in all; --json has every one`);
}

function runningText({ what, since, runId }: NonNullable<Status['running']>): string {
  return `Running: ${what}${since ? ` since ${exchangeTime(since)}` : ''}${runId ? ` (${runId})` : ''}.`;
}

/** Also of one dataset alone. */
export function printFreshness({ freshness }: Pick<Status, 'freshness'>, terminal: Terminal): void {
  if (freshness.length === 0) return;
  const rows = freshness.map(({ dataset, newest, age, status, syncedAt }) => {
    return [dataset, newest ?? '', age, status ?? '', syncedAt ? exchangeTime(syncedAt) : ''];
  });
  terminal.print(['', ...table(['dataset', 'newest', 'age', 'last run', 'brought up to date'], rows)]);
}

/** In full what health names in a line; what is to be done stands there. */
function printWithheld({ ledger, heldLists }: Status, terminal: Terminal): void {
  if (ledger.heldRuns.length + heldLists.length === 0) return;
  terminal.print(['', 'Withheld:']);
  for (const { dataset, session, reasons, counts, place } of heldLists) {
    const { added, changed, vanished } = counts;
    terminal.print(
      `- ${dataset} of ${session}: ${vanished} would vanish, ${added} be added, ${changed} change: ${place}`,
    );
    for (const reason of reasons) terminal.print(`  ${short(reason)}`);
  }
  for (const { sessions, reason, effect } of ledger.heldRuns) {
    terminal.print(`- ${short(`prices of ${withheldText({ sessions })}: ${reason}`)}`);
    if (effect) terminal.print(`  ${effect}`);
  }
}

function printNights(nights: readonly SqlRow[], terminal: Terminal): void {
  if (nights.length === 0) return;
  const rows = nights.map((night) => {
    const [reason = ''] = JSON.parse(String(night.reasons)) as string[];
    const released = (JSON.parse(String(night.summary)) as { released_by?: string }).released_by;
    const why = released ? `released by ${released}` : reason;
    const word = statusWord(String(night.status), terminal);
    const begun = exchangeTime(ledgerInstant(night.started_at)!);
    return [String(night.session), String(night.kind), word, begun, String(night.run_id), short(why, 60)];
  });
  terminal.print(['', ...table(['session', 'kind', 'status', 'started', 'run', ''], rows)]);
  const { cost } = JSON.parse(String(nights[0]!.summary)) as { cost?: NightCost };
  if (cost) terminal.print(`The last of them: ${costText(cost)}`);
}

export function nextText(
  { night, expression, byHand, session, closes }: Next,
  expected: string,
  begun: boolean,
): string {
  const close = `Session ${session} closes ${exchangeTime(closes)}`;
  // Whoever called it once may not do so again: only what --install set up is known.
  if (night !== null && byHand !== undefined)
    return `${close}. Next night: ${exchangeTime(night)}, if your own timer calls \`schedule --run\` again as for ${exchangeTime(byHand)}.`;
  if (night !== null) return `${close}. Next night: ${exchangeTime(night)}, by ${expression}.`;
  if (expression !== null) return `${close}. The schedule says: ${expression}.`;
  if (!begun) return `The session to begin with: ${expected}.`;
  return `${close}. Next night: nothing here starts one; set it up: ${COMMANDS.schedule()}`;
}

/** The rows of one task. */
export function printTask(task: string, rows: readonly SqlRow[], terminal: Terminal): void {
  if (rows.length === 0) {
    terminal.print(['', `${task} has not run yet.`]);
    return;
  }
  const cells = rows.map((row) => [
    String(row.session ?? ''),
    String(row.status),
    Number(row.rows_updated),
    Number(row.duration_seconds),
    exchangeTime(ledgerInstant(row.completed_at)!),
    short(String(row.error_message ?? '')),
  ]);
  terminal.print(['', ...table(['session', 'status', 'rows updated', 'seconds', 'completed', 'why'], cells)]);
}

/** `--failed`: tasks of the last seven days, and symbols by name. */
export function printFailed(failed: readonly SqlRow[], symbols: readonly FailedLine[], terminal: Terminal): void {
  if (failed.length === 0) terminal.print('No task failed in the last 7 days.');
  else {
    const rows = failed.flatMap((task) => {
      const { session, task_name, status, completed_at, error_message } = task;
      const reasons = JSON.parse(String(task.reasons ?? 'null')) as Reason[] | null;
      const [first = '', ...more] = reasonLines(reasons ?? [{ text: String(error_message ?? '') }]);
      const row = [session, task_name, status].map(String);
      return [
        [...row, exchangeTime(ledgerInstant(completed_at)!), first],
        ...more.map((line) => ['', '', '', '', line]),
      ];
    });
    terminal.print(table(['session', 'task', 'status', 'completed', 'why'], rows));
  }
  if (symbols.length === 0) {
    terminal.print('No symbol was skipped or failed.');
    return;
  }
  const rows = symbols
    .slice(0, SHOWN)
    .map(({ session, dataset, symbol, reason }) => [session, dataset, symbol, reason]);
  terminal.print(['', ...table(['session', 'dataset', 'symbol', 'skipped or failed because'], rows)]);
  if (symbols.length > SHOWN) terminal.print(`… ${symbols.length} in all; --json names every one`);
}

/** Rows in quarantine, of all sessions. */
export interface Refused {
  rows: number;
  sessions: number;
}

/** What `--failed` shows is of the newest sessions only. */
export function printRefused({ rows, sessions }: Refused, context: Pick<Context, 'terminal' | 'stage'>): void {
  if (rows === 0) return;
  const all = `${counted(rows, 'row')} of ${counted(sessions, 'session')} in quarantine`;
  context.terminal.print(['', `${all}, each with its reason: ${COMMANDS.quarantine(there(context))}`]);
}
