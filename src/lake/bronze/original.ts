import { dateOf, readDay } from '../../calendar/dates.ts';
import { isSession } from '../../calendar/sessions.ts';
import { NamedError } from '../../errors.ts';
import { textOf } from '../columnar/column-data.ts';
import type { ForeignColumns } from '../columnar/foreign.ts';
import { corruptFile } from '../columnar/read.ts';
import type { BarColumns } from './bar-columns.ts';

/** `source` of bars that came from a lake of the original layout. */
export const ORIGINAL = 'original';

/** What the owner of a lake says of its prices (ADOPTED_PRICES). */
export type AdoptedPrices = 'unadjusted' | 'adjusted';

/**
 * Bronze is unadjusted and splits are applied to all of it: adjusted bars would be adjusted twice.
 * @throws Config.Invalid unless the owner has called the prices unadjusted
 */
export function requireUnadjusted(prices: AdoptedPrices | undefined, key: string): void {
  if (prices === 'unadjusted') return;
  throw new NamedError('Config.Invalid', {
    what: prices
      ? `${key} is of an adopted lake with split-adjusted prices, and splits would be applied to them a second time`
      : `${key} is of an adopted lake, and nothing tells whether its prices are split-adjusted`,
    found: `ADOPTED_PRICES=${prices ?? ''}`,
    wanted: 'ADOPTED_PRICES=unadjusted, for prices as they were traded',
    todo: 'The file is as it was. If they are adjusted, move the files away and fetch unadjusted bars: `afterbell backfill`.',
  });
}

const DAY_MICROS = 86_400_000_000;
const [FIRST_DAY, LAST_DAY] = [readDay('1962-01-02')!, readDay('2050-12-31')!];
const PRICES = ['open', 'high', 'low', 'close', 'volume'] as const;

/**
 * Bars of the original layout (`symbol, open, high, low, close, volume, timestamp, interval`) in ours, sorted by date,
 * the last of several rows of one date kept. Undefined for a file that is not of that layout.
 *
 * `ingested_at` becomes 1970-01-01: nothing tells when the original's values were fetched, and a constant older than
 * any fetch of ours makes every later fetch the newer one, however often and in whatever order files are adopted.
 * @throws Lake.Corrupt for bars that are not daily, not on a session, or without a price
 */
export function adoptOriginal({ rows, columns, kinds }: ForeignColumns, key: string): BarColumns | undefined {
  const timestamps = columns.get('timestamp');
  const symbols = columns.get('symbol');
  if (!timestamps || !symbols || columns.has('ingested_at') || columns.has('date')) return undefined;
  const interval = columns.get('interval')?.find((value) => value !== null && !/^1?\s*d(ay)?$/i.test(String(value)));
  if (interval !== undefined) throw corruptFile(key, `bars of interval ${JSON.stringify(String(interval))}`);
  const days = timestamps.map((timestamp) => dayOf(timestamp, kinds.get('timestamp'), key));
  const byDate = new Map(days.map((day, row) => [`${day} ${symbols[row]}`, row]));
  const order = [...byDate.values()].sort((a, b) => days[a]! - days[b]! || a - b);
  const price = (name: (typeof PRICES)[number]): Float64Array => {
    const values = columns.get(name);
    return Float64Array.from(order, (row) => {
      const value = values?.[row];
      if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
      throw corruptFile(key, `${name} ${String(value)} in row ${row} of ${rows}`);
    });
  };
  const [open, high, low, close, volume] = PRICES.map(price) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return {
    symbol: textOf(order.map((row) => String(symbols[row]))),
    date: Int32Array.from(order, (row) => days[row]!),
    open,
    high,
    low,
    close,
    volume,
    vwap: new Float64Array(order.length).fill(Number.NaN),
    transactions: new Float64Array(order.length).fill(Number.NaN),
    source: textOf(order.map(() => ORIGINAL)),
    ingested_at: new BigInt64Array(order.length),
  };
}

/** Timestamps there are midnights without a zone, or midnights of New York in UTC: the UTC date is the session. */
function dayOf(timestamp: unknown, kind: 'date' | 'timestamp' | undefined, key: string): number {
  let day: number | undefined;
  if (kind === 'timestamp' && typeof timestamp === 'bigint') day = Math.floor(Number(timestamp) / DAY_MICROS);
  else if (kind === 'date' && typeof timestamp === 'number') day = timestamp;
  else if (typeof timestamp === 'string') day = readDay(timestamp.slice(0, 10));
  // Bounds first: the calendar refuses to answer beyond its years.
  if (day !== undefined && day >= FIRST_DAY && day <= LAST_DAY && isSession(dateOf(day))) return day;
  throw corruptFile(key, `timestamp ${String(timestamp)}, which is no session${kind ? '' : ' and has no unit'}`);
}
