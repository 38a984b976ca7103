import type { SqlRow } from '../../warehouse/client.ts';

const NAME = /^night-(\d{4}-\d\d-\d\d)-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)/;

/**
 * Pure: the ledger's nights, newest first, and with them those that were killed before they came into it (in Open
 * Night, or before there was a warehouse). One whose session is done had nothing left to do and is left out.
 * @param left names of executions that no living process runs
 */
export function withKilled(nights: readonly SqlRow[], left: readonly string[]): SqlRow[] {
  const known = new Set(nights.map(({ run_id }) => run_id));
  const done = new Set(nights.filter(({ status }) => status === 'Succeeded').map(({ session }) => session));
  const killed = left.flatMap((name): SqlRow[] => {
    const [, session, year, month, day, ...clock] = NAME.exec(name) ?? [];
    if (session === undefined || known.has(name) || done.has(session)) return [];
    return [
      {
        run_id: name,
        execution_arn: null,
        session,
        kind: 'night',
        status: 'Interrupted',
        started_at: `${year}-${month}-${day} ${clock.join(':')}`,
        completed_at: null,
        released_run: null,
        reasons: JSON.stringify(['interrupted: its process ended in Open Night, or before']),
        summary: '{}',
      },
    ];
  });
  return [...killed, ...nights].sort((a, b) => (String(a.started_at) < String(b.started_at) ? 1 : -1));
}
