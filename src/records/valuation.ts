import * as z from 'zod';
import { readDay } from '../calendar/dates.ts';
import { firstProblem } from '../errors.ts';
import { optionalNumber, parseNumber, type Reading } from './record.ts';

/**
 * A company's value per share by discounted cash flow, in USD, as of `date` (YYYY-MM-DD, when the vendor worked it
 * out). A negative one is meant; `stockPrice` is the price the vendor held it against.
 */
export interface Valuation {
  symbol: string;
  date: string;
  dcf: number;
  stockPrice: number | null;
  source: string;
}

/** A row of FMP's /stable/discounted-cash-flow, or of dcf-bulk, where every value is text. */
const dcfRow = z.object({
  symbol: z.string(),
  date: z.string().refine((text) => readDay(text) !== undefined, 'expected a date YYYY-MM-DD'),
  dcf: parseNumber,
  'Stock Price': optionalNumber,
});

/** No model, no number: FMP then gives no row, a row without a value, or zero. */
function hasNoValue(dcf: unknown): boolean {
  if (typeof dcf === 'number' || typeof dcf === 'string') return Number(dcf) === 0;
  return dcf === undefined || dcf === null;
}

/**
 * Reads FMP's rows about one symbol.
 * @param asked the symbol as FMP spells it; a row of another one is no answer to the question
 */
export function readValuation(symbol: string, asked: string, rows: readonly unknown[]): Reading<Valuation> {
  const [row] = rows as ({ symbol?: unknown; dcf?: unknown } | null)[];
  if (rows.length === 0) return { kind: 'empty', reason: 'FMP has no valuation' };
  if (typeof row === 'object' && row !== null && row.symbol === asked && 'dcf' in row && hasNoValue(row.dcf))
    return { kind: 'empty', reason: 'FMP has no value' };
  const parsed = dcfRow.safeParse(row);
  if (!parsed.success) return { kind: 'invalid', reason: firstProblem(parsed.error), row };
  if (parsed.data.symbol !== asked) return { kind: 'invalid', reason: `symbol: expected ${asked}`, row };
  const { date, dcf, 'Stock Price': stockPrice } = parsed.data;
  return { kind: 'record', record: { symbol, date, dcf, stockPrice: stockPrice ?? null, source: 'fmp' } };
}
