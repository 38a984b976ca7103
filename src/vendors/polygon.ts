import * as z from 'zod';
import { exchangeDate, parseDate } from '../calendar/calendar.ts';
import type { Config } from '../config.ts';
import { firstProblem, isNamed, NamedError } from '../errors.ts';
import { isOnDate } from '../records/bar.ts';
import { wellFormed } from '../text.ts';
import { type CallOptions, createHttp, type HttpOptions, keepClient, requireKey } from './http.ts';
import { followPages, nextCursor, type PageStart, type VendorPage } from './paging.ts';
import { classifyPolygonResponse, isNotInPlan } from './polygon-errors.ts';
import { createLimiter } from './rate-limiter.ts';

export interface PolygonOptions {
  baseUrl: string;
  apiKey: string | undefined;
  /** The plan's budget; 0 is none. Practice answers have none either. */
  callsPerMinute: number;
  maxPages: number;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'classify'>>;
}

export interface GroupedDay {
  date: string;
  /** `{T,o,h,l,c,v,vw?,n?,t,otc?}` as the vendor gives them; none on a day without trading. */
  rows: unknown[];
  practice: boolean;
  waitSeconds: number;
}

export interface Polygon {
  /**
   * Reference tickers of one market (`stocks`, `otc`), 1,000 a page, by symbol; as they were on `date` (YYYY-MM-DD) where
   * one is given. Those of `active: false` are delisted, with `delisted_utc`, the last day on which each was traded.
   * @throws NamedError `Vendor.DateOutOfPlan` for a date before the plan's history
   */
  tickerPages(start: PageStart & { market: string; active?: boolean; date?: string }): AsyncIterable<VendorPage>;
  /**
   * Splits whose execution date is `since` or later (YYYY-MM-DD), 5,000 a page, oldest first; from the deprecated
   * endpoint, 1,000 a page, where the new one is not served.
   */
  splitPages(start?: PageStart & { since?: string }): AsyncIterable<VendorPage>;
  /** Dividends whose ex-dividend date is `since` or later, announced ones included; pages and endpoints as of splits. */
  dividendPages(start?: PageStart & { since?: string }): AsyncIterable<VendorPage>;
  /**
   * The overview of one listing: `{ticker, name, sic_code?, market_cap?, …}`, every field but the first few optional.
   * @throws NamedError `Vendor.NotFound` for a symbol it does not list (any more)
   */
  details(symbol: string, call?: CallOptions): Promise<{ row: unknown; practice: boolean }>;
  /**
   * Every symbol's bar of one session in one call, unadjusted unless asked otherwise.
   * @throws NamedError `Vendor.NotYetAvailable` before the plan gives the session, `Vendor.DateOutOfPlan`,
   * `Vendor.TruncatedBody` when rows are missing, `Data.Invalid` for an answer of another day or price basis
   */
  grouped(date: string, call?: CallOptions & { adjusted?: boolean; includeOtc?: boolean }): Promise<GroupedDay>;
}

/**
 * Polygon.io, now Massive: `/v3/reference/tickers`, `/stocks/v1/{splits,dividends}`, `/v2/aggs/grouped`. The key goes into the
 * Authorization header, and only to `baseUrl`, whatever host the answers name.
 * @throws NamedError `Vendor.KeyMissing`, `Config.Invalid`; its calls throw what judgePolygon and createHttp say
 */
export function polygon(options: PolygonOptions): Polygon {
  const { baseUrl, callsPerMinute, maxPages } = options;
  const apiKey = requireKey('Polygon', 'POLYGON_API_KEY', options.apiKey);
  const http = createHttp({
    limiter: createLimiter({ callsPerMinute, sleep: options.http?.sleep, vendor: 'Polygon' }),
    ...options.http,
    vendor: 'Polygon',
    baseUrl,
    headers: { authorization: `Bearer ${apiKey}` },
    classify: classifyPolygonResponse,
  });
  const waitSeconds = callsPerMinute > 0 ? Math.ceil(60 / callsPerMinute) : 0;

  function follow(path: string, query: Record<string, string>, start: PageStart): AsyncIterable<VendorPage> {
    const firstPath = `${path}?${new URLSearchParams(query)}`;
    const read = async (at: string) => {
      const { json, practice } = await http.getJson(at, start);
      const rows = pageRows(json);
      const cursor = nextCursor('Polygon', envelope(json).next_url);
      return { rows, cursor, practice, waitSeconds: practice ? 0 : waitSeconds };
    };
    return followPages({ vendor: 'Polygon', firstPath, maxPages, start, read });
  }

  /** Corporate actions by their day: from the deprecated endpoint where the new one is not served. */
  async function* followEvents(
    kind: 'splits' | 'dividends',
    day: 'execution_date' | 'ex_dividend_date',
    since: string | undefined,
    start: PageStart,
  ): AsyncIterable<VendorPage> {
    const from: Record<string, string> = since === undefined ? {} : { [`${day}.gte`]: parseDate(since) };
    let begun = start.cursor !== undefined;
    try {
      for await (const page of follow(`/stocks/v1/${kind}`, { limit: '5000', sort: `${day}.asc`, ...from }, start)) {
        begun = true;
        yield page;
      }
    } catch (error) {
      // A list begun is not begun again elsewhere: its cursor leads on where it came from.
      if (begun || !(isNamed(error, 'Vendor.NotFound', 'Vendor.BadRequest') || isNotInPlan(error))) throw error;
      yield* follow(`/v3/reference/${kind}`, { limit: '1000', sort: day, order: 'asc', ...from }, start);
    }
  }

  return {
    tickerPages({ market, active = true, date, ...start }) {
      const on: Record<string, string> = date === undefined ? {} : { date: parseDate(date) };
      const query = { market, active: String(active), ...on, order: 'asc', limit: '1000', sort: 'ticker' };
      return follow('/v3/reference/tickers', query, start);
    },
    splitPages: ({ since, ...start } = {}) => followEvents('splits', 'execution_date', since, start),
    dividendPages: ({ since, ...start } = {}) => followEvents('dividends', 'ex_dividend_date', since, start),
    async details(symbol, call) {
      const { json, practice } = await http.getJson(`/v3/reference/tickers/${encodeURIComponent(symbol)}`, call);
      return { row: envelope(json).results, practice };
    },
    async grouped(date, { adjusted = false, includeOtc = false, ...call } = {}) {
      const query = new URLSearchParams({ adjusted: String(adjusted), include_otc: String(includeOtc) });
      const path = `/v2/aggs/grouped/locale/us/market/stocks/${parseDate(date)}`;
      const { json, practice } = await http.getJson(`${path}?${query}`, call);
      const rows = groupedRows(json, { date, adjusted });
      return { date, rows, practice, waitSeconds: practice ? 0 : waitSeconds };
    },
  };
}

const open = keepClient(polygon);

/** The process's Polygon client as the settings and the secret `{"apiKey"}` want it. */
export function polygonOf(config: Config, secret: Record<string, string> | undefined): Polygon {
  return open({
    baseUrl: config.POLYGON_BASE_URL,
    apiKey: secret?.apiKey,
    callsPerMinute: config.POLYGON_CALLS_PER_MINUTE,
    maxPages: config.MAX_PAGES,
  });
}

/** The envelope of an answer that was judged good: an object with lists and counts in it. */
export function envelope(json: unknown): Record<string, unknown> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  const found = Array.isArray(json) ? 'a bare list' : wellFormed(String(json), 40);
  throw new NamedError('Data.Invalid', { what: "Polygon's answer has another shape", found, wanted: 'an object' });
}

/**
 * The rows of one page. `count` is of this page; without a list of results only a count of 0 makes an empty page.
 * @throws NamedError `Vendor.TruncatedBody` when rows are missing
 */
export function pageRows(json: unknown): unknown[] {
  const { results, count } = envelope(json);
  const rows = Array.isArray(results) ? results : [];
  if (!Array.isArray(results) && count !== 0) throw short('no list of results', 'one, or a count of 0');
  if (typeof count === 'number' && rows.length < count)
    throw short(`${rows.length} rows`, `${count}, as it says itself`);
  return rows;
}

/**
 * The rows of one market day. A day without trading has a count of 0 and no `results` at all, and only then is
 * there nothing to store: a mutilated answer never looks like a holiday.
 * @throws NamedError `Vendor.TruncatedBody` when count and rows differ, `Data.Invalid` when the answer is for
 * another day or on another price basis than asked
 */
export function groupedRows(json: unknown, asked: { date: string; adjusted: boolean }): unknown[] {
  const { results, resultsCount, adjusted } = envelope(json);
  const rows = Array.isArray(results) ? results : [];
  if (resultsCount !== rows.length) {
    throw short(`${rows.length} rows`, `${JSON.stringify(resultsCount) ?? 'a resultsCount'}, as it says itself`);
  }
  if (typeof adjusted === 'boolean' && adjusted !== asked.adjusted) {
    const what = `Polygon's prices for ${asked.date} are on another basis than asked`;
    throw new NamedError('Data.Invalid', { what, found: `adjusted=${adjusted}`, wanted: `adjusted=${asked.adjusted}` });
  }
  refuseOtherDay(rows, asked.date);
  return rows;
}

/** An answer for another day is refused as a whole; a single row that strays is left for the row checks. */
function refuseOtherDay(rows: unknown[], date: string): void {
  const rowsAt = new Map<number, number>();
  for (const row of rows) {
    const t = (row as { t?: unknown } | null)?.t;
    if (typeof t === 'number') rowsAt.set(t, (rowsAt.get(t) ?? 0) + 1);
  }
  let dated = 0;
  let astray = 0;
  let example: number | undefined;
  for (const [t, count] of rowsAt) {
    dated += count;
    if (isOnDate(t, date)) continue;
    astray += count;
    example ??= t;
  }
  if (astray * 2 <= dated) return;
  throw new NamedError('Data.Invalid', {
    what: `Polygon's answer for ${date} is of another day`,
    found: `${astray} of ${dated} rows elsewhere, like t=${example}`,
    wanted: `times on ${date} in New York`,
    todo: 'The session is asked for again in the next run.',
  });
}

function short(found: string, wanted: string): NamedError {
  const todo = 'The call is repeated later.';
  return new NamedError('Vendor.TruncatedBody', { what: "Polygon's answer is not whole", found, wanted, todo });
}

export interface IndicatorsOptions {
  config: Pick<Config, 'POLYGON_BASE_URL' | 'POLYGON_API_KEY' | 'POLYGON_CALLS_PER_MINUTE'>;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'classify'>>;
}

export interface Indicators {
  /** The vendor's value on a date (YYYY-MM-DD), of split-adjusted closes; undefined when it has none of that day. */
  valueOn(kind: 'rsi' | 'sma', ticker: string, date: string, call?: CallOptions): Promise<number | undefined>;
}

const answer = z.object({
  results: z.object({ values: z.array(z.object({ timestamp: z.number(), value: z.number() })).optional() }).optional(),
});
const WINDOWS = { rsi: '14', sma: '50' } as const;

/**
 * Polygon's `/v1/indicators/{rsi|sma}/{ticker}`: only to compare with, one call a value.
 * @throws NamedError `Vendor.KeyMissing`, `Config.Invalid`; its calls throw what judgePolygon and createHttp say, and
 * `Data.Invalid` for a body of another shape
 */
export function polygonIndicators({ config, http: more }: IndicatorsOptions): Indicators {
  const key = requireKey('Polygon', 'POLYGON_API_KEY', config.POLYGON_API_KEY);
  const { POLYGON_CALLS_PER_MINUTE: callsPerMinute, POLYGON_BASE_URL: baseUrl } = config;
  const http = createHttp({
    limiter: createLimiter({ callsPerMinute, sleep: more?.sleep, vendor: 'Polygon' }),
    ...more,
    vendor: 'Polygon',
    baseUrl,
    headers: { authorization: `Bearer ${key}` },
    classify: classifyPolygonResponse,
  });
  return {
    async valueOn(kind, ticker, date, call) {
      const query = new URLSearchParams({
        'timestamp.lte': date,
        timespan: 'day',
        adjusted: 'true',
        window: WINDOWS[kind],
        series_type: 'close',
        order: 'desc',
        limit: '1',
      });
      const { json } = await http.getJson(`/v1/indicators/${kind}/${encodeURIComponent(ticker)}?${query}`, call);
      const read = answer.safeParse(json);
      if (!read.success) {
        throw new NamedError('Data.Invalid', {
          what: "Polygon's indicator has another shape",
          found: firstProblem(read.error),
          wanted: 'values',
        });
      }
      const last = read.data.results?.values?.[0];
      // A bar of another day would be compared with ours as if it were the same.
      return last && exchangeDate(new Date(last.timestamp)) === date ? last.value : undefined;
    },
  };
}
