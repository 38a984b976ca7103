import { join } from 'node:path';
import { RunningExecutions } from '../local/executions.ts';
import { type LivingHome, readHome } from '../local/home.ts';
import { KILLED, lostReason, runOfName } from '../local/lost-executions.ts';
import type { SqlRow } from '../warehouse/client.ts';

/**
 * The ledger's runs as they are by now: an open one that nobody runs any more did not end by itself, and those that
 * were killed before they came into the ledger are runs, too.
 */
export async function endedRuns(
  rows: readonly SqlRow[],
  home: string,
): Promise<{ nights: SqlRow[]; owner: LivingHome | undefined }> {
  const left = await new RunningExecutions(join(home, 'logs')).leftBehind();
  const owner = await readHome(home);
  // An owner that is opening the home has not looked yet at what a killed one left.
  const unnotified = left.filter(({ told }) => !told).map(({ name }) => name);
  const alive = new Set(owner && !owner.opening ? unnotified : []);
  const nights = rows.map((row): SqlRow => {
    if (row.status !== 'Running' || alive.has(String(row.run_id))) return row;
    return { ...row, status: 'Interrupted', reasons: JSON.stringify([lostReason(KILLED)]) };
  });
  const names = left.map(({ name }) => name);
  return { nights: owner ? nights : withKilled(nights, names), owner };
}

/**
 * Pure: the ledger's nights, newest first, and with them those that were killed before they came into it (in Open
 * Night, or before there was a warehouse). One whose session is done had nothing left to do and is left out.
 * @param left names of executions that no living process runs
 */
export function withKilled(nights: readonly SqlRow[], left: readonly string[]): SqlRow[] {
  const known = new Set(nights.map(({ run_id }) => run_id));
  // A backfill that brought the session is no night of it.
  const isDone = ({ kind, status }: SqlRow) => kind !== 'backfill' && kind !== 'task' && status === 'Succeeded';
  const done = new Set(nights.filter(isDone).map(({ session }) => session));
  const killed = left.flatMap((name): SqlRow[] => {
    const run = runOfName(name);
    if (run?.kind !== 'night' || known.has(name) || done.has(run.session)) return [];
    return [
      {
        run_id: name,
        execution_arn: null,
        session: run.session,
        kind: 'night',
        status: 'Interrupted',
        started_at: run.startedAt.slice(0, 19).replace('T', ' '),
        completed_at: null,
        released_run: null,
        reasons: JSON.stringify([lostReason(KILLED)]),
        summary: '{}',
      },
    ];
  });
  return [...killed, ...nights].sort((a, b) => (String(a.started_at) < String(b.started_at) ? 1 : -1));
}
