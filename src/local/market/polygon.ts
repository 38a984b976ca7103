import { isSession, sessionHours, sessionsBetween } from '../../calendar/calendar.ts';
import { NamedError } from '../../errors.ts';
import { movingAverage, wilderRsi } from '../../portfolio/indicators.ts';
import { companyFacts } from './companies.ts';
import { answerDividends, answerSplits } from './corporate-actions.ts';
import { type OtherTickerRow, otherTickers } from './listings.ts';
import { alterRows, driftFields, lateCorrection } from './misbehave.ts';
import { byCodeUnit } from './noise.ts';
import { dateOf, failed, filtersOf, limitOf, notAuthorized, notFound, ok, pageOf } from './polygon-pages.ts';
import type { MarketRequest, MarketResponse, Vendor, VendorRequest } from './routes.ts';
import { type BarRow, type MarketKind, marketDay, type SplitRow, type TickerRow } from './source.ts';

function truth(filters: URLSearchParams, name: string, usual: boolean): boolean {
  const text = filters.get(name) ?? String(usual);
  if (text === 'true' || text === 'false') return text === 'true';
  throw new NamedError('Usage.Invalid', `'${name}' must be true or false, found '${text}'.`);
}

async function rowsFor(
  asked: VendorRequest,
  filters: URLSearchParams,
  asOf: string,
): Promise<(TickerRow | OtherTickerRow)[]> {
  const market = filters.get('market') ?? undefined;
  if (market !== undefined && !['stocks', 'otc', 'crypto', 'fx', 'indices'].includes(market))
    throw new NamedError('Usage.Invalid', `'market' is not one of stocks, otc, crypto, fx, indices: '${market}'.`);
  const active = truth(filters, 'active', true);
  const type = filters.get('type');
  const ticker = filters.get('ticker');
  const isOther = market === 'crypto' || market === 'fx' || market === 'indices';
  const rows: (TickerRow | OtherTickerRow)[] = isOther
    ? otherTickers(market)
    : await asked.source.tickers(market as MarketKind | undefined, asOf);
  return rows.filter(
    (row) =>
      row.active === active && (type === null || row.type === type) && (ticker === null || row.ticker === ticker),
  );
}

/** `GET /v3/reference/tickers`: market, active, type, ticker, date, order, limit, cursor; sorted by ticker. */
export async function answerTickers(asked: VendorRequest): Promise<MarketResponse> {
  const filters = filtersOf(asked.query);
  const [sort, order] = [filters.get('sort') ?? 'ticker', filters.get('order') ?? 'asc'];
  if (sort !== 'ticker' || (order !== 'asc' && order !== 'desc'))
    throw new NamedError('Usage.Invalid', "The practice market sorts by 'ticker', order 'asc' or 'desc'.");
  const date = dateOf(filters, 'date');
  if (date !== undefined && date < (asked.source.earliest ?? date)) return outOfPlan(asked);
  const asOf = date === undefined || date > asked.lastClosed ? asked.lastClosed : date;
  const found = await rowsFor(asked, filters, asOf);
  const page = pageOf(order === 'asc' ? found : found.toReversed(), withDate(filters, asOf), {
    path: asked.path,
    limit: limitOf(filters, 100, 1000),
    keyOf: (row) => row.ticker,
    compare: (a, b) => (order === 'asc' ? byCodeUnit(a, b) : byCodeUnit(b, a)),
    loop: asked.active.has('looping-cursor'),
  });
  const results = alterRows(driftFields('tickers', page.rows, asked.active), asked.active);
  return ok(asked, { results, count: results.length, ...(page.nextUrl !== undefined && { next_url: page.nextUrl }) });
}

/** The day goes into the cursor, so pages asked for before and after a close belong to one list. */
function withDate(filters: URLSearchParams, asOf: string): URLSearchParams {
  const dated = new URLSearchParams(filters);
  dated.set('date', asOf);
  return dated;
}

/** A part of a path. @throws Usage.Invalid for one that is no escaped text */
function symbolIn(part = ''): string {
  try {
    return decodeURIComponent(part);
  } catch (cause) {
    const text = { what: 'the path is no escaped text', found: part.slice(0, 100) };
    throw new NamedError('Usage.Invalid', text, { cause });
  }
}

/** `GET /v3/reference/tickers/{ticker}`; funds have no SIC code, and one in twenty no market cap. */
export async function answerDetails(asked: VendorRequest): Promise<MarketResponse> {
  const ticker = symbolIn(asked.captured[0]);
  const { listings, closes } = await marketDay(asked.source, asked.lastClosed);
  const row = listings.get(ticker);
  if (row === undefined || asked.active.has('empty')) return notFound(asked, 'Ticker not found.');
  const facts = companyFacts(row);
  const close = closes.get(ticker);
  const cap =
    facts.isCompany && close !== undefined && facts.shares % 20 !== 0 ? Math.round(close * facts.shares) : undefined;
  const results = {
    ...row,
    ...(facts.isCompany && { sic_code: facts.sicCode, sic_description: facts.sicDescription }),
    ...(facts.isCompany && { share_class_shares_outstanding: facts.shares }),
    ...(cap !== undefined && { market_cap: cap }),
    list_date: facts.listDate,
    description: facts.description,
    ticker_root: ticker.replace(/[^A-Z].*$/, ''),
  };
  const [altered] = alterRows([results], asked.active);
  return ok(asked, { results: altered });
}

export function beforeEndOfDay(request: MarketRequest): MarketResponse {
  return notAuthorized(
    request,
    "Attempted to request today's data before end of day. Please upgrade your plan at https://polygon.io/pricing",
  );
}

function outOfPlan(request: MarketRequest): MarketResponse {
  return notAuthorized(
    request,
    "Your plan doesn't include this data timeframe. Please upgrade your plan at https://polygon.io/pricing",
  );
}

async function barsOn(asked: VendorRequest, date: string, adjusted: boolean): Promise<BarRow[]> {
  const all = await asked.source.bars(date);
  const rows = asked.query.get('include_otc') === 'true' ? all : all.filter((row) => row.otc !== true);
  if (!adjusted || rows.length === 0) return rows;
  return adjustBars(rows, await asked.source.splits(), { date, today: asked.today });
}

/**
 * `GET /v2/aggs/grouped/locale/us/market/stocks/{date}`: adjusted (default true), include_otc
 * (default false). A day without trading has no `results` key; one not closed yet is refused.
 */
export async function answerGrouped(asked: VendorRequest): Promise<MarketResponse> {
  const date = dateOf(new URLSearchParams({ date: asked.captured[0] ?? '' }), 'date')!;
  const { earliest } = asked.source;
  if (earliest !== undefined && date < earliest) return outOfPlan(asked);
  if (date > asked.today || (date > asked.lastClosed && isSession(date))) return beforeEndOfDay(asked);
  const adjusted = asked.query.get('adjusted') !== 'false';
  const bars = await barsOn(asked, date, adjusted);
  if (bars.length === 0) return ok(asked, { queryCount: 0, resultsCount: 0, adjusted });
  // The vendor stamps the END of the window here, at 13:00 on half days.
  const t = Date.parse(sessionHours(date).close);
  const altered = asked.active.has('late-correction') ? lateCorrection(bars, date) : bars;
  const results = alterRows(
    altered.map((row) => ({ ...row, t })),
    asked.active,
  );
  const count = results.length;
  return ok(asked, { queryCount: count, resultsCount: count, adjusted, results, count });
}

/** Sessions a value is computed from: the vendor, too, begins its smoothing somewhere. */
const UNDERLYING = 400;
const USUAL_WINDOW: Readonly<Record<string, string>> = { rsi: '14', sma: '50' };

/**
 * `GET /v1/indicators/{rsi|sma}/{ticker}`: the newest value up to `timestamp.lte`, of split-adjusted
 * closes, and none of those before it; `values` is absent when there is none.
 */
export async function answerIndicator(asked: VendorRequest): Promise<MarketResponse> {
  const kind = asked.captured[0] ?? '';
  const window = windowOf(asked.query.get('window') ?? USUAL_WINDOW[kind] ?? '');
  const bars = asked.active.has('empty') ? [] : await closesOf(asked, symbolIn(asked.captured[1]));
  const closes = bars.map(({ close }) => close);
  const value = kind === 'rsi' ? wilderRsi(closes, window).at(-1) : movingAverage(closes, window);
  // Stamped with the beginning of its day in New York.
  const timestamp = Date.parse(`${bars.at(-1)?.date}T05:00:00Z`);
  return ok(asked, { results: typeof value === 'number' ? { values: [{ timestamp, value }] } : {} });
}

async function closesOf({ source, query, today, lastClosed }: VendorRequest, ticker: string) {
  const wanted = dateOf(query, 'timestamp.lte') ?? lastClosed;
  const { from = source.earliest ?? lastClosed } = await source.span();
  const sessions = sessionsBetween(from, wanted < lastClosed ? wanted : lastClosed).slice(-UNDERLYING);
  const splits = (await source.splits()).filter((split) => split.ticker === ticker);
  const closes: { date: string; close: number }[] = [];
  for (const date of sessions) {
    const own = (await source.bars(date)).filter((row) => row.T === ticker);
    for (const { c: close } of adjustBars(own, splits, { date, today })) closes.push({ date, close });
  }
  return closes;
}

function windowOf(text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  throw new NamedError('Usage.Invalid', `'window' must be an integer from 1 to 999, found '${text}'.`);
}

const TOO_MANY =
  "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue. https://polygon.io/pricing";

/** Polygon.io (now Massive) as far as the pipeline asks it; the key counts in the Authorization header only. */
export const polygon: Vendor = {
  name: 'polygon',
  routes: [
    { name: 'tickers', pattern: /^\/v3\/reference\/tickers$/, answer: answerTickers },
    { name: 'details', pattern: /^\/v3\/reference\/tickers\/([^/]+)$/, answer: answerDetails },
    { name: 'grouped', pattern: /^\/v2\/aggs\/grouped\/locale\/us\/market\/stocks\/([^/]+)$/, answer: answerGrouped },
    { name: 'splits', pattern: /^(?:\/v3\/reference|\/stocks\/v1)\/splits$/, answer: answerSplits },
    { name: 'dividends', pattern: /^(?:\/v3\/reference|\/stocks\/v1)\/dividends$/, answer: answerDividends },
    { name: 'indicators', pattern: /^\/v1\/indicators\/(rsi|sma)\/([^/]+)$/, answer: answerIndicator },
  ],
  authorized: ({ headers }) => /^Bearer +\S/.test(headers.authorization ?? ''),
  unauthorized: (request) => failed(request, 401, 'Unknown API Key'),
  rateLimited: (request, bare) => (bare ? { status: 429, text: '' } : failed(request, 429, TOO_MANY)),
  badRequest: (request, message) => failed(request, 400, message),
  beforeEndOfDay,
};

/**
 * Bars of `date` on the share basis of `today`, as Polygon's `adjusted=true` gives them: every split executed after
 * the date and by today multiplies prices by from/to and divides volume by it.
 */
export function adjustBars(
  rows: readonly BarRow[],
  splits: readonly SplitRow[],
  { date, today }: { date: string; today: string },
): BarRow[] {
  const factors = new Map<string, number>();
  for (const split of splits) {
    if (split.execution_date <= date || split.execution_date > today) continue;
    factors.set(split.ticker, (factors.get(split.ticker) ?? 1) * (split.split_from / split.split_to));
  }
  return rows.map((row) => {
    const factor = factors.get(row.T);
    if (factor === undefined) return row;
    const price = (value: number) => Math.round(value * factor * 1e4) / 1e4;
    const prices = { o: price(row.o), h: price(row.h), l: price(row.l), c: price(row.c) };
    return { ...row, ...prices, v: row.v / factor, ...(row.vw !== undefined && { vw: price(row.vw) }) };
  });
}
