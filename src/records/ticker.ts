import * as z from 'zod';
import { optionalFlag, optionalText, type ParsedRows, parseRows, plainText } from './record.ts';

/** A row of Polygon's reference tickers; every field that its docs name. */
const tickerRow = z.object({
  ticker: z.string(),
  market: plainText.min(1),
  name: optionalText,
  locale: optionalText,
  primary_exchange: optionalText,
  type: optionalText,
  active: optionalFlag,
  currency_name: optionalText,
  currency_symbol: optionalText,
  base_currency_name: optionalText,
  base_currency_symbol: optionalText,
  cik: optionalText,
  composite_figi: optionalText,
  share_class_figi: optionalText,
  delisted_utc: optionalText,
  last_updated_utc: optionalText,
});

function toTicker(row: z.output<typeof tickerRow>) {
  return {
    symbol: row.ticker,
    market: row.market,
    name: row.name,
    locale: row.locale,
    primaryExchange: row.primary_exchange,
    type: row.type,
    active: row.active,
    currencyName: row.currency_name,
    currencySymbol: row.currency_symbol,
    baseCurrencyName: row.base_currency_name,
    baseCurrencySymbol: row.base_currency_symbol,
    cik: row.cik,
    compositeFigi: row.composite_figi,
    shareClassFigi: row.share_class_figi,
    delistedUtc: row.delisted_utc,
    lastUpdatedUtc: row.last_updated_utc,
  };
}

/**
 * One listing as Polygon's reference list has it. `symbol` and `market` are always there; of the rest the vendor
 * often leaves out `type`, `cik` and the FIGIs. Fields without a value are absent.
 */
export type Ticker = ReturnType<typeof toTicker>;

/** Parses rows of `/v3/reference/tickers`; see parseRows for what is rejected. */
export function parseTickers(rows: unknown[]): ParsedRows<Ticker> {
  return parseRows(rows, { row: tickerRow, symbolField: 'ticker', toRecord: toTicker });
}

/** Who a ticker is, whatever it is called. */
export function tickerIdentity({ symbol, compositeFigi, shareClassFigi }: Ticker) {
  return { symbol, ...(compositeFigi && { figi: compositeFigi }), ...(shareClassFigi && { shareClassFigi }) };
}

/**
 * Rows of the wanted types (`CS`, `ETF`, …); all of them when none is named. Types tell securities apart: rows of
 * currencies and indices have none and were chosen by their market.
 */
export function ofTypes(parsed: ParsedRows<Ticker>, types: readonly string[]): ParsedRows<Ticker> {
  if (types.length === 0) return parsed;
  const isWanted = ({ market, type }: Ticker) =>
    market === 'stocks' || market === 'otc' ? type !== undefined && types.includes(type) : true;
  return { ...parsed, records: parsed.records.filter(isWanted) };
}
