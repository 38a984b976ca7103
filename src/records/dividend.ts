import * as z from 'zod';
import { readDay } from '../calendar/dates.ts';
import { optionalNumber, optionalText, type ParsedRows, parseRows } from './record.ts';

const isDay = (text: string) => readDay(text) !== undefined;
const day = z.string().refine(isDay, 'expected a date YYYY-MM-DD');
const optionalDay = optionalText.refine((text) => text === undefined || isDay(text), 'expected a date YYYY-MM-DD');

/** A row of Polygon's dividends, of the new endpoint or of the deprecated one. */
const dividendRow = z.object({
  id: optionalText,
  ticker: z.string(),
  cash_amount: z.number().positive(),
  currency: optionalText,
  ex_dividend_date: day,
  record_date: optionalDay,
  pay_date: optionalDay,
  declaration_date: optionalDay,
  distribution_type: optionalText,
  dividend_type: optionalText,
  frequency: optionalNumber,
  historical_adjustment_factor: optionalNumber,
  split_adjusted_cash_amount: optionalNumber,
});

/** Cash for each share held before the opening of `exDate`, on the share basis of that day, before taxes. */
export interface Dividend {
  symbol: string;
  exDate: string;
  cashAmount: number;
  /** ISO 4217; USD where the vendor names none. */
  currency: string;
  /** `recurring`, `special`, `supplemental`, `irregular` or `unknown`; also capital gains where the older endpoint was asked. */
  distributionType: string;
  recordDate?: string;
  payDate?: string;
  declarationDate?: string;
  /** Times a year; 0 for one that does not recur. */
  frequency?: number;
  /** The vendor's own product of this dividend's factor and every later one of the symbol; absent from the older endpoint. */
  historicalAdjustmentFactor?: number;
}

/** Words of the deprecated endpoint in those of the new one. */
const OLD_TYPES: Readonly<Record<string, string>> = {
  CD: 'recurring',
  SC: 'special',
  LT: 'long_term_capital_gain',
  ST: 'short_term_capital_gain',
};

/** Several dividends of a day differ in type or amount, such as a regular one and a special one. */
export function dividendKey({ symbol, exDate, cashAmount, currency, distributionType }: Dividend): string {
  return `${symbol} ${exDate} ${distributionType} ${cashAmount} ${currency}`;
}

/** What stays of a dividend that the vendor corrects: its symbol, day and type. */
export function dividendPlace({ symbol, exDate, distributionType }: Dividend): string {
  return `${symbol} ${exDate} ${distributionType}`;
}

/**
 * Parses rows of `/stocks/v1/dividends` and `/v3/reference/dividends`; see parseRows for what is rejected. The same
 * dividend under two ids counts once.
 */
export function parseDividends(rows: unknown[]): ParsedRows<Dividend> {
  return parseRows(rows, { row: dividendRow, symbolField: 'ticker', toRecord: toDividend, keyOf: dividendKey });
}

function toDividend(row: z.output<typeof dividendRow>): Dividend {
  const old = row.dividend_type;
  const type = row.distribution_type ?? (old && (OLD_TYPES[old] ?? old)) ?? 'unknown';
  const optional: Partial<Dividend> = {
    recordDate: row.record_date!,
    payDate: row.pay_date!,
    declarationDate: row.declaration_date!,
    frequency: row.frequency!,
    historicalAdjustmentFactor: row.historical_adjustment_factor!,
  };
  return {
    symbol: row.ticker,
    exDate: row.ex_dividend_date,
    cashAmount: row.cash_amount,
    currency: (row.currency ?? 'USD').toUpperCase(),
    distributionType: type,
    ...optional,
  };
}

/** A dividend that stands in the place of another of its day and type: that one, corrected. */
interface CorrectedDividend {
  before: Dividend;
  after: Dividend;
}

/** Pure: what came and what went, paired where symbol, day and type are the same and the amount is not. */
export function pairCorrections(
  came: readonly Dividend[],
  went: readonly Dividend[],
): { corrected: CorrectedDividend[]; withdrawn: Dividend[] } {
  const withdrawn = [...went];
  const corrected = came.flatMap((after) => {
    const place = withdrawn.findIndex((before) => dividendPlace(before) === dividendPlace(after));
    return place < 0 ? [] : [{ after, before: withdrawn.splice(place, 1)[0]! }];
  });
  return { corrected, withdrawn };
}
