/** A row of Polygon's reference tickers that is no security: no type, no FIGI, no bars here. */
export interface OtherTickerRow {
  ticker: string;
  name: string;
  market: 'crypto' | 'fx' | 'indices';
  locale: 'us' | 'global';
  type?: undefined;
  active: true;
  currency_name?: string;
  currency_symbol?: string;
  base_currency_name?: string;
  base_currency_symbol?: string;
  last_updated_utc: string;
}

const UPDATED = { active: true, last_updated_utc: '2017-01-01T00:00:00Z' } as const;
const DOLLAR = { currency_name: 'United States dollar', currency_symbol: 'USD' };

const COINS = { BTC: 'Bitcoin', DOGE: 'Dogecoin', ETH: 'Ethereum' };
const CURRENCIES = { AUD: 'Australian dollar', EUR: 'Euro', GBP: 'Pound sterling', JPY: 'Japanese yen' };
const INDICES = { 'I:DJI': 'Dow Jones Industrial Average', 'I:NDX': 'Nasdaq-100', 'I:SPX': 'S&P 500' };

/** The few rows the practice market has of currencies and indices, in ticker order; the real lists have thousands. */
export function otherTickers(market: OtherTickerRow['market']): OtherTickerRow[] {
  if (market === 'indices')
    return Object.entries(INDICES).map(([ticker, name]) => ({ ticker, name, market, locale: 'us', ...UPDATED }));
  const [prefix, names] = market === 'crypto' ? ['X', COINS] : ['C', CURRENCIES];
  return Object.entries(names).map(([symbol, name]) => ({
    ticker: `${prefix}:${symbol}USD`,
    name: `${name} - ${DOLLAR.currency_name}`,
    market,
    locale: 'global',
    ...DOLLAR,
    base_currency_name: name,
    base_currency_symbol: symbol,
    ...UPDATED,
  }));
}
