import * as z from 'zod';
import { exchangeDate } from '../calendar/sessions.ts';
import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import { type CallOptions, createHttp, type HttpOptions } from './http.ts';
import { createLimiter } from './limiter.ts';
import { judgePolygon } from './polygon-answers.ts';
import { requireKey } from './secret-headers.ts';

export interface IndicatorsOptions {
  config: Pick<Config, 'POLYGON_BASE_URL' | 'POLYGON_API_KEY' | 'POLYGON_CALLS_PER_MINUTE'>;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'judge'>>;
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
    judge: judgePolygon,
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
        const found = read.error.issues[0]?.message;
        throw new NamedError('Data.Invalid', {
          what: "Polygon's indicator has another shape",
          found,
          wanted: 'values',
        });
      }
      const last = read.data.results?.values?.[0];
      // A bar of another day would be compared with ours as if it were the same.
      return last && exchangeDate(new Date(last.timestamp)) === date ? last.value : undefined;
    },
  };
}
