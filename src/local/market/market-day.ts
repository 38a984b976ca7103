import type { MarketSource, TickerRow } from './market-source.ts';

/** The listings and closes of one day, looked up by symbol. */
export interface MarketDay {
  /** By Polygon's spelling; active and delisted. */
  listings: ReadonlyMap<string, TickerRow>;
  /** By FMP's spelling; active only. */
  fmp: ReadonlyMap<string, TickerRow>;
  /** Unadjusted closes in USD by Polygon's spelling. */
  closes: ReadonlyMap<string, number>;
}

const days = new WeakMap<MarketSource, { date: string; day: Promise<MarketDay> }>();

/** FMP writes class shares, preferreds, warrants and units with a hyphen (vendor-apis 6e). */
export function hyphenated(ticker: string): string {
  return ticker
    .replace(/^([A-Z]+)p([A-Z]?)$/, '$1-P$2')
    .replace(/\.WS$/, '-WT')
    .replace(/\.U$/, '-UN')
    .replace(/\.([A-Z])$/, '-$1');
}

/** The day is worked out once, however many symbols are asked for one by one. */
export function marketDay(source: MarketSource, date: string): Promise<MarketDay> {
  const known = days.get(source);
  if (known?.date === date) return known.day;
  const day = lookUp(source, date);
  days.set(source, { date, day });
  return day;
}

async function lookUp(source: MarketSource, date: string): Promise<MarketDay> {
  const rows = await source.tickers(undefined, date);
  const bars = await source.bars(date);
  return {
    listings: new Map(rows.map((row) => [row.ticker, row])),
    fmp: new Map(rows.filter(({ active }) => active).map((row) => [hyphenated(row.ticker), row])),
    closes: new Map(bars.map(({ T, c }) => [T, c])),
  };
}
