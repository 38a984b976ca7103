import { dateOf, readDay } from '../calendar/dates.ts';
import type { Dividend } from '../records/dividend.ts';
import { type KnownSplit, splitFactorBetween } from './session-quality.ts';

/** An ex-dividend day for which the vendor's factor is not ours. */
interface DividendDifference {
  symbol: string;
  exDate: string;
  /** What closes before the day are multiplied by; none where the cash is no less than the close before. */
  ours: number | undefined;
  vendors: number;
}

/** The vendor gives six decimals. */
const TOLERANCE = 1e-6;

/**
 * What a day's dividends leave of the close before: `1 - cash / close`, as CRSP adjusts for distributions. Undefined where
 * nothing or less is left, as of a wrong amount or a wrong close: it adjusts nothing. Pure.
 * @param close on the share basis of the ex-dividend day
 */
export function dividendFactor(cash: number, close: number): number | undefined {
  const factor = 1 - cash / close;
  return factor > 0 && factor < 1 ? factor : undefined;
}

/**
 * Pure: compares where the vendor's factor is of one day alone, which is each symbol's newest ex-dividend day: the factor
 * of an earlier one holds all later ones. Whether the vendor counts an announced one already, its own factor tells. All of them are compared by the view `dividend_factors`.
 * @param closeBefore the last close before a day on that day's share basis; undefined where it is not known
 */
export function dividendDifferences(
  dividends: readonly Dividend[],
  session: string,
  closeBefore: (symbol: string, exDate: string) => number | undefined,
): DividendDifference[] {
  const newest = new Map<string, Dividend[]>();
  const announced = new Map<string, Dividend>();
  for (const dividend of dividends) {
    if (dividend.currency !== 'USD') continue;
    if (dividend.exDate > session) {
      const next = announced.get(dividend.symbol);
      const isCounted = dividend.historicalAdjustmentFactor !== undefined;
      if (isCounted && dividend.exDate < (next?.exDate ?? '9')) announced.set(dividend.symbol, dividend);
      continue;
    }
    const own = newest.get(dividend.symbol);
    const before = own?.[0]?.exDate ?? '';
    if (dividend.exDate > before) newest.set(dividend.symbol, [dividend]);
    else if (own && dividend.exDate === before) own.push(dividend);
  }
  return [...newest].flatMap(([symbol, own]) => {
    const { exDate } = own[0]!;
    const vendors = own.find(({ historicalAdjustmentFactor: factor }) => factor !== undefined);
    const close = vendors && closeBefore(symbol, exDate);
    if (close === undefined) return [];
    const cash = own.reduce((sum, { cashAmount }) => sum + cashAmount, 0);
    const ours = dividendFactor(cash, close);
    const factor = vendors!.historicalAdjustmentFactor!;
    const counted = announced.get(symbol)?.historicalAdjustmentFactor ?? 1;
    return ours !== undefined && Math.abs(ours * counted - factor) <= TOLERANCE
      ? []
      : [{ symbol, exDate, ours, vendors: factor }];
  });
}

/** Prices of one symbol from one day to the day before another are multiplied by `factor`. Days since 1970. */
export interface DividendSpan {
  from: number;
  to: number;
  factor: number;
}

/**
 * Pure: what the dividends of one symbol in force on a day multiply its prices by, as the view `bars_total_return` does
 * (docs/decisions/0013-adjusted-on-read.md): every span that holds a bar applies to it.
 * @param bars days since 1970 in order, with their closes as traded
 * @param changes days on which another company took the symbol over, in order
 */
export function dividendSpans(
  dividends: readonly Dividend[],
  newest: string,
  {
    bars,
    splits,
    changes,
  }: {
    bars: { date: ArrayLike<number>; close: ArrayLike<number> };
    splits: readonly KnownSplit[];
    changes: readonly number[];
  },
): DividendSpan[] {
  const cashOn = new Map<string, number>();
  for (const { exDate, cashAmount, currency } of dividends)
    if (currency === 'USD' && exDate <= newest) cashOn.set(exDate, (cashOn.get(exDate) ?? 0) + cashAmount);
  return [...cashOn].flatMap(([exDate, cash]) => {
    const to = readDay(exDate)!;
    const from = changes.findLast((day) => day <= to) ?? Number.NEGATIVE_INFINITY;
    const place = lastBefore(bars.date, to);
    const before = bars.date[place];
    // With a close of the company before, or on the day of a takeover, the span holds no bar.
    if (before === undefined) return [];
    const basis = bars.close[place]! * (splitFactorBetween(splits, dateOf(before), exDate) ?? 1);
    const factor = dividendFactor(cash, basis);
    return factor === undefined ? [] : [{ from, to, factor }];
  });
}

function lastBefore(days: ArrayLike<number>, day: number): number {
  let place = days.length - 1;
  while (place >= 0 && days[place]! >= day) place -= 1;
  return place;
}
