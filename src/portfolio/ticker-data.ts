import { dateOf, readDay } from '../calendar/dates.ts';
import { factorSpans, type Split } from '../lake/silver/splits.ts';
import type { Tenure } from '../lake/symbol-history.ts';
import type { Closes } from './closes.ts';
import { movingAverage, wilderRsi } from './indicators.ts';
import { seriesStart } from './series-start.ts';

const RSI_PERIOD = 14;
const MA_PERIOD = 50;
/** Wilder's smoothing never forgets its start: after 250 bars it is below the digits anybody looks at. */
const WARM_UP_BARS = 250;

/** An item of `ticker-data` without its origin: prices in USD on the share basis of the session. */
export interface TickerData {
  ticker: string;
  /** Close of the session, ISO UTC. */
  timestamp: string;
  /** Last close. */
  price: number;
  /** RSI(14) by Wilder, 0 … 100; null with the reason. */
  rsi: number | null;
  rsiReason?: string;
  /** Mean of the last 50 closes in USD; null with the reason. */
  ma50: number | null;
  ma50Reason?: string;
  /** Date of the bar that `price` is of, YYYY-MM-DD: older than the session when the symbol did not trade. */
  asOf: string;
  /** Bars the figures were computed from. */
  bars: number;
  /** Date of the first of them, where older bars of the symbol are left out; with the reason. */
  barsFrom?: string;
  barsFromReason?: string;
}

/**
 * Price, RSI(14) and MA50 of one symbol at the close of a session, from its own bars up to that session, each on the
 * basis of the splits in force then. Bars of a company that carried the symbol before are left out. Pure. Undefined
 * when the company has no bar yet.
 * @param splits those in force, in order of their dates
 * @param tenures who carried the symbol; none = nothing is known of it
 */
export function tickerData(
  { date, close }: Closes,
  splits: readonly Split[],
  at: { ticker: string; session: string; timestamp: string },
  tenures: readonly Tenure[] = [],
): TickerData | undefined {
  const last = readDay(at.session)!;
  let end = date.length;
  while (end > 0 && date[end - 1]! > last) end -= 1;
  const start = seriesStart(date.subarray(0, end), last, tenures);
  if (!start) return undefined;
  const days = date.subarray(start.row, end);
  const bars = days.length;
  const closes = adjusted(days, close.slice(start.row, end), splits);
  const rsi = bars < WARM_UP_BARS ? undefined : wilderRsi(closes, RSI_PERIOD).at(-1);
  const ma50 = movingAverage(closes, MA_PERIOD);
  return {
    ticker: at.ticker,
    timestamp: at.timestamp,
    price: rounded(closes[bars - 1]!),
    rsi: rsi === undefined || rsi === null ? null : rounded(rsi),
    ...(rsi === undefined ? { rsiReason: tooFew(bars, WARM_UP_BARS, start.reason) } : {}),
    ...(rsi === null ? { rsiReason: 'the close never changed' } : {}),
    ma50: ma50 === undefined ? null : rounded(ma50),
    ...(ma50 === undefined ? { ma50Reason: tooFew(bars, MA_PERIOD, start.reason) } : {}),
    asOf: dateOf(days[bars - 1]!),
    bars,
    ...(start.reason !== undefined ? { barsFrom: dateOf(days[0]!), barsFromReason: start.reason } : {}),
  };
}

function adjusted(days: Int32Array, closes: Float64Array, splits: readonly Split[]): Float64Array {
  for (const { from, to, factor } of factorSpans(splits)) {
    for (let row = 0; row < days.length && days[row]! < to; row++) if (days[row]! >= from) closes[row]! *= factor;
  }
  return closes;
}

function tooFew(bars: number, wanted: number, why: string | undefined): string {
  return `${bars} ${bars === 1 ? 'bar' : 'bars'}, ${wanted} are needed${why ? ` (${why})` : ''}`;
}

/** Ten digits: beyond them stands only the rounding of sums. */
function rounded(value: number): number {
  return Number(value.toPrecision(10));
}
