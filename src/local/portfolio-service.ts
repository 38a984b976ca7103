import { rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DescribeTableCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { parse } from 'csv-parse/sync';
import * as z from 'zod';
import type { Config } from '../config.ts';
import { firstProblem, NamedError } from '../errors.ts';
import { missingTables, readBook, readHoldings, readWholeBook } from '../portfolio/holdings.ts';
import { checkPortfolioName } from '../records/holding.ts';
import { checkSymbol } from '../records/symbol.ts';
import { writeAll } from '../tables/batch.ts';
import { type TableKeys, tableInput } from '../tables/definitions.ts';
import { jsonFrom, wellFormed } from '../text.ts';

/**
 * The portfolio service's tables (docs/data-dictionary.md). On AWS Terraform makes them, or they are another's; here they
 * are made only when somebody asks.
 */
const KEYS: Readonly<Record<'USER_PORTFOLIOS_TABLE' | 'PORTFOLIO_POSITIONS_TABLE', TableKeys>> = {
  USER_PORTFOLIOS_TABLE: { key: 'portfolio', indexes: [] },
  PORTFOLIO_POSITIONS_TABLE: { key: 'portfolio', range: 'symbol', indexes: [] },
};

/** Puts these portfolios into a laptop's tables, made first when there are none. */
export async function importPortfolios(
  client: DynamoDBDocumentClient,
  config: Config,
  portfolios: readonly ListedPortfolio[],
): Promise<void> {
  await createMissing(client, config);
  await storePortfolios(client, config, portfolios);
}

/**
 * Puts these portfolios into tables that are there. What a file no longer lists goes last, once all of it is stored: a
 * refused or interrupted import leaves every position there was.
 */
export async function storePortfolios(
  client: DynamoDBDocumentClient,
  config: Config,
  portfolios: readonly ListedPortfolio[],
): Promise<void> {
  const positions = portfolios.flatMap(({ portfolio, positions }) => positions.map((one) => ({ portfolio, ...one })));
  const owners = portfolios.map(({ portfolio, name, active = true }) => ({ portfolio, name, active }));
  for (const [table, items] of [
    [config.PORTFOLIO_POSITIONS_TABLE, positions],
    [config.USER_PORTFOLIOS_TABLE, owners],
  ] as const) {
    const refused = (await writeAll(client, table, items)).failed[0];
    if (refused) {
      const { portfolio } = refused.item;
      throw new NamedError('Table.WriteFailed', { what: `${portfolio} was not stored`, found: refused.reason });
    }
  }
  for (const { portfolio, positions: listed } of portfolios) {
    const kept = new Set(listed.map(({ symbol }) => symbol));
    const TableName = config.PORTFOLIO_POSITIONS_TABLE;
    for (const { symbol } of await readHoldings(client, TableName, portfolio))
      if (!kept.has(symbol)) await client.send(new DeleteCommand({ TableName, Key: { portfolio, symbol } }));
  }
}

/**
 * Every portfolio as `--import` reads it, in order of name and symbol.
 * @throws Config.Invalid without tables; Data.Invalid for an item that cannot be read, as the rest would not be all
 */
export async function listPortfolios(client: DynamoDBDocumentClient, config: Config): Promise<ListedPortfolio[]> {
  const book = await readWholeBook(client, config);
  if (!book) throw missingTables(config);
  const [refused] = book.rejected;
  if (refused) {
    const { symbol, reason, row } = refused;
    throw new NamedError('Data.Invalid', {
      what: `a stored item of the portfolio tables cannot be read${symbol ? ` (${symbol})` : ''}`,
      found: `${reason}: ${JSON.stringify(row)}`,
    });
  }
  return book.portfolios.map(({ portfolio, name, active }) => {
    const own = book.holdings.filter((one) => one.portfolio === portfolio);
    const positions = own
      .map(({ symbol, quantity, averageCost }) => ({
        symbol,
        quantity,
        ...(averageCost === undefined ? {} : { averageCost }),
      }))
      .sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
    return { portfolio, ...(name === undefined ? {} : { name }), ...(active ? {} : { active }), positions };
  });
}

/** A file that `--import` reads; for its owner only. The old one stays until the new one is whole. */
export async function writePortfolioList(path: string, portfolios: readonly ListedPortfolio[]): Promise<void> {
  const draft = `${path}.${process.pid}.part`;
  try {
    await writeFile(draft, `${JSON.stringify(portfolios, null, 2)}\n`, { mode: 0o600, flush: true });
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new NamedError(
      'Usage.Invalid',
      { what: `${path} cannot be written`, found: (cause as Error).message, wanted: 'a file in a folder with room' },
      { cause },
    );
  }
}

/** What a practice home shows: common, preferred and class shares, a fund, and a symbol nobody knows. */
export const SAMPLE: ListedPortfolio = {
  portfolio: 'sample',
  name: 'Sample portfolio',
  positions: [
    { symbol: 'AAPL', quantity: 40, averageCost: 120 },
    { symbol: 'MSFT', quantity: 25, averageCost: 60 },
    { symbol: 'BRK.B', quantity: 30, averageCost: 50 },
    { symbol: 'SPY', quantity: 60, averageCost: 80 },
    { symbol: 'F', quantity: -100 },
    { symbol: 'KIMpL', quantity: 200, averageCost: 20 },
    { symbol: 'NOSUCH', quantity: 10 },
  ],
};

/** @returns whether there were none before */
export async function addSample(client: DynamoDBDocumentClient, config: Config): Promise<boolean> {
  const book = await readBook(client, config);
  if (book && book.portfolios.length > 0) return false;
  await importPortfolios(client, config, [SAMPLE]);
  return true;
}

async function createMissing(client: DynamoDBDocumentClient, config: Config): Promise<void> {
  const { TableNames = [] } = await client.send(new ListTablesCommand({}));
  for (const setting of Object.keys(KEYS) as (keyof typeof KEYS)[]) {
    if (TableNames.includes(config[setting])) continue;
    await client.send(new CreateTableCommand(tableInput(KEYS[setting], config[setting])));
    await untilActive(client, config[setting]);
  }
}

/** A table that is still being made is, to a query, no table. */
async function untilActive(client: DynamoDBDocumentClient, table: string): Promise<void> {
  const described = () => client.send(new DescribeTableCommand({ TableName: table }));
  while ((await described()).Table?.TableStatus !== 'ACTIVE') await sleep(5);
}

/** Far above any holding, and far below what a table can keep: one that is larger is a slip. */
const LARGEST = 1e15;
const LONGEST_TITLE = 1000;
const amountOf = z.number().min(-LARGEST).max(LARGEST);
const position = z.strictObject({
  symbol: checked(checkSymbol),
  quantity: amountOf,
  averageCost: amountOf.optional(),
});
const listed = z.strictObject({
  portfolio: checked(checkPortfolioName),
  name: z.string().max(LONGEST_TITLE).optional(),
  /** False: kept, but not to be analysed. */
  active: z.boolean().optional(),
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
    json = jsonFrom(text);
  } catch (cause) {
    throw unreadable((cause as Error).message, cause);
  }
  const read = z.array(listed).safeParse(Array.isArray(json) ? json : [json]);
  if (read.success) return read.data;
  throw unreadable(firstProblem(read.error), read.error);
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
      throw unreadable(`line ${lineOf(place)}: ${firstProblem(read.error).replace('positions.0.', '')}`, read.error);
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
    throw unreadable(`semicolons between the columns (${wellFormed(header.trim(), 200)}); commas are wanted`);
  try {
    const columns = (header: string[]) => header.map((name) => name.toLowerCase().replace(/[^a-z]/g, ''));
    return parse(text, { columns, skip_empty_lines: true, trim: true });
  } catch (cause) {
    throw unreadable((cause as Error).message, cause);
  }
}

/** Thousands may be grouped. */
const AMOUNT = /^[+-]?(\d+|\d{1,3}(,\d{3})+)?(\.\d+|(?<=\d)\.?)(e[+-]?\d{1,3})?$/i;

/** Undefined for an empty cell. */
function amount(name: string, text: string | undefined, place: number): number | undefined {
  if (!text) return undefined;
  if (AMOUNT.test(text)) return Number(text.replaceAll(',', ''));
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
  const seen = new Set<string>();
  return names.find((name) => seen.has(name) || !seen.add(name));
}

function unreadable(found: string, cause?: unknown): NamedError {
  const wanted =
    'JSON [{"portfolio", "name"?, "positions": [{"symbol", "quantity", "averageCost"?}]}], or CSV with the columns symbol,quantity and, as wished, portfolio,averageCost';
  return new NamedError('Usage.Invalid', { what: 'the list of portfolios cannot be read', found, wanted }, { cause });
}
