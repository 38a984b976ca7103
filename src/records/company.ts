import * as z from 'zod';
import { readDay } from '../calendar/dates.ts';
import { firstProblem } from '../errors.ts';
import { wellFormed } from '../text.ts';
import { optionalNumber, optionalText, type Reading } from './record.ts';

/** What vendors know of the company behind a symbol; null where none of them says. Market cap in USD. */
export interface Company {
  symbol: string;
  name: string | null;
  sector: string | null;
  industry: string | null;
  sicCode: string | null;
  exchange: string | null;
  type: string | null;
  listDate: string | null;
  marketCap: number | null;
  description: string | null;
  /** Who named sector and industry: `fmp`, or `polygon`, whose SIC code they are derived from. */
  source: 'fmp' | 'polygon';
}

/** Characters of a description that are kept; the Data API gives back no row above 64 KB. */
const LONGEST_PROSE = 10_000;

// What a vendor writes about a company is kept whatever stands in it, as every store can take it.
const optionalProse = z
  .string()
  .nullish()
  .transform((text) => (text ? wellFormed(text, LONGEST_PROSE) : undefined));

// A date that is none is left out: nothing else of the row depends on it.
const optionalDate = optionalText.transform((text) => (text && readDay(text) !== undefined ? text : undefined));

/** The part of Polygon's ticker overview that is kept; FIGIs and the like are in the reference list. */
const details = z.object({
  ticker: z.string(),
  name: optionalText,
  primary_exchange: optionalText,
  type: optionalText,
  list_date: optionalDate,
  sic_code: optionalText,
  sic_description: optionalText,
  market_cap: optionalNumber,
  description: optionalProse,
});
export type Details = z.output<typeof details>;

/** The part of FMP's profile that is kept; in profile-bulk every value is text. */
const profile = z.object({
  symbol: z.string(),
  companyName: optionalText,
  sector: optionalText,
  industry: optionalText,
  marketCap: optionalNumber,
  ipoDate: optionalDate,
  description: optionalProse,
});
export type Profile = z.output<typeof profile>;

/** Reads Polygon's overview of one symbol. */
export function readDetails(symbol: string, row: unknown): Reading<Details> {
  if (row === undefined || row === null) return { kind: 'empty', reason: 'Polygon has no overview' };
  const parsed = details.safeParse(row);
  if (!parsed.success) return { kind: 'invalid', reason: firstProblem(parsed.error), row };
  if (parsed.data.ticker !== symbol) return { kind: 'invalid', reason: `ticker: expected ${symbol}`, row };
  return { kind: 'record', record: parsed.data };
}

/** Reads FMP's rows about one symbol. @param asked the symbol as FMP spells it */
export function readProfile(asked: string, rows: readonly unknown[]): Reading<Profile> {
  const [row] = rows;
  if (rows.length === 0) return { kind: 'empty', reason: 'FMP has no profile' };
  const parsed = profile.safeParse(row);
  if (!parsed.success) return { kind: 'invalid', reason: firstProblem(parsed.error), row };
  if (parsed.data.symbol !== asked) return { kind: 'invalid', reason: `symbol: expected ${asked}`, row };
  return { kind: 'record', record: parsed.data };
}

/**
 * One company of what was answered: name, sector and industry are FMP's when its profile names a sector, else they
 * are Polygon's, by its SIC code; everything else is Polygon's first.
 */
export function companyOf(symbol: string, told: { details?: Details; profile?: Profile }): Company {
  const { details: d, profile: p } = told;
  const byFmp = p?.sector !== undefined || d === undefined;
  return {
    symbol,
    name: (byFmp ? p?.companyName : undefined) ?? d?.name ?? p?.companyName ?? null,
    sector: (byFmp ? p?.sector : sicSector(d.sic_code)) ?? null,
    industry: (byFmp ? p?.industry : d.sic_description) ?? null,
    sicCode: d?.sic_code ?? null,
    exchange: d?.primary_exchange ?? null,
    type: d?.type ?? null,
    listDate: d?.list_date ?? p?.ipoDate ?? null,
    // Zero is a vendor's word for unknown.
    marketCap: d?.market_cap || p?.marketCap || null,
    description: d?.description ?? p?.description ?? null,
    source: byFmp ? 'fmp' : 'polygon',
  };
}

/** Divisions of the Standard Industrial Classification by the first two digits of a code, as the SEC uses them. */
const DIVISIONS: readonly (readonly [from: number, to: number, name: string])[] = [
  [1, 9, 'Agriculture, Forestry and Fishing'],
  [10, 14, 'Mining'],
  [15, 17, 'Construction'],
  [20, 39, 'Manufacturing'],
  [40, 49, 'Transportation, Communications and Utilities'],
  [50, 51, 'Wholesale Trade'],
  [52, 59, 'Retail Trade'],
  [60, 67, 'Finance, Insurance and Real Estate'],
  [70, 89, 'Services'],
  [91, 99, 'Public Administration'],
];

/**
 * The sector of a SIC code of three or four digits (`3571` → Manufacturing), or undefined for none and for codes
 * outside of every division. Coarser than a market data vendor's sectors: whoever stores it names its source.
 * Source: the SIC manual's divisions A to J.
 */
export function sicSector(code: string | undefined): string | undefined {
  if (code === undefined || !/^\d{3,4}$/.test(code)) return undefined;
  const group = Number(code.padStart(4, '0').slice(0, 2));
  return DIVISIONS.find(([from, to]) => group >= from && group <= to)?.[2];
}
