import { NamedError } from '../errors.ts';
import { type Ingest, usableIngest } from '../lake/ingest.ts';
import type { Lake } from '../lake/lake.ts';
import type { Runs } from '../tables/runs.ts';
import { heldBy } from './held-list.ts';
import { dropStaged, readNote, type StagedNote, stagingByRun } from './staging.ts';

/** A withheld session of which another run has published a version since. */
export interface Superseded {
  date: string;
  /** The run that published it, and when that run was opened. */
  by: Pick<Ingest, 'runId' | 'ingestedAt'>;
}

/** What a release of a run publishes now. */
export interface ReleasePlan {
  /** The session of the run that withheld. */
  session: string;
  sessions: string[];
  datasets: string[];
  superseded: Superseded[];
}

type Stores = { lake: Lake; runs: Runs };

/**
 * What a run withheld and may still be published: a session that another run has published since is not.
 * @throws Usage.Invalid when the run withholds nothing; Release.Superseded when all of it was published since
 */
export async function planRelease(runId: string, { lake, runs }: Stores): Promise<ReleasePlan> {
  const held = await heldBy(runs, runId);
  const { ready, superseded } = await sortWithheld(lake, runId, held?.sessions ?? []);
  if (!held || ready.length + superseded.length + held.datasets.length === 0) {
    throw new NamedError('Usage.Invalid', {
      what: `run ${runId} holds nothing back`,
      wanted: 'a run that held something back and was neither released nor repeated since',
      todo: '`npx afterbell status` lists held runs.',
    });
  }
  if (ready.length + held.datasets.length === 0) {
    throw new NamedError('Release.Superseded', {
      what: superseded.map((one) => supersededText(one, runId)).join('; '),
      wanted: 'a session that nobody has published since it was withheld',
      todo: `Published data is unchanged, and the withheld copy is discarded by the next night. To fetch it again: npx afterbell night --session ${superseded[0]!.date}`,
    });
  }
  return { session: held.session, sessions: ready, datasets: held.datasets, superseded };
}

/** `2025-11-19 was published by run n2 (opened 2025-11-21T09:00:00.000Z) after n1 had withheld it` */
export function supersededText({ date, by }: Superseded, runId: string): string {
  return `${date} was published by run ${by.runId} (opened ${by.ingestedAt}) after ${runId} had withheld it`;
}

/** Splits what a run withheld into sessions that may be released and sessions published since; the rest was repeated. */
export async function sortWithheld(
  lake: Lake,
  runId: string,
  dates: readonly string[],
): Promise<{ ready: string[]; superseded: Superseded[] }> {
  const ready: string[] = [];
  const superseded: Superseded[] = [];
  for (const date of dates) {
    const [note, ingest] = [await readNote(lake, runId, date), await usableIngest(lake, date)];
    // A release of this very copy that was killed goes on with its jobs.
    if (ingest?.runId === (note?.runId ?? runId)) ready.push(date);
    else if (note && isNewer(ingest, note)) superseded.push({ date, by: ingest! });
    else if (note) ready.push(date);
  }
  return { ready, superseded };
}

/** Whether what is served is another version than the one the gates compared the staged session with. */
function isNewer(ingest: Ingest | undefined, { over, ingestedAt }: StagedNote): boolean {
  if (!ingest) return false;
  return over === undefined ? ingest.ingestedAt > ingestedAt : ingest.checksum !== over;
}

/** Withheld copies of sessions published since are of no use; a run that withholds nothing else is forgotten. */
export async function dropSuperseded({ lake, runs }: Stores): Promise<void> {
  for (const run of (await stagingByRun(lake)).keys()) {
    const held = await runs.heldRun(run);
    if (!held) continue;
    const { ready, superseded } = await sortWithheld(lake, run, held.sessions);
    for (const { date } of superseded) await dropStaged(lake, run, date);
    if (superseded.length > 0 && ready.length === 0) await runs.dropHeldRun(run);
  }
}
