import { type Reason, readReasons, type StoredReasons } from '../records/reason.ts';
import type { NightReport } from '../records/run.ts';
import { statement } from '../text.ts';
import type { Warehouse } from './client.ts';
import sql from './ledger.sql';

const closeNightSql = statement(sql, 'close-night');

/** A run that has ended, as the ledger keeps it. */
export type ClosedRun = Pick<
  NightReport,
  'runId' | 'session' | 'status' | 'datasets' | 'reasons' | 'reasonDetails' | 'sessions' | 'completedAt' | 'cost'
> & { releasedRun: string | null };

/** Enters how a run ended, and one row a task. A repeated call changes nothing. */
export async function closeLedger(run: ClosedRun, warehouse: Warehouse): Promise<undefined> {
  const { runId, session, status, datasets, reasons, completedAt, releasedRun } = run;
  const tasks = datasets.map((set) => ({
    task: set.task,
    status: set.status,
    rows: set.new + set.changed,
    error: set.status === 'success' ? null : set.reasons.join('; ') || null,
    // What never ran has no start, and ends with the verdict; so does a task in a report of an earlier version.
    started_at: set.startedAt ? timestamp(set.startedAt) : null,
    completed_at: timestamp(set.endedAt ?? completedAt),
    seconds: set.seconds,
    metadata: {
      run_id: runId,
      session,
      rows: set.rows,
      revised: set.revised,
      rejected: set.rejected,
      pages: set.pages,
      ...(set.fresh !== undefined && { fresh: set.fresh }),
      ...reasonsBySession(set),
      ...(set.failed && { failed: set.failed }),
    },
  }));
  await warehouse.query(closeNightSql, {
    run_id: runId,
    status,
    completed_at: timestamp(completedAt),
    reasons: JSON.stringify(reasons),
    summary: summaryOf(run),
    released_run: releasedRun,
    tasks: JSON.stringify(tasks),
  });
  return undefined;
}

/** Where single sessions have their reasons, each with its session: `error_message` has them as one text. */
function reasonsBySession(set: StoredReasons): { reasons?: Reason[] } {
  const reasons = readReasons(set).map(({ session, text }) => ({ session, text }));
  return reasons.some(({ session }) => session !== undefined) ? { reasons } : {};
}

/** `nights.summary` */
export function summaryOf({
  datasets,
  sessions: { held, failed },
  reasonDetails,
  cost,
}: Pick<ClosedRun, 'datasets' | 'sessions' | 'reasonDetails' | 'cost'>): string {
  const more = { ...(reasonDetails && { reasonDetails }), ...(cost && { cost }) };
  return JSON.stringify({ datasets, sessions: { held, failed }, ...more });
}

/** PostgreSQL's text of an instant, UTC without a zone. */
export function timestamp(iso: string): string {
  return iso.replace('T', ' ').replace('Z', '');
}
