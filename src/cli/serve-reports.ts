import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import type { Lake } from '../lake/lake.ts';
import { readHome } from '../local/home.ts';
import { listenOnLoopback, ownRequestsOnly } from '../local/loopback.ts';
import { isReplayed } from '../local/practice.ts';
import { everyRun, lakeReports } from '../report/find-run.ts';
import { loadPlot } from '../report/plots.ts';
import type { RunLedger } from '../report/runs-page.ts';
import { failurePage, openSite, type PageResponse, pageFor } from '../report/serve.ts';
import type { SqlRow } from '../warehouse/client.ts';
import { asOfNow, findRun } from './asked-run.ts';
import { type Context, homeLake } from './context.ts';
import { endedRuns } from './ended-runs.ts';
import { withWarehouse } from './pipeline.ts';
import { askedPort, portRefused } from './port.ts';

/** Serves nights, reference lists and the bars of any symbol on loopback until Ctrl-C. */
export async function serveReports({ port: asked }: { port?: string }, context: Context): Promise<number> {
  const { config, program, terminal, signal } = context;
  const wanted = askedPort(asked);
  const script = pageScript(program.pages);
  const lake = homeLake(config);
  const replayed = await isReplayed(config.AFTERBELL_HOME);
  const more = { script, typed: terminal.typed, ledger: openLedger(lake, context), replayed };
  const site = openSite(lake, config.REPORT_SYMBOLS, more);
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

/**
 * The ledger for pages. The database is opened again only after somebody has written to it or read it: opening it takes
 * a second of the processor, and a list of runs is looked at often.
 */
function openLedger(lake: Lake, context: Context): RunLedger {
  const home = resolve(context.config.AFTERBELL_HOME);
  let kept: { version: string; rows: SqlRow[] } | undefined;
  const rows = async () => {
    const version = await ledgerVersion(home, context.config);
    if (version !== undefined && kept?.version === version) return kept.rows;
    const read = (await withWarehouse(context, everyRun)) ?? [];
    // Reading it has changed its files, too.
    const after = await ledgerVersion(home, context.config);
    kept = after === undefined ? undefined : { version: after, rows: read };
    return read;
  };
  return {
    runs: async () => (await endedRuns(await rows(), home)).nights,
    async run(runId) {
      const session = (await rows()).find(({ run_id }) => run_id === runId)?.session;
      const [report] = session === undefined ? [] : await lakeReports(lake, { runId, session: String(session) });
      return report ? asOfNow(report, lake) : findRun({ runId }, lake, context);
    },
  };
}

/** A text that changes when the embedded database does; undefined while somebody has it open, and for another one. */
async function ledgerVersion(home: string, { DATABASE_URL }: Context['config']): Promise<string | undefined> {
  if (DATABASE_URL !== undefined || (await readHome(home)) !== undefined) return undefined;
  const cluster = join(home, 'warehouse', 'pgdata');
  const log = join(cluster, 'pg_wal');
  const names = await readdir(log).catch(() => []);
  const files = [join(cluster, 'global', 'pg_control'), ...names.sort().map((name) => join(log, name))];
  const times = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  return times.join(' ');
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
