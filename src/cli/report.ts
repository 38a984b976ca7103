import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askedDate } from '../calendar/calendar.ts';
import { NamedError } from '../errors.ts';
import { keys, type Lake } from '../lake/lake.ts';
import { usableIngest } from '../lake/session-files.ts';
import { readHome } from '../local/home.ts';
import { listenOnLoopback, ownRequestsOnly } from '../local/loopback.ts';
import { readHistory } from '../report/data.ts';
import { lakeReports, ledgerRuns, type RequestedRun, runOfLedger } from '../report/find-run.ts';
import type { ReportedRun } from '../report/model.ts';
import { reportPage, writePage } from '../report/page.ts';
import { loadPlot } from '../report/plots.ts';
import { failurePage, openSite, type PageResponse, pageFor } from '../report/serve.ts';
import { placeIn, there } from '../text.ts';
import type { SqlRow } from '../warehouse/client.ts';
import { type Context, homeLake } from './context.ts';
import { localOnly, withWarehouse } from './pipeline.ts';
import { askedPort, portRefused } from './port.ts';
import { statusWord } from './terminal.ts';

export interface ReportOptions {
  session?: string;
  run?: string;
  open?: boolean;
  serve?: boolean;
  port?: string;
}

/** Renders the page of a run and says where it is; or serves all of them. */
export async function report(options: ReportOptions, context: Context): Promise<number> {
  if (options.session !== undefined && options.run !== undefined) {
    throw new NamedError('Usage.Invalid', {
      what: 'a report is of a session or of a run',
      found: 'both',
      wanted: 'one of --session and --run',
    });
  }
  const { config, terminal } = context;
  if (options.serve) {
    const why = "a stage's pages are fetched one by one: npx afterbell report --session D --stage NAME --open";
    if (context.stage) throw localOnly('report --serve', why);
    return serveReports(options, context);
  }
  const asked = {
    ...(options.session === undefined ? {} : { session: askedDate(options.session) }),
    ...(options.run === undefined ? {} : { runId: options.run }),
  };
  const lake = homeLake(config);
  const run = await findRun(asked, lake, context);
  const key = await pageOf(run, lake);
  const path = context.stage
    ? await fetchPage(run, key, lake, context.stage.stage, context)
    : placeIn(lake, await writePage(lake, run, key, config.REPORT_SYMBOLS));
  if (terminal.json)
    terminal.print(JSON.stringify({ path, runId: run.runId, session: run.session, status: run.status }));
  else {
    terminal.note(`${statusWord(run.status, terminal)}: ${run.kind} for session ${run.session} (${run.runId})`);
    terminal.print(path);
  }
  if (options.open) openPage(path, context);
  return 0;
}

/** The page a stage has stored, or one made here of what it has; in the folder for temporary files, never over there. */
async function fetchPage(
  run: ReportedRun,
  key: string,
  lake: Lake,
  stage: string,
  { config, terminal }: Pick<Context, 'config' | 'terminal'>,
): Promise<string> {
  const history = () => readHistory(lake, run, config.REPORT_SYMBOLS);
  const page = (await lake.read(key)) ?? (await reportPage(run, await history(), terminal.typed));
  // A folder of its own that nobody else can enter, under a name nobody can know before.
  const path = join(await mkdtemp(join(tmpdir(), `afterbell-${stage}-`)), 'report.html');
  await writeFile(path, page, { flag: 'wx', mode: 0o600 });
  return path;
}

/** @throws Usage.Invalid, saying which runs or sessions there are */
async function findRun(asked: RequestedRun, lake: Lake, context: Context): Promise<ReportedRun> {
  const ledger = await withWarehouse(context, (warehouse) => ledgerRuns(warehouse, asked));
  const [row] = ledger ?? [];
  const reports = await lakeReports(lake, row ? { runId: String(row.run_id), session: String(row.session) } : asked);
  if (reports[0]) return reports[0];
  const alive = async () =>
    context.stage !== undefined || (await readHome(context.config.AFTERBELL_HOME)) !== undefined;
  if (row) return runOfLedger(row, lake, await alive());
  throw await unknown(asked, lake, context);
}

async function unknown({ runId, session }: RequestedRun, lake: Lake, context: Context): Promise<NamedError> {
  if (runId?.startsWith('portfolio-')) {
    return new NamedError('Usage.Invalid', {
      what: `${runId} is a portfolio run, which has no page`,
      todo: `What it came to: npx afterbell portfolios${there(context)}`,
    });
  }
  const bringer = session && (await usableIngest(lake, session))?.runId;
  const known = (await withWarehouse(context, (warehouse) => ledgerRuns(warehouse, {}))) ?? [];
  const what = runId
    ? `no run is called ${runId}`
    : session
      ? `no night ran for session ${session}`
      : 'no night has run here yet';
  if (bringer) {
    return new NamedError('Usage.Invalid', {
      what,
      found: `its bars, brought by ${bringer}`,
      todo: `npx afterbell report --run ${bringer}${there(context)}`,
    });
  }
  if (known.length === 0) {
    return new NamedError('Usage.Invalid', {
      what,
      found: `nothing in ${lake.uri}`,
      todo: 'Run one: npx afterbell night. Or check AFTERBELL_HOME.',
    });
  }
  const far = (row: SqlRow) => Math.abs(Date.parse(String(row.session)) - Date.parse(session ?? ''));
  const near = session ? known.toSorted((a, b) => far(a) - far(b)) : known;
  const names = near.map((row) => String(runId ? row.run_id : row.session));
  return new NamedError('Usage.Invalid', {
    what,
    wanted: `one of ${[...new Set(names)].slice(0, 5).join(', ')}`,
    todo: `npx afterbell status${there(context)} lists the last runs.`,
  });
}

/** A night's own page is index.html; a run without a report of its own must not take its place. */
async function pageOf(run: ReportedRun, lake: Lake): Promise<string> {
  const [current] =
    run.kind === 'night' || run.kind === 'release' ? await lakeReports(lake, { session: run.session }) : [];
  return keys.report(run.session, current?.runId === run.runId ? 'index.html' : `run=${run.runId}.html`);
}

function openPage(path: string, { terminal }: Context): void {
  const [program, ...args] =
    process.platform === 'darwin' ? ['open'] : process.platform === 'win32' ? ['cmd', '/c', 'start', ''] : ['xdg-open'];
  const child = spawn(program!, [...args, path], { detached: true, stdio: 'ignore' });
  child.once('error', () => terminal.note(`No program here opens pages; open ${path} yourself.`));
  child.unref();
}

/** Serves nights, reference lists and the bars of any symbol on loopback until Ctrl-C. */
export async function serveReports(
  { port: asked }: { port?: string },
  { config, program, terminal, signal }: Context,
): Promise<number> {
  const wanted = askedPort(asked);
  const script = pageScript(program.pages);
  const site = openSite(homeLake(config), config.REPORT_SYMBOLS, { script, typed: terminal.typed });
  const server = createServer(
    ownRequestsOnly((request, response) => {
      pageFor(request, site)
        .catch(async (error: Error): Promise<PageResponse> => ({ status: 500, page: await failurePage(error, site) }))
        .then((answer) => send(response, answer));
    }),
  );
  const url = await listenOnLoopback(server, wanted).catch((error: Error) => {
    throw portRefused(wanted, error);
  });
  if (terminal.json) terminal.print(JSON.stringify({ url }));
  else terminal.print([`Symbols, nights and reference lists: ${url}`, 'Ctrl-C ends it.']);
  // What the first page would wait for; a lake that cannot be read is for the page to say.
  void Promise.all([site.browsed.listing(), site.browsed.splits(), site.browsed.companies(), loadPlot()]).catch(
    () => {},
  );
  if (!signal.aborted) await once(signal, 'abort');
  server.closeAllConnections();
  server.close();
  return 0;
}

/** Named after its content, so that a browser keeps it until it is another. */
function pageScript(path: string): { path: string; text: string } {
  const text = readFileSync(path, 'utf8');
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { path: `/pages-${hash}.js`, text };
}

function send(response: ServerResponse, { status, page, type, location, lasting }: PageResponse): void {
  response.writeHead(status, {
    'content-type': type ?? 'text/html; charset=utf-8',
    'cache-control': lasting ? 'private, max-age=31536000, immutable' : 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...(location !== undefined && { location }),
  });
  response.end(page);
}
