import { parseDate } from '../../calendar/calendar.ts';
import { NamedError } from '../../errors.ts';
import { hexOf, textKey } from './noise.ts';
import type { MarketRequest, MarketResponse } from './routes.ts';

/** Request ids are derived from the request, so that the same request has the very same bytes for an answer. */
function requestId({ path, query }: MarketRequest): string {
  return hexOf(textKey(`${path}?${query}`, 4), 32);
}

export function ok(request: MarketRequest, body: Record<string, unknown>): MarketResponse {
  return { status: 200, json: { ...body, status: 'OK', request_id: requestId(request) } };
}

/** An error whose text stands in `error` (400, 401, 429). */
export function failed(request: MarketRequest, status: number, error: string): MarketResponse {
  return { status, json: { status: 'ERROR', request_id: requestId(request), error } };
}

/** A 404, whose text stands in `message`. */
export function notFound(request: MarketRequest, message: string): MarketResponse {
  return { status: 404, json: { status: 'NOT_FOUND', request_id: requestId(request), message } };
}

/** A 403, whose text stands in `message`; its meanings differ by this text only. */
export function notAuthorized(request: MarketRequest, message: string): MarketResponse {
  return { status: 403, json: { status: 'NOT_AUTHORIZED', request_id: requestId(request), message } };
}

function decode(cursor: string): URLSearchParams {
  const filters = new URLSearchParams(Buffer.from(cursor, 'base64url').toString('utf8'));
  if (filters.has('ap') && filters.has('limit')) return filters;
  throw new NamedError('Usage.Invalid', 'The cursor is not one of ours.');
}

/** The filters a request stands for: those inside its cursor when it has one, else its own. */
export function filtersOf(query: URLSearchParams): URLSearchParams {
  const cursor = query.get('cursor');
  return cursor === null ? query : decode(cursor);
}

/** The `limit` of a request; out of range is refused, because a client that asks for too much gets short pages. */
export function limitOf(filters: URLSearchParams, usual: number, most: number): number {
  const text = filters.get('limit') ?? String(usual);
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= most) return limit;
  throw new NamedError('Usage.Invalid', `'limit' must be an integer from 1 to ${most}, found '${text}'.`);
}

/** A date filter, when given. */
export function dateOf(filters: URLSearchParams, name: string): string | undefined {
  const text = filters.get(name);
  if (text === null) return undefined;
  try {
    return parseDate(text);
  } catch {
    throw new NamedError('Usage.Invalid', `Could not parse the time parameter: '${name}'. Use YYYY-MM-DD.`);
  }
}

/** Not the host that serves: real answers name this one whatever host was asked, so a client must keep its own. */
const NEXT_HOST = 'https://api.massive.com';

export interface Page<T> {
  rows: T[];
  /** Absolute, with all filters in an opaque cursor; undefined on the last page. */
  nextUrl: string | undefined;
}

/**
 * The page after the cursor's `ap` (the key of the last row served), so rows that come or go between two pages shift
 * nothing. `rows` are in served order, `compare` is that order on keys; `filters` go into the cursor.
 * `loop` repeats the same cursor for ever.
 */
export function pageOf<T>(
  rows: readonly T[],
  filters: URLSearchParams,
  paging: {
    path: string;
    limit: number;
    keyOf: (row: T) => string;
    compare: (a: string, b: string) => number;
    loop: boolean;
  },
): Page<T> {
  const after = filters.get('ap');
  const start = after === null ? 0 : rows.findIndex((row) => paging.compare(paging.keyOf(row), after) > 0);
  const page = start < 0 ? [] : rows.slice(start, start + paging.limit);
  const more = start >= 0 && start + paging.limit < rows.length;
  const lastKey = page.length > 0 ? paging.keyOf(page.at(-1)!) : '';
  const ap = paging.loop ? (after ?? lastKey) : more ? lastKey : undefined;
  if (ap === undefined) return { rows: page, nextUrl: undefined };
  const carried = new URLSearchParams(filters);
  carried.set('limit', String(paging.limit));
  carried.set('ap', ap);
  carried.sort();
  const cursor = Buffer.from(carried.toString(), 'utf8').toString('base64url');
  return { rows: page, nextUrl: `${NEXT_HOST}${paging.path}?cursor=${cursor}` };
}
