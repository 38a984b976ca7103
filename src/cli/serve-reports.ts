import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NamedError } from '../errors.ts';
import { keys } from '../lake/keys.ts';
import { type Lake, listAll, readJson } from '../lake/lake.ts';
import type { NightReport } from '../night/night.ts';
import { nightPage, nightsPage, notFoundPage, symbolPage } from '../night/report/browse.ts';
import { checkSymbol } from '../records/symbol.ts';
import type { Context } from './context.ts';
import { homeLake } from './home-lake.ts';

/** Serves the list of nights, each night and the bars of any symbol on loopback until Ctrl-C. */
export async function serveReports(
  { port: asked = '0' }: { port?: string },
  { config, terminal, signal }: Context,
): Promise<number> {
  const wanted = Number(asked);
  if (!Number.isInteger(wanted) || wanted < 0 || wanted > 65535) {
    throw new NamedError('Usage.Invalid', { what: `--port ${asked} is no port`, wanted: 'a number up to 65535' });
  }
  const lake = homeLake(config);
  const server = createServer((request, response) => {
    answer(request, lake, config.REPORT_SYMBOLS).then(
      ({ status, page }) => send(response, status, page),
      (error: Error) =>
        send(response, 500, notFoundPage('This page could not be made', `${error.name}: ${error.message}`)),
    );
  });
  server.listen(wanted, '127.0.0.1');
  await Promise.race([
    once(server, 'listening'),
    once(server, 'error').then(([error]) => Promise.reject(portTaken(wanted, error as Error))),
  ]);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (terminal.json) terminal.print(JSON.stringify({ url }));
  else terminal.print(`All nights: ${url}\nCtrl-C ends it.`);
  if (!signal.aborted) await once(signal, 'abort');
  server.closeAllConnections();
  server.close();
  return 0;
}

function portTaken(port: number, cause: Error): NamedError {
  return new NamedError(
    'Usage.Invalid',
    { what: `port ${port} cannot be used`, found: cause.message, wanted: 'a free port, or no --port' },
    { cause },
  );
}

interface Answer {
  status: number;
  page: string;
}

async function answer(
  { url = '/', headers, method }: IncomingMessage,
  lake: Lake,
  symbols: readonly string[],
): Promise<Answer> {
  // A page elsewhere that had its own name point to this machine would come with that name.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(headers.host ?? ''))
    return missing('Unknown host', 'Ask for 127.0.0.1.');
  if (method !== 'GET' && method !== 'HEAD') return missing('Nothing to do here', 'These pages are for reading.');
  const { pathname, searchParams } = new URL(url, 'http://127.0.0.1');
  if (pathname === '/') return { status: 200, page: nightsPage(await readNights(lake)) };
  const session = /^\/nights\/(\d{4}-\d{2}-\d{2})$/.exec(pathname)?.[1];
  if (session) return nightAnswer(lake, session, symbols);
  if (pathname !== '/symbols') return missing('There is no such page', 'The list of nights is at /.');
  const symbol = searchParams.get('symbol') ?? '';
  const wrong = checkSymbol(symbol);
  if (wrong) return missing('That is no symbol', wrong);
  const page = await symbolPage(lake, symbol);
  return page
    ? { status: 200, page }
    : missing(`The lake holds no bar of ${symbol}`, 'Case and spelling are the vendor’s, e.g. BRK.B.');
}

async function nightAnswer(lake: Lake, session: string, symbols: readonly string[]): Promise<Answer> {
  const report = await readJson<NightReport>(lake, keys.report(session, 'night.json'));
  if (!report) return missing(`No night ran for ${session}`, 'The list of nights is at /.');
  return { status: 200, page: await nightPage(lake, report, symbols) };
}

function missing(title: string, text: string): Answer {
  return { status: 404, page: notFoundPage(title, text) };
}

async function readNights(lake: Lake): Promise<NightReport[]> {
  const files = (await listAll(lake, 'reports/date='))
    .map(({ key }) => key)
    .filter((key) => key.endsWith('/night.json'));
  const reports = await Promise.all(
    files.reverse().map((key) => readJson<NightReport>(lake, key).catch(() => undefined)),
  );
  return reports.filter((report) => report !== undefined);
}

function send(response: ServerResponse, status: number, page: string): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(page);
}
