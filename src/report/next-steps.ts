import { nextSession, sessionsBetween } from '../calendar/calendar.ts';
import type { DatasetResult } from '../night/night.ts';
import { heldSteps, repairsOf } from '../night/withheld.ts';
import type { History, ReportedRun } from './model.ts';

/** Something to do: why, and the command that does it, when there is one. */
export interface Step {
  why: string;
  command?: string;
}

/** Pure: what the reader does next, the most urgent first. */
export function nextSteps(run: ReportedRun, { held }: Pick<History, 'held'>): Step[] {
  const steps = [...keySteps(run), ...statusSteps(run), ...gapSteps(held)];
  if (run.reasons.some((reason) => reason.includes('Lake.Corrupt'))) {
    steps.unshift({
      why: 'A file of the lake is damaged; this names every one and what mends it.',
      command: 'npx afterbell verify',
    });
  }
  if (steps.length > 0) return steps;
  return [{ why: 'Nothing has to be done. To look at the session:', command: look(run.session) }];
}

function statusSteps(run: ReportedRun): Step[] {
  const { status, kind, session, runId, sessions, datasets, releasing } = run;
  if (status === 'Running') return [{ why: 'See how far it is.', command: 'npx afterbell status' }];
  const withheld =
    sessions.held.length > 0 ? afterLook(heldSteps({ runId, kind, session, sessions: sessions.held, releasing })) : [];
  if (status === 'Held') return withheld;
  if (status === 'Failed' || status === 'Interrupted') return [again(run)];
  if (status !== 'Partial') return [];
  return [
    { why: 'Every failure with its reason.', command: 'npx afterbell status --failed' },
    ...withheld,
    ...datasets.filter(needsRepeat).flatMap((set) => {
      const { name, task, status: word } = set;
      if (word !== 'held') return repairsOf([set], sessions).map((command) => ({ why: `${name} again.`, command }));
      return afterLook(heldSteps({ runId, kind, session, sessions: [], tasks: [task] }), `${name} was held back. `);
    }),
  ];
}

/** Whoever reads the page is looking already. */
function afterLook([, first, ...rest]: Step[], what = ''): Step[] {
  return first ? [{ ...first, why: `${what}Look at the reasons above. ${first.why}` }, ...rest] : [];
}

function needsRepeat({ status }: DatasetResult): boolean {
  return status === 'failed' || status === 'partial' || status === 'held';
}

function repeat(task: string, session: string): string {
  return task === 'prices' ? `npx afterbell night --session ${session}` : `npx afterbell run ${task}`;
}

function again({ kind, session, datasets, status }: ReportedRun): Step {
  const why =
    status === 'Interrupted' ? 'Start it again; it goes on where it was.' : 'When the cause is mended, run it again.';
  if (kind === 'task') return { why, command: repeat(datasets.find(needsRepeat)?.task ?? 'TASK', session) };
  if (kind !== 'backfill') return { why, command: `npx afterbell night --session ${session}` };
  return { why: `${why} The same backfill fetches only what is missing.` };
}

/** A key that was refused comes first: nothing else helps before. */
function keySteps({ reasons }: ReportedRun): Step[] {
  if (reasons.some((reason) => reason.includes('Vendor.AuthFailed'))) {
    return [
      { why: 'A vendor refused its key. Mend it in .env (or in Secrets Manager) first; the reason names which.' },
    ];
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
  return [{ why: what, command: `npx afterbell backfill --from ${from} --to ${to}` }];
}

function look(session: string): string {
  return `npx afterbell query "SELECT * FROM sessions WHERE date >= '${session}' AND date < '${nextSession(session)}' LIMIT 10"`;
}
