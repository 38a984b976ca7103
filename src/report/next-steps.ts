import { nextSession, sessionsBetween } from '../calendar/calendar.ts';
import { hasError, type Reason, readReasons } from '../records/reason.ts';
import {
  type DatasetResult,
  type NightKind,
  type NightReport,
  type ReleaseEffect,
  releaseText,
} from '../records/run.ts';
import type { History, ReportedRun } from './model.ts';

/** Something to do: why, and the command that does it, when there is one. */
export interface Step {
  why: string;
  command?: string;
}

/**
 * Our commands as texts name them; `typedCommands` makes them what a reader types where he stands. `there` is
 * ` --stage NAME`, or nothing for a data directory.
 */
export const COMMANDS = {
  /** The last closed session, or the one named. */
  night: (session?: string, there = '') =>
    `npx afterbell night${session === undefined ? '' : ` --session ${session}`}${there}`,
  run: (task: string, there = '') => `npx afterbell run ${task}${there}`,
  backfill: (from: string, to: string, there = '') => `npx afterbell backfill --from ${from} --to ${to}${there}`,
  status: (there = '') => `npx afterbell status${there}`,
  failed: (there = '') => `npx afterbell status --failed${there}`,
  quarantine: (there = '') => `npx afterbell quarantine${there}`,
  schedule: () => 'npx afterbell schedule --install',
  verify: () => 'npx afterbell verify',
  repair: (there = '') => `npx afterbell verify --repair${there}`,
  query: (sql: string, warehouse = false) => `npx afterbell query${warehouse ? ' --warehouse' : ''} "${sql}"`,
} as const;

/** Pure: what the reader does next, the most urgent first. */
export function nextSteps(run: ReportedRun, { held }: Pick<History, 'held'>): Step[] {
  const steps = [...keySteps(run), ...statusSteps(run), ...gapSteps(held)];
  if (hasError(readReasons(run), 'Lake.Corrupt')) {
    steps.unshift({
      why: 'A file of the lake is damaged; this names every one and what fixes it.',
      command: COMMANDS.verify(),
    });
  }
  if (steps.length > 0) return steps;
  return [{ why: 'Nothing has to be done. To look at the session:', command: review(run.session) }];
}

function statusSteps(run: ReportedRun): Step[] {
  const { status, kind, session, runId, sessions, datasets, releasing, waiting = sessions.held } = run;
  if (status === 'Running') return [{ why: 'See how far it is.', command: COMMANDS.status() }];
  const withheld =
    waiting.length > 0 ? afterReview(withheldSteps({ runId, kind, session, sessions: waiting, releasing })) : [];
  if (sessions.held.length > waiting.length)
    withheld.unshift({
      why: `${waiting.length > 0 ? 'Some' : 'All'} of what it withheld was published or fetched again since.`,
    });
  if (status === 'Held') return withheld;
  if (status === 'Failed' || status === 'Interrupted') return [again(run)];
  if (status !== 'Partial') return [];
  return [
    { why: 'Every failure with its reason.', command: COMMANDS.failed() },
    ...withheld,
    ...datasets.filter(needsRepeat).flatMap((set) => {
      const { name, task, status: word } = set;
      if (word !== 'held') return repairsOf([set], sessions).map((command) => ({ why: `${name} again.`, command }));
      return afterReview(
        withheldSteps({ runId, kind, session, sessions: [], tasks: [task] }),
        `${name} was withheld. `,
      );
    }),
  ];
}

/** Whoever reads the page is looking already. */
function afterReview([, first, ...rest]: Step[], what = ''): Step[] {
  return first ? [{ ...first, why: `${what}Look at the reasons above. ${first.why}` }, ...rest] : [];
}

function needsRepeat({ status }: DatasetResult): boolean {
  return status === 'failed' || status === 'partial' || status === 'held';
}

function repeat(task: string, session: string): string {
  return task === 'prices' ? COMMANDS.night(session) : COMMANDS.run(task);
}

function again({ kind, session, datasets, status }: ReportedRun): Step {
  const why =
    status === 'Interrupted'
      ? 'Start it again; it continues where it stopped.'
      : 'When the cause is fixed, run it again.';
  if (kind === 'task') return { why, command: repeat(datasets.find(needsRepeat)?.task ?? 'TASK', session) };
  if (kind !== 'backfill') return { why, command: COMMANDS.night(session) };
  return { why: `${why} The same backfill fetches only what is missing.` };
}

/** A key that was refused comes first: nothing else helps before. */
function keySteps(run: ReportedRun): Step[] {
  if (hasError(readReasons(run), 'Vendor.AuthFailed')) {
    return [{ why: 'A vendor refused its key. Fix it in .env (or in Secrets Manager) first; the reason names which.' }];
  }
  return [];
}

/** Holes between the first and the last session held. */
function gapSteps(held: readonly string[]): Step[] {
  const [first, last] = [held[0], held.at(-1)];
  if (first === undefined || last === undefined) return [];
  const have = new Set(held);
  const missing = sessionsBetween(first, last).filter((date) => !have.has(date));
  const [from, to] = [missing[0], missing.at(-1)];
  if (from === undefined || to === undefined) return [];
  const what =
    missing.length === 1
      ? `Session ${from} is missing.`
      : `${missing.length} sessions from ${from} to ${to} are missing.`;
  return [{ why: what, command: COMMANDS.backfill(from, to) }];
}

function review(session: string): string {
  return COMMANDS.query(
    `SELECT * FROM sessions WHERE date >= '${session}' AND date < '${nextSession(session)}' LIMIT 10`,
  );
}
export interface WithheldFacts {
  runId: string;
  kind: NightKind;
  /** The session of the run. */
  session: string;
  /** Sessions held, in order; none when only lists are. */
  sessions: readonly string[];
  /** The tasks whose lists are held. */
  tasks?: readonly string[];
  releasing?: ReleaseEffect;
}

/** What is to be done about something held: why, and the command. */
export interface WithheldStep {
  why: string;
  command: string;
}

/** Pure: first what takes nothing away; the release, which may, comes last and says what it would take. */
export function withheldSteps(
  { runId, kind, session, sessions, tasks = [], releasing }: WithheldFacts,
  there = '',
): WithheldStep[] {
  const lists = tasks.map((task) => COMMANDS.run(task, there)).join(' && ');
  const range = COMMANDS.backfill(sessions[0] ?? '', sessions.at(-1) ?? '', there);
  // The night of its session fetches the older ones again that it withheld.
  const nights = sessions.includes(session) ? [session] : sessions;
  const night = nights.map((date) => COMMANDS.night(date, there)).join(' && ');
  const again = sessions.length === 0 ? lists : kind === 'backfill' ? range : night;
  return [
    { why: 'Look first', command: `npx afterbell report --run ${runId}${there}` },
    ...(again ? [{ why: 'Once the vendor has fixed it (else it is withheld again)', command: again }] : []),
    {
      why: `${releasing ? `${releaseText(releasing)} ` : ''}If it is right after all`,
      command: `npx afterbell release ${runId}${there}`,
    },
  ];
}

export function withheldLines(facts: WithheldFacts, there?: string): string[] {
  return withheldSteps(facts, there).map(({ why, command }) => `${why}: ${command}`);
}

/** Pure: the commands that run again what failed in a night that otherwise went well; prices session by session. */
export function repairsOf(
  bad: readonly Pick<DatasetResult, 'task' | 'status'>[],
  { failed }: Pick<NightReport['sessions'], 'failed'>,
  there = '',
): string[] {
  return bad.flatMap(({ task, status }) => {
    if (status === 'held') return [];
    if (task !== 'prices') return [COMMANDS.run(task, there)];
    return failed.map((date) => COMMANDS.night(date, there));
  });
}

/** Pure: what a notice names as the repair of a run; a range or task is asked for again as a whole. */
export function repairLine(
  { kind, session, reasons }: { kind: NightKind; session: string; reasons: readonly Pick<Reason, 'error'>[] },
  repairs: readonly string[],
  there: string,
): string {
  const verify = hasError(reasons, 'Lake.Corrupt') ? `${COMMANDS.repair(there)}, then ` : '';
  return `Repair: ${verify}${againText({ kind, session }, repairs, there)}`;
}

function againText(
  { kind, session }: { kind: NightKind; session: string },
  repairs: readonly string[],
  there: string,
): string {
  // What is held by now is not fetched twice.
  if (kind === 'backfill') return `the same npx afterbell backfill${there} again; it fetches what is missing`;
  if (kind === 'task') return `the same npx afterbell run${there} again`;
  return repairs.length === 0 ? COMMANDS.night(session, there) : repairs.join(' && ');
}

/** Pure: what is to be done about an execution that ended without a verdict. */
export function lostLines(there: string, session?: string): string[] {
  return [
    `Repair: ${COMMANDS.night(session, there)}`,
    `It goes on where the run stopped. What is missing: ${COMMANDS.status(there)}`,
  ];
}
