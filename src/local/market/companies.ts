import { sessionAt } from '../../calendar/calendar.ts';
import { type Listing, tickerIn } from './listings.ts';
import { hash, hexOf, textKey, unit } from './noise.ts';
import type { AssetRow, TickerRow } from './source.ts';

const EXCHANGES: Record<string, string> = {
  XNYS: 'NYSE',
  XNAS: 'NASDAQ',
  XASE: 'AMEX',
  ARCX: 'ARCA',
  BATS: 'BATS',
};

/** Alpaca spells preferreds `KIM.PRL` where Polygon writes `KIMpL`. */
function alpacaSymbol(ticker: string): string {
  return ticker.replace(/^([A-Z]+)p([A-Z])$/, '$1.PR$2');
}

function uuidOf(key: number): string {
  const hex = hexOf(key, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** The Alpaca asset of a Polygon listing; its fields are a function of the ticker and its row alone. */
export function assetRow(ticker: TickerRow): AssetRow {
  const key = textKey(ticker.ticker, 2);
  const otc = ticker.market === 'otc';
  const tradable = ticker.active && unit(key, 1) < (otc ? 0.6 : 0.97);
  const shortable = tradable && !otc && unit(key, 2) < 0.8;
  const margin = otc || unit(key, 3) < 0.1 ? 100 : 30;
  return {
    id: uuidOf(key),
    class: 'us_equity',
    exchange: otc ? 'OTC' : (EXCHANGES[ticker.primary_exchange ?? ''] ?? 'NYSE'),
    symbol: alpacaSymbol(ticker.ticker),
    name: ticker.name,
    status: ticker.active ? 'active' : 'inactive',
    tradable,
    marginable: tradable && margin < 100,
    ...(unit(key, 4) < 0.95 && {
      maintenance_margin_requirement: margin,
      margin_requirement_long: String(margin),
      margin_requirement_short: String(margin),
    }),
    shortable,
    easy_to_borrow: shortable && unit(key, 5) < 0.9,
    fractionable: tradable && !otc && unit(key, 6) < 0.85,
    attributes: !otc && hash(key, 7) % 2 === 0 ? ['options_enabled'] : [],
  };
}

function placeholder(symbol: string, name: string): AssetRow {
  return {
    id: uuidOf(textKey(symbol, 2)),
    class: 'us_equity',
    exchange: 'NYSE',
    symbol,
    name,
    status: 'active',
    tradable: false,
    marginable: false,
    shortable: false,
    easy_to_borrow: false,
    fractionable: false,
    attributes: [],
  };
}

/** Symbols Alpaca really lists that are no tickers: a contra CUSIP, all digits, and a right. */
export const PLACEHOLDER_ASSETS: readonly AssetRow[] = [
  placeholder('231992017', 'PRACTICE CONTRA CUSIP'),
  placeholder('292RGT016', 'PRACTICE SUBSCRIPTION RIGHTS'),
];

/** A few lines of business: SIC code and words, and the sector and industry FMP gives them. */
const BUSINESSES: readonly (readonly [sic: string, words: string, sector: string, industry: string])[] = [
  ['7372', 'SERVICES-PREPACKAGED SOFTWARE', 'Technology', 'Software - Application'],
  ['3571', 'ELECTRONIC COMPUTERS', 'Technology', 'Consumer Electronics'],
  ['3674', 'SEMICONDUCTORS & RELATED DEVICES', 'Technology', 'Semiconductors'],
  ['2834', 'PHARMACEUTICAL PREPARATIONS', 'Healthcare', 'Drug Manufacturers - General'],
  ['2836', 'BIOLOGICAL PRODUCTS', 'Healthcare', 'Biotechnology'],
  ['6022', 'STATE COMMERCIAL BANKS', 'Financial Services', 'Banks - Regional'],
  ['6798', 'REAL ESTATE INVESTMENT TRUSTS', 'Real Estate', 'REIT - Diversified'],
  ['1311', 'CRUDE PETROLEUM & NATURAL GAS', 'Energy', 'Oil & Gas Exploration & Production'],
  ['4911', 'ELECTRIC SERVICES', 'Utilities', 'Regulated Electric'],
  ['5812', 'RETAIL-EATING PLACES', 'Consumer Cyclical', 'Restaurants'],
  ['5122', 'WHOLESALE-DRUGS & PROPRIETARIES', 'Healthcare', 'Medical Distribution'],
];
const COMPANIES = new Set(['CS', 'ADRC', 'OS']);

/** What is made up about the company behind a listing; a function of its ticker and row alone. */
export interface CompanyFacts {
  /** Funds and other wrappers have neither a line of business nor a valuation. */
  isCompany: boolean;
  sicCode: string;
  sicDescription: string;
  sector: string;
  industry: string;
  listDate: string;
  shares: number;
  description: string;
}

export function companyFacts(row: TickerRow): CompanyFacts {
  const key = textKey(row.ticker, 6);
  const [sicCode, sicDescription, sector, industry] = BUSINESSES[hash(key, 1) % BUSINESSES.length]!;
  const year = 1980 + (hash(key, 2) % 42);
  const month = String(1 + (hash(key, 3) % 12)).padStart(2, '0');
  return {
    isCompany: COMPANIES.has(row.type ?? ''),
    sicCode,
    sicDescription,
    sector,
    industry,
    listDate: `${year}-${month}-${String(1 + (hash(key, 4) % 28)).padStart(2, '0')}`,
    shares: Math.round(10 ** (6.5 + 3.5 * unit(key, 5))),
    description: `${row.name} is made up by the practice market; it trades as ${row.ticker}.`,
  };
}

/** The vendor's reference row of a listing as session number `asOf` knew it; undefined before it was listed. */
export function tickerRow(listing: Listing, asOf: number): TickerRow | undefined {
  if (listing.born > asOf) return undefined;
  const { key, name, market, exchange, type, died } = listing;
  const active = died > asOf;
  const figi = unit(key, 50) < 0.9;
  const updated =
    listing.born === Number.NEGATIVE_INFINITY ? sessionAt(-1 - (hash(key, 51) % 250)) : sessionAt(listing.born);
  return {
    ticker: tickerIn(listing, asOf),
    name,
    market,
    locale: 'us',
    ...(exchange !== undefined && { primary_exchange: exchange }),
    ...(unit(key, 52) < 0.97 && { type }),
    active,
    currency_name: 'usd',
    ...(type === 'CS' && unit(key, 53) < 0.92 && { cik: String(hash(key, 54) % 2_000_000).padStart(10, '0') }),
    ...(figi && { composite_figi: `BBG0${hexOf(key, 8).toUpperCase()}` }),
    ...(figi && unit(key, 55) < 0.98 && { share_class_figi: `BBG1${hexOf(key ^ 55, 8).toUpperCase()}` }),
    ...(!active && { delisted_utc: `${sessionAt(died - 1)}T00:00:00Z` }),
    last_updated_utc: `${active ? updated : sessionAt(died)}T00:00:00Z`,
  };
}
