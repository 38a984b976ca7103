import { NamedError } from '../errors.ts';
import { keys, readJson } from '../lake/lake.ts';
import type { ExecutionEnd } from '../local/states/events.ts';
import { reportKey } from '../night/close.ts';
import { causeText } from '../night/close-input.ts';
import { groupedReasons, readReasons } from '../records/reason.ts';
import type { NightKind, NightReport, NightStatus } from '../records/run.ts';
import { withheldLines } from '../report/next-steps.ts';
import type { Stores } from '../stores.ts';
import { duration, placeIn } from '../text.ts';
import { statusWord, type Terminal, table } from './terminal.ts';

/** What a command that ran an execution answers with `--json`. */
export type Outcome = Partial<NightReport> & {
  runId: string;
  session: string;
  status: NightStatus;
  seconds: number;
  datasets: NightReport['datasets'];
  reasons: string[];
  /** Outcome of the portfolio run that the night started. */
  desk?: object;
};

const EXIT_CODES: Record<NightStatus, number> = { Succeeded: 0, Skipped: 0, Partial: 3, Held: 4, Failed: 1 };

export function exitCodeOf(status: NightStatus): number {
  return EXIT_CODES[status];
}

/**
 * The report of an execution that ended, or what can be said without one.
 * @throws the execution's own named error when it never got as far as a plan
 */
export async function outcomeOf(
  result: ExecutionEnd & { runId: string },
  { lake }: Pick<Stores, 'lake'>,
  asked: { session: string; kind: NightKind },
): Promise<Outcome> {
  const seconds = (Date.parse(result.stoppedAt) - Date.parse(result.startedAt)) / 1000;
  const output = result.output as
    | { status?: NightStatus; session?: string; reasons?: string[]; report?: string }
    | undefined;
  if (output?.status === 'Skipped') {
    const { session = asked.session, reasons = [] } = output;
    return { runId: result.runId, session, status: 'Skipped', seconds, datasets: [], reasons };
  }
  const session = output?.session ?? asked.session;
  const runId = result.runId;
  // A release is the night of its session, or lies beside it.
  const own = [reportKey({ ...asked, session, runId }), reportKey({ kind: 'night', session, runId })];
  for (const key of output?.report ? [output.report] : own) {
    const report = await readJson<NightReport>(lake, key);
    if (report?.runId === runId) return { ...report, seconds };
  }
  if (result.status === 'ABORTED')
    throw new NamedError('Job.Interrupted', 'interrupted; the next run goes on from here');
  const [name = 'Night.Failed', ...rest] = (result.cause ?? '').split(': ');
  const cause = causeText(rest.join(': '));
  const datasets: Outcome['datasets'] = [];
  return { runId: result.runId, session, status: 'Failed', seconds, datasets, reasons: [`${name}: ${cause}`] };
}

/** One screen: status, table, reasons, where to look. */
export function printOutcome(outcome: Outcome, lake: { uri: string }, terminal: Terminal): void {
  if (terminal.json) {
    terminal.print(JSON.stringify(outcome));
    return;
  }
  const { status, session, runId, seconds, datasets, notes = [], practice, kind = 'night', releasing } = outcome;
  const what = kind === 'task' ? 'run' : kind;
  terminal.print([
    '',
    `${statusWord(status, terminal)}: ${what} for session ${session} in ${duration(seconds)} (${runId})`,
  ]);
  if (practice) terminal.print('Practice data: from the practice market, not from a vendor.');
  if (datasets.length > 0) {
    const rows = datasets.map((set) => [
      set.name,
      set.status,
      set.rows,
      set.new,
      set.changed,
      set.rejected,
      set.seconds.toFixed(1).padStart(7),
    ]);
    terminal.print(['', ...table(['dataset', 'status', 'rows', 'new', 'changed', 'rejected', 'seconds'], rows)]);
  }
  for (const reason of groupedReasons(readReasons(outcome))) terminal.print(`- ${reason}`);
  for (const note of notes) terminal.print(`- note: ${note}`);
  const lists = datasets.filter((set) => set.status === 'held' && set.name !== 'prices');
  const sessions = outcome.sessions?.held ?? [];
  if (sessions.length + lists.length > 0) {
    const held = { runId, kind, session, sessions, tasks: lists.map(({ task }) => task) };
    terminal.print(['', ...withheldLines({ ...held, releasing })]);
  }
  if (outcome.kind === 'night') terminal.print(['', `report: ${placeIn(lake, keys.report(session, 'index.html'))}`]);
}
