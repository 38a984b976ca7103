import { parse } from 'csv-parse/sync';
import * as z from 'zod';
import { NamedError } from '../errors.ts';
import { checkPortfolioName } from '../records/holding.ts';
import { checkSymbol } from '../records/symbol.ts';

const position = z.strictObject({
  symbol: checked(checkSymbol),
  quantity: z.number(),
  averageCost: z.number().optional(),
});
const listed = z.strictObject({
  portfolio: checked(checkPortfolioName),
  name: z.string().optional(),
  positions: z.array(position),
});

/** A portfolio with its positions as a file lists it: shares, and the average cost of one in USD. */
export type ListedPortfolio = z.output<typeof listed>;

/**
 * Portfolios of a JSON file, or of a CSV file with the columns symbol, quantity and, as wished, portfolio and
 * averageCost; others are left alone.
 * @param usual name of a portfolio whose CSV has no such column
 * @throws Usage.Invalid naming what is wrong and where
 */
export function readPortfolioList(text: string, usual: string): ListedPortfolio[] {
  const body = text.replace(/^\uFEFF/, '').trimStart();
  const portfolios = /^[[{]/.test(body) ? fromJson(body) : fromCsv(body, usual);
  const twice = firstTwice(portfolios.map(({ portfolio }) => portfolio));
  if (twice !== undefined) throw unreadable(`the portfolio ${twice} twice`);
  for (const { portfolio, positions } of portfolios) {
    const doubled = firstTwice(positions.map(({ symbol }) => symbol));
    if (doubled !== undefined) throw unreadable(`${doubled} twice in the portfolio ${portfolio}`);
  }
  return portfolios;
}

function fromJson(text: string): ListedPortfolio[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw unreadable((cause as Error).message, cause);
  }
  const read = z.array(listed).safeParse(Array.isArray(json) ? json : [json]);
  if (read.success) return read.data;
  throw unreadable(problemOf(read.error), read.error);
}

function fromCsv(text: string, usual: string): ListedPortfolio[] {
  const portfolios = new Map<string, ListedPortfolio>();
  for (const [place, row] of rowsOf(text).entries()) {
    const { portfolio = usual, symbol, quantity, averagecost } = row;
    const cells = {
      symbol,
      quantity: amount('quantity', quantity, place),
      averageCost: amount('averageCost', averagecost, place),
    };
    const read = listed.safeParse({ portfolio, positions: [cells] });
    if (!read.success)
      throw unreadable(`line ${lineOf(place)}: ${problemOf(read.error).replace('positions.0.', '')}`, read.error);
    const known = portfolios.get(portfolio);
    if (known) known.positions.push(...read.data.positions);
    else portfolios.set(portfolio, read.data);
  }
  if (portfolios.size === 0) throw unreadable('no position');
  return [...portfolios.values()];
}

function rowsOf(text: string): Partial<Record<string, string>>[] {
  const [header = ''] = text.split('\n', 1);
  if (header.includes(';') && !header.includes(','))
    throw unreadable(`semicolons between the columns (${header.trim()}); commas are wanted`);
  try {
    const columns = (header: string[]) => header.map((name) => name.toLowerCase().replace(/[^a-z]/g, ''));
    return parse(text, { columns, skip_empty_lines: true, trim: true });
  } catch (cause) {
    throw unreadable((cause as Error).message, cause);
  }
}

/** Undefined for an empty cell; thousands may be grouped. */
function amount(name: string, text: string | undefined, place: number): number | undefined {
  if (!text) return undefined;
  const number = Number(text.replaceAll(',', ''));
  if (Number.isFinite(number)) return number;
  throw unreadable(`line ${lineOf(place)}: ${name} ${JSON.stringify(text)} is no number`);
}

/** Below the header, counted from 1. */
function lineOf(place: number): number {
  return place + 2;
}

function checked(check: (text: string) => string | undefined) {
  return z.string().superRefine((text, context) => {
    const message = check(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

function firstTwice(names: readonly string[]): string | undefined {
  return names.find((name, place) => names.indexOf(name) !== place);
}

function problemOf({ issues }: z.ZodError): string {
  const issue = issues[0];
  return `${issue?.path.join('.')}: ${issue?.message}`;
}

function unreadable(found: string, cause?: unknown): NamedError {
  const wanted =
    'JSON [{"portfolio", "name"?, "positions": [{"symbol", "quantity", "averageCost"?}]}], or CSV with the columns symbol,quantity and, as wished, portfolio,averageCost';
  return new NamedError('Usage.Invalid', { what: 'the list of portfolios cannot be read', found, wanted }, { cause });
}
