import type { DatasetResult, NightKind, NightReport } from './night.ts';
import { type ReleaseEffect, releaseText } from './release-effect.ts';

export interface HeldFacts {
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
export interface HeldStep {
  why: string;
  command: string;
}

/** Pure: first what takes nothing away; the release, which may, comes last and says what it would take. */
export function heldSteps(
  { runId, kind, session, sessions, tasks = [], releasing }: HeldFacts,
  there = '',
): HeldStep[] {
  const lists = tasks.map((task) => `npx afterbell run ${task}${there}`).join(' && ');
  const range = `npx afterbell backfill --from ${sessions[0]} --to ${sessions.at(-1)}${there}`;
  // The night of its session fetches the older ones again that it withheld.
  const nights = sessions.includes(session) ? [session] : sessions;
  const night = nights.map((date) => `npx afterbell night --session ${date}${there}`).join(' && ');
  const again = sessions.length === 0 ? lists : kind === 'backfill' ? range : night;
  return [
    { why: 'Look first', command: `npx afterbell report --run ${runId}${there}` },
    ...(again ? [{ why: 'Once the vendor has mended it (else it is held again)', command: again }] : []),
    {
      why: `${releasing ? `${releaseText(releasing)} ` : ''}If it is right after all`,
      command: `npx afterbell release ${runId}${there}`,
    },
  ];
}

export function heldLines(facts: HeldFacts, there?: string): string[] {
  return heldSteps(facts, there).map(({ why, command }) => `${why}: ${command}`);
}

/** Pure: the commands that run again what failed in a night that otherwise went well; prices session by session. */
export function repairsOf(
  bad: readonly Pick<DatasetResult, 'task' | 'status'>[],
  { failed }: Pick<NightReport['sessions'], 'failed'>,
): string[] {
  return bad.flatMap(({ task, status }) => {
    if (status === 'held') return [];
    if (task !== 'prices') return [`npx afterbell run ${task}`];
    return failed.map((date) => `npx afterbell night --session ${date}`);
  });
}
