import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DescribeTableCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import { readBook, readHoldings } from '../portfolio/portfolio-tables.ts';
import { type TableKeys, tableInput } from '../tables/definitions.ts';
import { writeAll } from '../tables/write-all.ts';
import type { ListedPortfolio } from './portfolio-list.ts';

/**
 * The portfolio service's tables (docs/data-dictionary.md). They are another's: made on a laptop only, where that
 * service is not, and only when somebody asks.
 */
const KEYS: Readonly<Record<'USER_PORTFOLIOS_TABLE' | 'PORTFOLIO_POSITIONS_TABLE', TableKeys>> = {
  USER_PORTFOLIOS_TABLE: { key: 'portfolio', indexes: [] },
  PORTFOLIO_POSITIONS_TABLE: { key: 'portfolio', range: 'symbol', indexes: [] },
};

/** Puts these portfolios into a laptop's tables, made first when there are none; positions not listed go. */
export async function importPortfolios(
  client: DynamoDBDocumentClient,
  config: Config,
  portfolios: readonly ListedPortfolio[],
): Promise<void> {
  await createMissing(client, config);
  for (const { portfolio, name, positions } of portfolios) {
    const kept = new Set(positions.map(({ symbol }) => symbol));
    for (const { symbol } of await readHoldings(client, config.PORTFOLIO_POSITIONS_TABLE, portfolio)) {
      const Key = { portfolio, symbol };
      const command = new DeleteCommand({ TableName: config.PORTFOLIO_POSITIONS_TABLE, Key });
      if (!kept.has(symbol)) await client.send(command);
    }
    const items = positions.map((position) => ({ portfolio, ...position }));
    const written = [
      await writeAll(client, config.PORTFOLIO_POSITIONS_TABLE, items),
      // Last: a portfolio that is there is there as a whole.
      await writeAll(client, config.USER_PORTFOLIOS_TABLE, [{ portfolio, name, active: true }]),
    ];
    const refused = written.flatMap(({ failed }) => failed)[0];
    if (refused)
      throw new NamedError('Table.WriteFailed', { what: `${portfolio} was not stored`, found: refused.reason });
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
