import { NamedError } from '../../errors.ts';
import { alterRows } from './altered-rows.ts';
import { byCodeUnit } from './code-unit-order.ts';
import { driftFields } from './drifted-fields.ts';
import type { Answer, Asked } from './market-route.ts';
import type { MarketKind, TickerRow } from './market-source.ts';
import { type OtherTickerRow, otherTickers } from './other-markets.ts';
import { ok } from './polygon-answers.ts';
import { dateOf, filtersOf, limitOf } from './polygon-filters.ts';
import { pageOf } from './polygon-paging.ts';

function truth(filters: URLSearchParams, name: string, usual: boolean): boolean {
  const text = filters.get(name) ?? String(usual);
  if (text === 'true' || text === 'false') return text === 'true';
  throw new NamedError('Usage.Invalid', `'${name}' must be true or false, found '${text}'.`);
}

async function rowsFor(asked: Asked, filters: URLSearchParams, asOf: string): Promise<(TickerRow | OtherTickerRow)[]> {
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

/** `GET /v3/reference/tickers` (vendor-apis 1.3): market, active, type, ticker, date, order, limit, cursor; sorted by ticker. */
export async function answerTickers(asked: Asked): Promise<Answer> {
  const filters = filtersOf(asked.query);
  const [sort, order] = [filters.get('sort') ?? 'ticker', filters.get('order') ?? 'asc'];
  if (sort !== 'ticker' || (order !== 'asc' && order !== 'desc'))
    throw new NamedError('Usage.Invalid', "The practice market sorts by 'ticker', order 'asc' or 'desc'.");
  const date = dateOf(filters, 'date');
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
