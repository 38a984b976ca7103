import * as z from 'zod';
import { firstProblem } from '../errors.ts';
import { optionalText, type Parsed } from './record.ts';
import { checkSymbol } from './symbol.ts';

/** A portfolio as the portfolio service keeps it (docs/data-dictionary.md). */
export interface Portfolio {
  portfolio: string;
  name?: string;
  /** False: kept, but not to be analysed. */
  active: boolean;
}

/** One position. Shares, negative when sold short; the average cost of a share in USD, where known. */
export interface Holding {
  portfolio: string;
  symbol: string;
  quantity: number;
  averageCost?: number;
}

/** In UTF-8 bytes: a page of names has to fit into a state machine's variable. */
const LONGEST_NAME = 128;
const parseNumber = z.union([z.number(), z.string().regex(/^-?\d+(\.\d+)?$/, 'expected a number')]).transform(Number);

const portfolioItem = z.object({
  portfolio: z.string(),
  name: optionalText,
  active: z
    .boolean()
    .nullish()
    .transform((active) => active ?? true),
});
const positionItem = z.object({
  portfolio: z.string(),
  symbol: z.string(),
  quantity: parseNumber,
  averageCost: parseNumber.nullish().transform((cost) => cost ?? undefined),
});

/** Why a text names no portfolio, or undefined when it does. */
export function checkPortfolioName(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.trim() === '') return 'portfolio is missing';
  if (/[\p{Cc}\p{Cf}\p{Cs}]/u.test(text)) return 'portfolio holds control characters';
  return Buffer.byteLength(text) > LONGEST_NAME ? 'portfolio is too long' : undefined;
}

/** Reads items of the portfolios' table; every item is in one of the two lists. */
export function parsePortfolios(items: readonly unknown[]): Parsed<Portfolio> {
  return parseItems(items, portfolioItem, (item) => checkPortfolioName(item.portfolio));
}

/** Reads items of the positions' table; every item is in one of the two lists. Closed positions stay, with quantity 0. */
export function parseHoldings(items: readonly unknown[]): Parsed<Holding> {
  return parseItems(items, positionItem, (item) => checkPortfolioName(item.portfolio) ?? checkSymbol(item.symbol));
}

function parseItems<S extends z.ZodType<object>>(
  items: readonly unknown[],
  schema: S,
  check: (item: Record<string, unknown>) => string | undefined,
): Parsed<z.output<S>> {
  const parsed: Parsed<z.output<S>> = { records: [], rejected: [] };
  for (const row of items) {
    const fields = (typeof row === 'object' && row !== null ? row : {}) as Record<string, unknown>;
    const read = schema.safeParse(row);
    const reason = check(fields) ?? (read.success ? undefined : firstProblem(read.error, 'item'));
    if (reason !== undefined || !read.success) {
      parsed.rejected.push({
        symbol: typeof fields.symbol === 'string' ? fields.symbol : '',
        reason: reason ?? 'item cannot be read',
        row,
      });
    } else parsed.records.push(read.data);
  }
  return parsed;
}
