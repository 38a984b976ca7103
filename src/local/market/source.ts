/** What the practice market can serve: rows in the vendors' own field names, before any envelope. */

export type MarketKind = 'stocks' | 'otc';

/** A row of Polygon's `/v3/reference/tickers`. Absent fields are absent, never null. */
export interface TickerRow {
  ticker: string;
  name: string;
  market: MarketKind;
  locale: 'us';
  primary_exchange?: string;
  type?: string;
  active: boolean;
  currency_name: string;
  cik?: string;
  composite_figi?: string;
  share_class_figi?: string;
  delisted_utc?: string;
  last_updated_utc: string;
}

/** A row of Polygon's grouped daily answer without `t`, which the route derives from the session's close. */
export interface BarRow {
  T: string;
  o: number;
  h: number;
  l: number;
  c: number;
  v: number;
  vw?: number;
  n?: number;
  otc?: true;
}

/**
 * A row of `/v3/reference/splits`: `split_from` old shares became `split_to` new ones on `execution_date`. What the newer
 * route says besides follows from the splits, unless given here.
 */
export interface SplitRow {
  id: string;
  execution_date: string;
  split_from: number;
  split_to: number;
  ticker: string;
  adjustment_type?: 'forward_split' | 'reverse_split' | 'stock_dividend';
  historical_adjustment_factor?: number;
}

/** A row of `/stocks/v1/dividends`; the older route has another word for the type and no factor. */
export interface DividendRow {
  id: string;
  ticker: string;
  cash_amount: number;
  currency: string;
  declaration_date: string;
  ex_dividend_date: string;
  record_date: string;
  pay_date: string;
  frequency: number;
  distribution_type: 'recurring' | 'special' | 'supplemental' | 'irregular' | 'unknown';
  /** The product of `1 - amount / close before` over this dividend and every later one in force. */
  historical_adjustment_factor?: number;
  split_adjusted_cash_amount?: number;
}

/** A row of Alpaca's `/v2/assets`. */
export interface AssetRow {
  id: string;
  class: 'us_equity';
  exchange: string;
  symbol: string;
  name: string;
  status: 'active' | 'inactive';
  tradable: boolean;
  marginable: boolean;
  maintenance_margin_requirement?: number;
  margin_requirement_long?: string;
  margin_requirement_short?: string;
  shortable: boolean;
  easy_to_borrow: boolean;
  fractionable: boolean;
  attributes: string[];
}

/**
 * One supply of practice data. Every method is a function of its arguments alone: the same question always has the
 * same answer, and only the server knows what day it is.
 */
export interface MarketSource {
  readonly kind: 'generated' | 'replay';
  /** The first date in the "plan"; older dates are refused as Polygon refuses them. Absent: any date may be asked for. */
  readonly earliest?: string;
  /** Every listing known on `asOf` (YYYY-MM-DD, any calendar date), active and delisted, sorted by ticker in code-unit order. */
  tickers(market: MarketKind | undefined, asOf: string): Promise<TickerRow[]>;
  /** Unadjusted bars of one NYSE session, OTC rows flagged, in no particular order; none when nothing is held for it. */
  bars(date: string): Promise<BarRow[]>;
  splits(): Promise<SplitRow[]>;
  /** Every dividend the vendor knows of on `asOf` (YYYY-MM-DD), announced ones included. */
  dividends(asOf: string): Promise<DividendRow[]>;
  /** Every asset known on `asOf`, sorted by symbol in code-unit order. */
  assets(asOf: string): Promise<AssetRow[]>;
  /** First and last date held; absent when the source has no bounds of its own. */
  span(): Promise<{ from?: string; to?: string }>;
}

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

/** FMP writes class shares, preferreds, warrants and units with a hyphen. */
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
