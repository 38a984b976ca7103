import { parseDate } from '../calendar/sessions.ts';
import { isNamed } from '../errors.ts';
import { nextCursor } from './cursor.ts';
import { type CallOptions, createHttp, type HttpOptions } from './http.ts';
import { createLimiter } from './limiter.ts';
import { followPages, type PageStart, type VendorPage } from './pages.ts';
import { isOutsidePlan, judgePolygon } from './polygon-answers.ts';
import { envelope, groupedRows, pageRows } from './polygon-body.ts';
import { requireKey } from './secret-headers.ts';

export interface PolygonOptions {
  baseUrl: string;
  apiKey: string | undefined;
  /** The plan's budget; 0 is none. Practice answers have none either. */
  callsPerMinute: number;
  maxPages: number;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'judge'>>;
}

export interface GroupedDay {
  date: string;
  /** `{T,o,h,l,c,v,vw?,n?,t,otc?}` as the vendor gives them; none on a day without trading. */
  rows: unknown[];
  practice: boolean;
  waitSeconds: number;
}

export interface Polygon {
  /** Reference tickers of one market (`stocks`, `otc`), 1,000 a page, by symbol. */
  tickerPages(start: PageStart & { market: string; active?: boolean }): AsyncIterable<VendorPage>;
  /**
   * Splits whose execution date is `since` or later (YYYY-MM-DD), 5,000 a page, oldest first; from the deprecated
   * endpoint, 1,000 a page, where the new one is not served.
   */
  splitPages(start?: PageStart & { since?: string }): AsyncIterable<VendorPage>;
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
 * Polygon.io, now Massive: `/v3/reference/tickers`, `/stocks/v1/splits`, `/v2/aggs/grouped`. The key goes into the
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
    judge: judgePolygon,
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

  return {
    tickerPages({ market, active = true, ...start }) {
      const query = { market, active: String(active), order: 'asc', limit: '1000', sort: 'ticker' };
      return follow('/v3/reference/tickers', query, start);
    },
    async *splitPages({ since, ...start } = {}) {
      const from: Record<string, string> = since === undefined ? {} : { 'execution_date.gte': parseDate(since) };
      const query = { limit: '5000', sort: 'execution_date.asc', ...from };
      let begun = start.cursor !== undefined;
      try {
        for await (const page of follow('/stocks/v1/splits', query, start)) {
          begun = true;
          yield page;
        }
      } catch (error) {
        // A list begun is not begun again elsewhere: its cursor leads on where it came from.
        if (begun || !(isNamed(error, 'Vendor.NotFound', 'Vendor.BadRequest') || isOutsidePlan(error))) throw error;
        yield* follow('/v3/reference/splits', { limit: '1000', sort: 'execution_date', order: 'asc', ...from }, start);
      }
    },
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
