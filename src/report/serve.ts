import type { IncomingMessage } from 'node:http';
import { isNamed } from '../errors.ts';
import { keys, type Lake, lakeKind } from '../lake/lake.ts';
import { readReport } from '../lake/reports.ts';
import { checkSymbol } from '../records/symbol.ts';
import { type Frame, framedPage, notePage, runPage } from './browse.ts';
import { html } from './html.ts';
import { listContent, listsContent, type Refused } from './list-pages.ts';
import { type RunLedger, runsPage } from './runs-page.ts';
import type { Typed } from './sections.ts';
import { type BarRequest, type BrowsedLake, browseLake, readSymbolBars, storedIntervals } from './symbol-bars.ts';
import { symbolContent, symbolLinks, symbolPath } from './symbol-page.ts';
import { searchSymbols, symbolNamed } from './symbol-search.ts';

/** What a request's path is read against. */
const BASE = 'http://127.0.0.1';
const LONGEST_SEARCH = 100;
/** Symbols that one search shows on a page of its own. */
const FOUND = 40;

export interface PageResponse {
  status: number;
  page: string;
  /** Of the page; HTML where it is left out. */
  type?: string;
  /** Where the page is instead. */
  location?: string;
  /** The same for as long as its path is the same. */
  lasting?: boolean;
}

/** What the pages are made of. */
export interface Site {
  browsed: BrowsedLake;
  /** Whose bars a night's page shows. */
  symbols: readonly string[];
  /** The pages' script, which they work without, too. */
  script?: { path: string; text: string } | undefined;
  /** Writes commands as their reader types them. */
  typed?: Typed | undefined;
  /** Its bars are real ones that a practice market served again. */
  replayed?: boolean | undefined;
  /** Runs without a report of their own; none where there is no ledger to ask. */
  ledger?: RunLedger | undefined;
}

export function openSite(
  lake: Lake,
  symbols: readonly string[],
  more: Pick<Site, 'script' | 'typed' | 'ledger' | 'replayed'> = {},
): Site {
  return { browsed: browseLake(lake), symbols, ...more };
}

type Asked = { site: Site; lake: Lake; frame: Frame; pathname: string; params: URLSearchParams };

/**
 * The page that a request asks for: nights, a night, a symbol's bars, reference lists, what a search finds; or one that
 * says why there is none.
 * @throws Lake.Corrupt for one whose files cannot be read
 */
export async function pageFor(
  { url = '/', method }: Pick<IncomingMessage, 'url' | 'method'>,
  site: Site,
): Promise<PageResponse> {
  const { lake } = site.browsed;
  const frame = await frameOf(lake, site);
  if (method !== 'GET' && method !== 'HEAD') {
    return { status: 404, page: notePage('Nothing to do here', 'These pages are for reading.', frame) };
  }
  if (!URL.canParse(url, BASE)) {
    return { status: 400, page: notePage('That is no address', 'The list of nights is at /.', frame) };
  }
  const { pathname, searchParams: params } = new URL(url, BASE);
  const asked: Asked = { site, lake, frame, pathname, params };
  if (pathname === '/') return runsAnswer(asked);
  if (pathname === site.script?.path) {
    return { status: 200, page: site.script.text, type: 'text/javascript; charset=utf-8', lasting: true };
  }
  const session = /^\/nights\/(\d{4}-\d{2}-\d{2})$/.exec(pathname)?.[1];
  if (session) return nightAnswer(session, asked);
  const run = /^\/runs\/([\w-]{1,200})$/.exec(pathname)?.[1];
  if (run) return runAnswer(run, asked);
  if (pathname === '/symbols') return symbolAnswer(asked);
  if (pathname === '/search') return searchAnswer(asked);
  if (pathname === '/suggest') return suggestAnswer(asked);
  if (pathname === '/lists') {
    return { status: 200, page: framedPage('Reference lists', await listsContent(lake), frame) };
  }
  const list = /^\/lists\/([^/]+)$/.exec(pathname)?.[1];
  if (list) return listAnswer(list, asked);
  return { status: 404, page: notePage('There is no such page', 'The list of nights is at /.', frame) };
}

/** A page for a request that could not be answered. */
export async function failurePage(error: Error, site: Site): Promise<string> {
  const frame = await frameOf(site.browsed.lake, site).catch(() => ({ practice: false, script: site.script?.path }));
  return notePage('This page could not be made', `${error.name}: ${error.message}`, frame);
}

async function frameOf(lake: Lake, { script, replayed }: Site): Promise<Frame> {
  return { practice: (await lakeKind(lake)) === 'practice', replayed, script: script?.path };
}

async function runsAnswer({ site, lake, frame, params }: Asked): Promise<PageResponse> {
  const from = params.get('from') ?? '0';
  if (!/^\d{1,9}$/.test(from))
    return refused({ status: 400, what: 'from is no row', found: from, wanted: 'a whole number' }, frame);
  return { status: 200, page: await runsPage(lake, site.ledger, Number(from), frame) };
}

async function runAnswer(runId: string, { site, lake, frame }: Asked): Promise<PageResponse> {
  try {
    const run = await site.ledger?.run(runId);
    if (run) {
      const isWhole = run.kind === 'night' || run.kind === 'release';
      return { status: 200, page: await runPage(lake, run, isWhole ? site.symbols : [], site.typed) };
    }
  } catch (error) {
    if (!isNamed(error, 'Usage.Invalid')) throw error;
  }
  return { status: 404, page: notePage(`No run is called ${runId}`, 'The list of nights is at /.', frame) };
}

async function nightAnswer(session: string, { site, lake, frame }: Asked): Promise<PageResponse> {
  const report = await readReport(lake, keys.report(session, 'night.json'));
  if (report) return { status: 200, page: await runPage(lake, report, site.symbols, site.typed) };
  return { status: 404, page: notePage(`No night ran for ${session}`, 'The list of nights is at /.', frame) };
}

async function symbolAnswer({ site: { browsed }, lake, frame, params }: Asked): Promise<PageResponse> {
  const symbol = params.get('symbol') ?? '';
  const wrong = checkSymbol(symbol);
  if (wrong) {
    const wanted = 'a symbol such as AAPL or BRK.B';
    return refused({ status: 400, what: wrong, found: JSON.stringify(symbol.slice(0, LONGEST_SEARCH)), wanted }, frame);
  }
  const [intervals, listing] = await Promise.all([storedIntervals(lake), browsed.listing()]);
  const request = requested(symbol, params, intervals);
  if ('what' in request) return refused(request, frame);
  const bars = await readSymbolBars(browsed, { ...request, newest: listing.newest });
  if (bars) {
    const name = listing.bySymbol.get(symbol)?.name;
    const content = await symbolContent(bars, intervals);
    return { status: 200, page: framedPage(symbol, content, { ...frame, asked: symbol }, name) };
  }
  const meant = symbolNamed(listing, symbol);
  if (meant !== undefined && meant !== symbol) {
    params.set('symbol', meant);
    return moved(`/symbols?${params}`, frame);
  }
  const near = searchSymbols(listing, symbol);
  const note = html`<p>Spelling and case are the vendor’s, e.g. BRK.B.</p>${near.length > 0 && html`<p>Near it are:</p>${symbolLinks(near)}`}`;
  return { status: 404, page: notePage(`The lake holds no bar of ${symbol}`, note, { ...frame, asked: symbol }) };
}

/** Pure: what the parameters ask for, or what is wrong with them. */
function requested(
  symbol: string,
  params: URLSearchParams,
  intervals: readonly number[],
): Omit<BarRequest, 'newest'> | Refused {
  const asked = params.get('interval') ?? '1';
  const interval = [1, ...intervals].find((one) => String(one) === asked);
  if (interval === undefined) {
    const others = intervals.length > 0 ? `, or one of ${intervals.join(', ')} sessions` : '';
    return {
      status: 400,
      what: 'the lake has no bars of this interval',
      found: asked,
      wanted: `1 for daily bars${others}`,
    };
  }
  const words = params.getAll('prices');
  // Both boxes of the page are one wish.
  const prices = words.find((word) => word === 'total_return') ?? words[0] ?? (interval === 1 ? 'traded' : 'adjusted');
  if (prices !== 'traded' && prices !== 'adjusted' && prices !== 'total_return') {
    const wanted = 'traded, adjusted or total_return';
    return { status: 400, what: 'prices is none of its three words', found: prices, wanted };
  }
  if (prices !== 'adjusted' && interval > 1) {
    const wanted = 'prices=adjusted, or interval=1';
    return {
      status: 400,
      what: 'bars of several sessions are stored adjusted for splits',
      found: `prices=${prices}`,
      wanted,
    };
  }
  return { symbol, interval, prices };
}

async function searchAnswer({ site, frame, params }: Asked): Promise<PageResponse> {
  const text = (params.get('q') ?? '').trim();
  const wrong = searchRefused(text);
  if (wrong) return refused(wrong, frame);
  const listing = await site.browsed.listing();
  const meant = symbolNamed(listing, text);
  if (meant !== undefined) return moved(symbolPath(meant), frame);
  const found = searchSymbols(listing, text, FOUND);
  const own = { ...frame, asked: text };
  if (found.length > 0) return { status: 200, page: notePage(`Symbols for “${text}”`, symbolLinks(found), own) };
  const count = listing.symbols.length;
  const note = count === 0 ? 'The lake holds no bars yet.' : 'No symbol and no company’s name is like it.';
  return { status: 404, page: notePage(`Nothing found for “${text}”`, note, own) };
}

async function suggestAnswer({ site, frame, params }: Asked): Promise<PageResponse> {
  const text = params.get('q') ?? '';
  const wrong = text === '' ? undefined : searchRefused(text);
  if (wrong) return refused(wrong, frame);
  const found = searchSymbols(await site.browsed.listing(), text);
  return { status: 200, page: JSON.stringify(found), type: 'application/json; charset=utf-8' };
}

function searchRefused(text: string): Refused | undefined {
  if (text === '') return { status: 400, what: 'q is empty', wanted: 'part of a symbol or of a company’s name' };
  if (text.length <= LONGEST_SEARCH) return undefined;
  const [found, wanted] = [`${text.length} characters`, `at most ${LONGEST_SEARCH}`];
  return { status: 400, what: 'q is too long', found, wanted };
}

async function listAnswer(name: string, { lake, frame, params }: Asked): Promise<PageResponse> {
  const [date, text, from] = [params.get('date'), params.get('q') ?? '', params.get('from') ?? '0'];
  const content = await listContent(lake, name, { date, text, from });
  if ('what' in content) return refused(content, frame);
  return { status: 200, page: framedPage(`Reference list ${name}`, content, frame) };
}

function moved(location: string, frame: Frame): PageResponse {
  const note = html`<p>It is at <a href="${location}">${location}</a>.</p>`;
  return { status: 303, location, page: notePage('This page is elsewhere', note, frame) };
}

function refused({ status, what, found, wanted }: Refused, frame: Frame): PageResponse {
  const note = html`<dl><dt>What</dt><dd>${what}</dd>${found !== undefined && html`<dt>Found</dt><dd>${found}</dd>`}${wanted !== undefined && html`<dt>Wanted</dt><dd>${wanted}</dd>`}</dl>`;
  return { status, page: notePage(status === 404 ? 'There is no such page' : 'That cannot be shown', note, frame) };
}
