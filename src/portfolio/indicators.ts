import { sessionsBetween } from '../calendar/calendar.ts';
import { dateOf, readDay } from '../calendar/dates.ts';
import { NamedError } from '../errors.ts';
import { adoptOriginal } from '../lake/bar-table.ts';
import { openHistory } from '../lake/histories.ts';
import type { Lake } from '../lake/lake.ts';
import type { Column, Text } from '../lake/parquet.ts';
import { corruptFile, readColumns } from '../lake/parquet-columns.ts';
import { factorSpans, type PriceSplit } from '../lake/splits-list.ts';
import { changesOf, isSameCompany, type Tenure } from '../lake/symbol-history-file.ts';
import { counted } from '../text.ts';

/**
 * Wilder's relative strength index of every close: gains and losses are first averaged over `period` changes, then
 * smoothed as (previous · (period − 1) + new) / period. Undefined before index `period`; null where nothing has moved
 * since the beginning, as there the index has no value and every library makes up another one.
 * @param closes one price basis, oldest first
 * @returns 0 … 100, as many as there are closes
 * Source: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978.
 */
export function wilderRsi(closes: ArrayLike<number>, period: number): (number | null | undefined)[] {
  requirePeriod(period);
  const values: (number | null | undefined)[] = new Array(closes.length).fill(undefined);
  let [gain, loss] = [0, 0];
  for (let i = 1; i < closes.length; i++) {
    const change = closes[i]! - closes[i - 1]!;
    const [up, down] = [Math.max(change, 0), Math.max(-change, 0)];
    if (i <= period) {
      gain += up / period;
      loss += down / period;
    } else {
      gain = (gain * (period - 1) + up) / period;
      loss = (loss * (period - 1) + down) / period;
    }
    if (i >= period) values[i] = gain + loss === 0 ? null : (100 * gain) / (gain + loss);
  }
  return values;
}

/**
 * The mean of the last `period` closes; undefined when there are fewer. Summed from scratch, not carried along, so that an
 * old price leaves no rounding behind.
 */
export function movingAverage(closes: ArrayLike<number>, period: number): number | undefined {
  requirePeriod(period);
  if (closes.length < period) return undefined;
  let sum = 0;
  for (let i = closes.length - period; i < closes.length; i++) sum += closes[i]!;
  return sum / period;
}

function requirePeriod(period: number): void {
  if (Number.isInteger(period) && period >= 1) return;
  const text = { what: 'an indicator has no such period', found: String(period), wanted: 'a whole number from 1' };
  throw new NamedError('Data.Invalid', text);
}

/** One symbol's unadjusted closes in USD, oldest first; `date` is in days since 1970. */
export interface Closes {
  date: Int32Array;
  close: Float64Array;
}

/** Of eleven columns an indicator needs these; the others are not even decoded. */
const COLUMNS: readonly Column[] = [
  { name: 'symbol', type: 'text' },
  { name: 'date', type: 'date' },
  { name: 'close', type: 'double' },
];

/**
 * The closes of `symbol=X/data.parquet`; undefined when the lake has no history of the symbol.
 * @throws Lake.Corrupt, naming the key, for a file that is damaged or another symbol's
 */
export async function readCloses(lake: Lake, symbol: string): Promise<Closes | undefined> {
  const stored = await openHistory(lake, symbol);
  if (!stored) return undefined;
  const { key, bytes } = stored;
  const columns = await readColumns(COLUMNS, bytes, key, { adopt: (foreign) => adoptOriginal(foreign, key) });
  const { values } = columns.symbol as Text;
  const foreign = values.find((value) => value !== symbol);
  if (foreign !== undefined) throw corruptFile(key, `bars of ${JSON.stringify(foreign)}`);
  const [date, close] = [columns.date as Int32Array, columns.close as Float64Array];
  for (let row = 1; row < date.length; row++) {
    if (date[row]! <= date[row - 1]!) throw corruptFile(key, `dates that do not increase at row ${row}`);
  }
  return { date, close };
}

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
  splits: readonly PriceSplit[],
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

function adjusted(days: Int32Array, closes: Float64Array, splits: readonly PriceSplit[]): Float64Array {
  for (const { from, to, factor } of factorSpans(splits)) {
    for (let row = 0; row < days.length && days[row]! < to; row++) if (days[row]! >= from) closes[row]! *= factor;
  }
  return closes;
}

function tooFew(bars: number, wanted: number, why: string | undefined): string {
  return `${counted(bars, 'bar')}, ${wanted} are needed${why ? ` (${why})` : ''}`;
}

/** Ten digits: beyond them stands only the rounding of sums. */
function rounded(value: number): number {
  return Number(value.toPrecision(10));
}

/** Sessions without a bar after which a symbol is taken for another company's, unless it is known not to be. */
const LONGEST_GAP = 60;

export interface SeriesStart {
  /** First row of the series. */
  row: number;
  /** Why the rows before are left out; absent when there are none. */
  reason?: string;
}

/**
 * Where the series begins that the figures of a session are computed from: with the company that carries the symbol
 * then, and behind the last long gap across which nobody knows whether the company is the same. Pure. Undefined when
 * that company has no bar yet.
 * @param date days of the bars up to the session, in order
 * @param last the session, in days since 1970
 */
export function seriesStart(date: Int32Array, last: number, tenures: readonly Tenure[]): SeriesStart | undefined {
  const taken = changesOf(tenures).findLast((day) => day <= last);
  const first = taken === undefined ? 0 : date.findIndex((day) => day >= taken);
  if (first < 0 || date.length === 0) return undefined;
  for (let row = date.length - 1; row > first; row--) {
    const [before, day] = [date[row - 1]!, date[row]!];
    const missed = sessionsMissed(before, day);
    if (missed > LONGEST_GAP && !isSameCompany(tenures, before, day)) {
      return {
        row,
        reason: `no bar for ${missed} sessions before ${dateOf(day)}, and it is not known whether the company is the same`,
      };
    }
  }
  if (first === 0) return { row: 0 };
  return { row: first, reason: `another company has carried the symbol since ${dateOf(taken!)}` };
}

function sessionsMissed(before: number, day: number): number {
  // Nearly all bars follow one another; only a wide step is worth a look at the calendar.
  if (day - before <= LONGEST_GAP) return 0;
  return sessionsBetween(dateOf(before + 1), dateOf(day - 1)).length;
}
