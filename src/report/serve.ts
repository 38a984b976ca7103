import type { IncomingMessage } from 'node:http';
import { keys, type Lake, listAll } from '../lake/lake.ts';
import { readReport } from '../lake/reports.ts';
import type { NightReport } from '../records/run.ts';
import { checkSymbol } from '../records/symbol.ts';
import { nightPage, nightsPage, notFoundPage, symbolPage } from './browse.ts';
import type { Typed } from './sections.ts';

/** What a request's path is read against. */
const BASE = 'http://127.0.0.1';

interface PageResponse {
  status: number;
  page: string;
}

/**
 * The page that a request asks for: the list of nights, a night, the bars of a symbol, or one that says why there is none.
 * @throws Lake.Corrupt for one whose files cannot be read
 */
export async function pageFor(
  { url = '/', method }: Pick<IncomingMessage, 'url' | 'method'>,
  lake: Lake,
  symbols: readonly string[],
  typed?: Typed,
): Promise<PageResponse> {
  if (method !== 'GET' && method !== 'HEAD') return missing('Nothing to do here', 'These pages are for reading.');
  if (!URL.canParse(url, BASE)) {
    return { status: 400, page: notFoundPage('That is no address', 'The list of nights is at /.') };
  }
  const { pathname, searchParams } = new URL(url, BASE);
  if (pathname === '/') {
    const { nights, unread } = await readNights(lake);
    return { status: 200, page: nightsPage(nights, unread) };
  }
  const session = /^\/nights\/(\d{4}-\d{2}-\d{2})$/.exec(pathname)?.[1];
  if (session) return nightAnswer(lake, session, symbols, typed);
  if (pathname !== '/symbols') return missing('There is no such page', 'The list of nights is at /.');
  const symbol = searchParams.get('symbol') ?? '';
  const wrong = checkSymbol(symbol);
  if (wrong) return missing('That is no symbol', wrong);
  const page = await symbolPage(lake, symbol);
  return page
    ? { status: 200, page }
    : missing(`The lake holds no bar of ${symbol}`, 'Case and spelling are the vendor’s, e.g. BRK.B.');
}

async function nightAnswer(
  lake: Lake,
  session: string,
  symbols: readonly string[],
  typed: Typed | undefined,
): Promise<PageResponse> {
  const report = await readReport(lake, keys.report(session, 'night.json'));
  if (!report) return missing(`No night ran for ${session}`, 'The list of nights is at /.');
  return { status: 200, page: await nightPage(lake, report, symbols, typed) };
}

function missing(title: string, text: string): PageResponse {
  return { status: 404, page: notFoundPage(title, text) };
}

/** Every night, the newest first, and why one cannot be shown. */
async function readNights(lake: Lake): Promise<{ nights: NightReport[]; unread: string[] }> {
  const files = (await listAll(lake, 'reports/date='))
    .map(({ key }) => key)
    .filter((key) => key.endsWith('/night.json'));
  const read = await Promise.all(files.reverse().map((key) => readReport(lake, key).catch((error: Error) => error)));
  return {
    nights: read.flatMap((one) => (one === undefined || one instanceof Error ? [] : [one])),
    unread: read.flatMap((one) => (one instanceof Error ? [one.message] : [])),
  };
}
