import type { TickerRow } from './market-source.ts';
import { hash, unit } from './noise.ts';
import { textKey } from './text-key.ts';

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
