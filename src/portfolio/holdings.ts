import { type DynamoDBDocumentClient, paginateQuery, paginateScan } from '@aws-sdk/lib-dynamodb';
import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import { type Holding, type Portfolio, parseHoldings, parsePortfolios } from '../records/holding.ts';
import type { Rejected } from '../records/record.ts';

/** What the portfolio service's two tables say, page by page to their ends. They are only ever read. */
export interface Book {
  portfolios: Portfolio[];
  holdings: Holding[];
  rejected: Rejected[];
}

/**
 * Every portfolio and position. Undefined when one of the tables is not there.
 * Positions are read weakly consistent: they belong to somebody else, and may change at any moment anyhow.
 */
export async function readBook(client: DynamoDBDocumentClient, config: Config): Promise<Book | undefined> {
  const book = await readWholeBook(client, config);
  return book && { ...book, holdings: book.holdings.filter(({ quantity }) => quantity !== 0) };
}

/** The same with closed positions, whose quantity is 0. */
export async function readWholeBook(client: DynamoDBDocumentClient, config: Config): Promise<Book | undefined> {
  try {
    const portfolios = parsePortfolios(await scan(client, config.USER_PORTFOLIOS_TABLE));
    const holdings = parseHoldings(await scan(client, config.PORTFOLIO_POSITIONS_TABLE));
    const rejected = [...portfolios.rejected, ...holdings.rejected];
    return { portfolios: portfolios.records.sort(byName), holdings: holdings.records, rejected };
  } catch (error) {
    if ((error as Error).name === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

/** One portfolio's open positions by symbol. */
export async function readHoldings(
  client: DynamoDBDocumentClient,
  table: string,
  portfolio: string,
): Promise<Holding[]> {
  const items: unknown[] = [];
  const query = {
    TableName: table,
    KeyConditionExpression: '#portfolio = :portfolio',
    ExpressionAttributeNames: { '#portfolio': 'portfolio' },
    ExpressionAttributeValues: { ':portfolio': portfolio },
  };
  for await (const page of paginateQuery({ client }, query)) items.push(...(page.Items ?? []));
  return parseHoldings(items).records.filter(({ quantity }) => quantity !== 0);
}

/** What to say when readBook finds no tables; names both settings. */
export function missingTables({ USER_PORTFOLIOS_TABLE, PORTFOLIO_POSITIONS_TABLE }: Config): NamedError {
  return new NamedError('Config.Invalid', {
    what: 'the portfolio tables are not there',
    found: `no table ${USER_PORTFOLIOS_TABLE} or no table ${PORTFOLIO_POSITIONS_TABLE}`,
    wanted: 'the names of both in USER_PORTFOLIOS_TABLE and PORTFOLIO_POSITIONS_TABLE',
    todo: 'On a laptop `npx afterbell portfolios --import FILE` makes them; on AWS `make deploy` does, with `portfolios = true`.',
  });
}

async function scan(client: DynamoDBDocumentClient, table: string): Promise<unknown[]> {
  const items: unknown[] = [];
  for await (const page of paginateScan({ client }, { TableName: table })) items.push(...(page.Items ?? []));
  return items;
}

function byName(a: Portfolio, b: Portfolio): number {
  return a.portfolio < b.portfolio ? -1 : 1;
}
