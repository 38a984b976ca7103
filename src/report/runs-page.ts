import { dateOfKey, type Lake, listAll } from '../lake/lake.ts';
import { readReport } from '../lake/reports.ts';
import { counted, duration, exchangeTime, figure, ledgerInstant } from '../text.ts';
import type { SqlRow } from '../warehouse/client.ts';
import { type Frame, framedPage } from './browse.ts';
import { type Html, html, tableOf } from './html.ts';
import type { ReportedRun } from './model.ts';
import { partReader } from './unread.ts';

/** Where runs are found that left no report of their own: killed ones, and those whose session had a later night. */
export interface RunLedger {
  /** Rows of `every-run`, and runs that were killed before they came into it. */
  runs(): Promise<SqlRow[]>;
  /** @throws Usage.Invalid for a run that nobody knows */
  run(runId: string): Promise<ReportedRun>;
}

/** One line of the list. */
interface ListedRun {
  runId: string;
  session: string;
  kind: string;
  status: string;
  startedAt: string;
  /** Undefined for a run without a verdict. */
  seconds?: number | undefined;
  reason: string;
  /** Its report is the one of its session. */
  isNight: boolean;
}

const SHOWN = 200;

/** Every run, the newest first, and what could not be read. @param from the row to begin with */
export async function runsPage(lake: Lake, ledger: RunLedger | undefined, from: number, frame: Frame): Promise<string> {
  const unread: string[] = [];
  const attempt = partReader(unread);
  const reported = await reportedRuns(lake, unread);
  const known = await attempt('ledger', async () => (await ledger?.runs()) ?? [], []);
  const ids = new Set(reported.map(({ runId }) => runId));
  const others = known.filter(({ run_id }) => !ids.has(String(run_id))).map(listed);
  const runs = [...reported, ...others].sort((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  const first = Math.min(from, Math.max(runs.length - 1, 0));
  const page = runs.slice(first, first + SHOWN);
  const missing =
    unread.length > 0 &&
    html`<section><h2>What could not be read</h2><ul>${unread.map((line) => html`<li>${line}</li>`)}</ul></section>`;
  const none =
    unread.length === 0 && html`<p>No night has run yet. Start one with <code>npx afterbell night</code>.</p>`;
  return framedPage('Nights', html`${page.length > 0 ? tableOfRuns(page, first, runs.length) : none}${missing}`, frame);
}

function tableOfRuns(page: readonly ListedRun[], first: number, all: number): Html {
  const rows = page.map((run) => [
    html`<a href="${pathOf(run)}">${run.session}</a>`,
    run.status,
    run.kind,
    exchangeTime(run.startedAt),
    run.seconds === undefined ? '' : duration(run.seconds),
    run.reason,
  ]);
  const columns = [
    { title: 'session' },
    { title: 'status', word: true },
    { title: 'kind' },
    { title: 'started' },
    { title: 'took', number: true },
    { title: 'first reason', long: true },
  ];
  const caption =
    all <= SHOWN
      ? 'Every run, the newest first.'
      : `Runs ${figure(first + 1)} to ${figure(first + page.length)} of ${counted(all, 'run')}, the newest first.`;
  const more = html`<nav aria-label="More runs"><ul>${first > 0 && html`<li><a href="/?from=${Math.max(first - SHOWN, 0)}">Newer runs</a></li>`}${first + SHOWN < all && html`<li><a href="/?from=${first + SHOWN}">Older runs</a></li>`}</ul></nav>`;
  return html`${tableOf(caption, columns, rows)}${all > SHOWN && more}`;
}

/** A session's own address stays the same whatever is run for it again. */
function pathOf({ isNight, session, runId }: ListedRun): string {
  return isNight ? `/nights/${session}` : `/runs/${encodeURIComponent(runId)}`;
}

async function reportedRuns(lake: Lake, unread: string[]): Promise<ListedRun[]> {
  const files = (await listAll(lake, 'reports/date='))
    .map(({ key }) => key)
    .filter((key) => /\/(night|run=[^/]*)\.json$/.test(key));
  const read = await Promise.all(
    files.map(async (key): Promise<ListedRun | undefined> => {
      const report = await readReport(lake, key).catch((error: Error) => void unread.push(error.message));
      if (!report) return undefined;
      const { runId, kind, status, startedAt, seconds, reasons } = report;
      const session = dateOfKey(key) ?? report.session;
      const isNight = key.endsWith('/night.json');
      return { runId, session, kind, status, startedAt, seconds, reason: reasons[0] ?? '', isNight };
    }),
  );
  return read.filter((run) => run !== undefined);
}

function listed({ run_id, session, kind, status, started_at, completed_at, reasons }: SqlRow): ListedRun {
  const [startedAt, ended] = [ledgerInstant(started_at) ?? '', ledgerInstant(completed_at)];
  const hasVerdict = ended !== null && status !== 'Interrupted' && status !== 'Running';
  return {
    runId: String(run_id),
    session: String(session),
    kind: String(kind),
    status: String(status),
    startedAt,
    seconds: hasVerdict ? (Date.parse(ended) - Date.parse(startedAt)) / 1000 : undefined,
    reason: (JSON.parse(String(reasons ?? '[]')) as string[])[0] ?? '',
    isNight: false,
  };
}
