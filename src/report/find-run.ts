import { dateOfKey, keys, type Lake, lakeKind, listAll, readJson } from '../lake/lake.ts';
import { readReport } from '../lake/reports.ts';
import { usableIngest } from '../lake/session-files.ts';
import { stagedDates } from '../lake/staging.ts';
import type { ReasonDetail } from '../records/reason.ts';
import type { DatasetResult, JobResult, NightCost, NightKind, NightReport, NightStatus } from '../records/run.ts';
import { statement } from '../text.ts';
import type { SqlRow, Warehouse } from '../warehouse/client.ts';
import sql from '../warehouse/ledger.sql';
import { readPaged } from '../warehouse/paged.ts';
import type { ReportedRun } from './model.ts';

const everyRunSql = statement(sql, 'every-run');
const nightsToReportSql = statement(sql, 'nights-to-report');

/** A session file may have been brought by any of the last so many. */
const LOOKED_AT = 300;
const JOBS = ['consolidate', 'resample'] as const;
const EMPTY = { new: 0, revised: 0, rejected: 0, pages: 0, reasons: [] };

export interface RequestedRun {
  runId?: string;
  session?: string;
}

/** The ledger's rows for what was asked, the newest first; none when the warehouse has no ledger yet. */
export async function ledgerRuns(
  warehouse: Warehouse,
  { runId = null, session = null }: Partial<Record<keyof RequestedRun, string | null>>,
): Promise<SqlRow[]> {
  return pagedRuns(warehouse, nightsToReportSql, { run_id: runId, session });
}

/** Every run the ledger knows, the newest first, without what it came to. */
export async function everyRun(warehouse: Warehouse): Promise<SqlRow[]> {
  return pagedRuns(warehouse, everyRunSql, {});
}

async function pagedRuns(
  warehouse: Warehouse,
  statement: string,
  values: Record<string, string | null>,
): Promise<SqlRow[]> {
  const [found] = await warehouse.query("SELECT to_regclass('nights')::text AS nights");
  if (!found?.nights) return [];
  return readPaged(warehouse, statement, values, { key: ['started_at', 'run_id'], descending: true });
}

/** The reports of the lake that were asked for, the newest first. */
export async function lakeReports(lake: Lake, { runId, session }: RequestedRun): Promise<NightReport[]> {
  const entries = await listAll(lake, session ? `reports/date=${session}/` : 'reports/date=');
  const files = entries.map(({ key }) => key).filter((key) => /\/(night|run=[^/]*)\.json$/.test(key));
  const wanted = runId ? files : files.filter((key) => key.endsWith('/night.json')).slice(-1);
  const found: NightReport[] = [];
  for (const key of wanted.sort((a, b) => (dateOfKey(a)! < dateOfKey(b)! ? 1 : -1))) {
    const report = await readReport(lake, key).catch(() => undefined);
    if (report && (!runId || report.runId === runId)) found.push(report);
  }
  return found;
}

/**
 * A run the ledger knows and that left no report of its own: killed before its verdict, or its night.json was replaced
 * by a later run of the session. Put together from the ledger and from what it left in the lake.
 * @param alive whether a living process owns the home, so that a run without an end may still be going on
 */
export async function runOfLedger(row: SqlRow, lake: Lake, alive: boolean): Promise<ReportedRun> {
  const runId = String(row.run_id);
  const summary = JSON.parse(String(row.summary ?? '{}')) as {
    datasets?: DatasetResult[];
    sessions?: { held?: string[]; failed?: string[] };
    reasonDetails?: ReasonDetail[];
    cost?: NightCost;
  };
  const reasons = JSON.parse(String(row.reasons ?? '[]')) as string[];
  const closed = summary.datasets !== undefined;
  const status = closed ? (row.status as NightStatus) : row.status === 'Running' && alive ? 'Running' : 'Interrupted';
  const staged = closed ? [] : await stagedDates(lake, runId);
  const completedAt = iso(row.completed_at) ?? iso(row.started_at)!;
  return {
    runId,
    session: String(row.session),
    kind: row.kind as NightKind,
    status,
    practice: (await lakeKind(lake)) === 'practice',
    startedAt: iso(row.started_at)!,
    completedAt,
    seconds: closed ? (Date.parse(completedAt) - Date.parse(iso(row.started_at)!)) / 1000 : 0,
    datasets: summary.datasets ?? (await jobsOf(lake, runId)),
    reasons:
      reasons.length > 0 || status !== 'Interrupted'
        ? reasons
        : ['interrupted: the process or execution ended before Close Night'],
    reasonDetails: summary.reasonDetails,
    ...(summary.cost && { cost: summary.cost }),
    notes: staged.length > 0 ? [`staged and not yet published: ${staged.join(', ')}; the next run adopts it`] : [],
    sessions: {
      published: await publishedBy(lake, runId),
      held: summary.sessions?.held ?? [],
      failed: summary.sessions?.failed ?? [],
    },
  };
}

/** What the jobs of a killed run had finished. */
async function jobsOf(lake: Lake, runId: string): Promise<DatasetResult[]> {
  const found: DatasetResult[] = [];
  for (const job of JOBS) {
    const result = await readJson<JobResult>(lake, keys.jobResult(job)).catch(() => undefined);
    if (result?.runId !== runId) continue;
    const { rows = 0, filesWritten = 0, seconds } = result;
    found.push({
      ...EMPTY,
      name: job,
      task: job,
      status: result.status === 'success' ? 'success' : 'failed',
      rows,
      changed: filesWritten,
      seconds,
    });
  }
  return found;
}

async function publishedBy(lake: Lake, runId: string): Promise<string[]> {
  const dates = (await listAll(lake, 'processing_metadata/ingest/date='))
    .map(({ key }) => dateOfKey(key) ?? '')
    .slice(-LOOKED_AT);
  const ingests = await Promise.all(dates.map((date) => usableIngest(lake, date)));
  return dates.filter((_, index) => ingests[index]?.runId === runId);
}

/** The ledger's timestamps are UTC without a zone. */
function iso(timestamp: unknown): string | undefined {
  return timestamp ? `${String(timestamp).replace(' ', 'T')}Z` : undefined;
}
