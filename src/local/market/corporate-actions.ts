import { NamedError } from '../../errors.ts';
import { alterRows } from './misbehave.ts';
import { byCodeUnit } from './noise.ts';
import { dateOf, filtersOf, limitOf, ok, pageOf } from './polygon-pages.ts';
import type { MarketResponse, VendorRequest } from './routes.ts';
import type { DividendRow, SplitRow } from './source.ts';

/** The newer routes, whose rows say more. */
const NEW_PATHS = '/stocks/v1/';

/** One symbol may split twice on a day. */
function keyOfSplit(split: SplitRow): string {
  return `${split.execution_date}|${split.ticker}|${split.split_from}|${split.split_to}`;
}

/** A listing has at most one dividend of a type and an amount on a day. */
function keyOfDividend({ ex_dividend_date, ticker, distribution_type, cash_amount }: DividendRow): string {
  return `${ex_dividend_date}|${ticker}|${distribution_type}|${cash_amount}`;
}

/** Whether a row is of a ticker and a day that the request asks for. */
function isAsked(filters: URLSearchParams, dayField: string): (ticker: string, date: string) => boolean {
  const tickers = [filters.get('ticker'), filters.get('ticker.any_of')].filter((text) => text !== null);
  const named = new Set(tickers.flatMap((text) => text.split(',')));
  const bound = (suffix: string) => dateOf(filters, `${dayField}${suffix}`);
  const [on, gt, gte, lt, lte] = [bound(''), bound('.gt'), bound('.gte'), bound('.lt'), bound('.lte')];
  return (ticker, date) =>
    (named.size === 0 || named.has(ticker)) &&
    (on === undefined || date === on) &&
    (gt === undefined || date > gt) &&
    (gte === undefined || date >= gte) &&
    (lt === undefined || date < lt) &&
    (lte === undefined || date <= lte);
}

function descending(filters: URLSearchParams, dayField: string): boolean {
  const [field, inSort] = (filters.get('sort') ?? dayField).split('.');
  const order = inSort ?? filters.get('order') ?? 'desc';
  if (field === dayField && (order === 'asc' || order === 'desc')) return order === 'desc';
  throw new NamedError('Usage.Invalid', `The practice market sorts these by '${dayField}', 'asc' or 'desc'.`);
}

/** One page of rows in the order asked for; the newer routes serve 100 of at most 5000, the older ones 10 of 1000. */
function pageOfEvents<T>(asked: VendorRequest, rows: readonly T[], keyOf: (row: T) => string, dayField: string) {
  const filters = filtersOf(asked.query);
  const sign = descending(filters, dayField) ? -1 : 1;
  const compare = (a: string, b: string) => sign * byCodeUnit(a, b);
  const limit = asked.path.startsWith(NEW_PATHS) ? limitOf(filters, 100, 5000) : limitOf(filters, 10, 1000);
  const loop = asked.active.has('looping-cursor');
  const sorted = rows.toSorted((a, b) => compare(keyOf(a), keyOf(b)));
  return pageOf(sorted, filters, { path: asked.path, limit, keyOf, compare, loop });
}

/** The newer route's fields: the factor is the product of this split and every later one of the ticker. */
function withFactor(split: SplitRow, all: readonly SplitRow[]): object {
  const later = all.filter((other) => other.ticker === split.ticker && other.execution_date >= split.execution_date);
  const factor = later.reduce((product, { split_from, split_to }) => product * (split_from / split_to), 1);
  const adjustment_type = split.split_from > split.split_to ? 'reverse_split' : 'forward_split';
  return { adjustment_type, historical_adjustment_factor: Math.round(factor * 1e6) / 1e6, ...split };
}

function asBefore({ id, execution_date, split_from, split_to, ticker }: SplitRow): object {
  return { id, execution_date, split_from, split_to, ticker };
}

/**
 * `GET /v3/reference/splits` (limit 10, at most 1000) and `GET /stocks/v1/splits` (limit 100, at most 5000), both
 * with ticker, execution_date and its ranges, newest first. Splits announced ahead are included.
 */
export async function answerSplits(asked: VendorRequest): Promise<MarketResponse> {
  const filters = filtersOf(asked.query);
  const all = await asked.source.splits();
  const isWanted = isAsked(filters, 'execution_date');
  const reverse = filters.get('reverse_split');
  const found = all.filter(
    ({ ticker, execution_date, split_from, split_to }) =>
      isWanted(ticker, execution_date) && (reverse === null || String(split_from > split_to) === reverse),
  );
  const page = pageOfEvents(asked, found, keyOfSplit, 'execution_date');
  const isNew = asked.path.startsWith(NEW_PATHS);
  return eventsOf(asked, {
    ...page,
    rows: page.rows.map((split) => (isNew ? withFactor(split, all) : asBefore(split))),
  });
}

function eventsOf(asked: VendorRequest, { rows, nextUrl }: { rows: object[]; nextUrl: string | undefined }) {
  return ok(asked, { results: alterRows(rows, asked.active), ...(nextUrl !== undefined && { next_url: nextUrl }) });
}

/** The older route has two words for the types of the newer one, and nothing that is computed. */
function dividendAsBefore({ distribution_type, ...row }: DividendRow): object {
  const { historical_adjustment_factor: _, split_adjusted_cash_amount: __, ...kept } = row;
  return { ...kept, dividend_type: distribution_type === 'recurring' ? 'CD' : 'SC' };
}

/**
 * `GET /v3/reference/dividends` (limit 10, at most 1000) and `GET /stocks/v1/dividends` (limit 100, at most 5000), both
 * with ticker, ex_dividend_date and its ranges, as the vendor has them today: those declared, those taken back no more.
 */
export async function answerDividends(asked: VendorRequest): Promise<MarketResponse> {
  const isWanted = isAsked(filtersOf(asked.query), 'ex_dividend_date');
  const all = await asked.source.dividends(asked.lastClosed);
  const found = all.filter(({ ticker, ex_dividend_date }) => isWanted(ticker, ex_dividend_date));
  const page = pageOfEvents(asked, found, keyOfDividend, 'ex_dividend_date');
  const isNew = asked.path.startsWith(NEW_PATHS);
  return eventsOf(asked, { ...page, rows: isNew ? page.rows : page.rows.map(dividendAsBefore) });
}
