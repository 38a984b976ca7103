import { NamedError } from '../../errors.ts';
import { alterRows } from './altered-rows.ts';
import { byCodeUnit } from './code-unit-order.ts';
import type { Answer, Asked } from './market-route.ts';
import type { SplitRow } from './market-source.ts';
import { ok } from './polygon-answers.ts';
import { dateOf, filtersOf, limitOf } from './polygon-filters.ts';
import { pageOf } from './polygon-paging.ts';

const NEW_PATH = '/stocks/v1/splits';

/** One symbol may split twice on a day. */
function keyOf(split: SplitRow): string {
  return `${split.execution_date}|${split.ticker}|${split.split_from}|${split.split_to}`;
}

function filterSplits(splits: readonly SplitRow[], filters: URLSearchParams): SplitRow[] {
  const tickers = [filters.get('ticker'), filters.get('ticker.any_of')].filter((text) => text !== null);
  const named = new Set(tickers.flatMap((text) => text.split(',')));
  const bound = (suffix: string) => dateOf(filters, `execution_date${suffix}`);
  const [on, gt, gte, lt, lte] = [bound(''), bound('.gt'), bound('.gte'), bound('.lt'), bound('.lte')];
  const reverse = filters.get('reverse_split');
  return splits.filter(
    ({ ticker, execution_date: date, split_from, split_to }) =>
      (named.size === 0 || named.has(ticker)) &&
      (on === undefined || date === on) &&
      (gt === undefined || date > gt) &&
      (gte === undefined || date >= gte) &&
      (lt === undefined || date < lt) &&
      (lte === undefined || date <= lte) &&
      (reverse === null || String(split_from > split_to) === reverse),
  );
}

function descending(filters: URLSearchParams): boolean {
  const [field, inSort] = (filters.get('sort') ?? 'execution_date').split('.');
  const order = inSort ?? filters.get('order') ?? 'desc';
  if (field === 'execution_date' && (order === 'asc' || order === 'desc')) return order === 'desc';
  throw new NamedError('Usage.Invalid', "The practice market sorts splits by 'execution_date', 'asc' or 'desc'.");
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
 * with ticker, execution_date and its ranges, newest first (vendor-apis 1.8). Splits announced ahead are included.
 */
export async function answerSplits(asked: Asked): Promise<Answer> {
  const filters = filtersOf(asked.query);
  const newer = asked.path === NEW_PATH;
  const all = await asked.source.splits();
  const sign = descending(filters) ? -1 : 1;
  const compare = (a: string, b: string) => sign * byCodeUnit(a, b);
  const found = filterSplits(all, filters).sort((a, b) => compare(keyOf(a), keyOf(b)));
  const limit = newer ? limitOf(filters, 100, 5000) : limitOf(filters, 10, 1000);
  const loop = asked.active.has('looping-cursor');
  const page = pageOf(found, filters, { path: asked.path, limit, keyOf, compare, loop });
  const rows = newer ? page.rows.map((split) => withFactor(split, all)) : page.rows.map(asBefore);
  const results = alterRows(rows, asked.active);
  return ok(asked, { results, ...(page.nextUrl !== undefined && { next_url: page.nextUrl }) });
}
