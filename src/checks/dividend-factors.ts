import type { Dividend } from '../records/dividend.ts';

/** An ex-dividend day for which the vendor's factor is not ours. */
export interface DividendDifference {
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
