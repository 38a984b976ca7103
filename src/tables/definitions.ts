import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';

export interface TableKeys {
  key: string;
  range?: string;
  indexes: readonly { name: string; hash: string; range: string }[];
}

/** Key schema and indexes of every table we own (docs/design.md, Tables); Terraform creates the same ones. */
export const TABLES = {
  tickers: {
    key: 'symbol',
    indexes: [
      { name: 'by-type', hash: 'type', range: 'status' },
      { name: 'by-market', hash: 'market', range: 'status' },
    ],
  },
  assets: { key: 'symbol', indexes: [{ name: 'by-status', hash: 'status', range: 'symbol' }] },
  runs: { key: 'id', indexes: [] },
  'ticker-data': { key: 'ticker', range: 'timestamp', indexes: [] },
  'portfolio-analyses': { key: 'portfolio', range: 'timestamp', indexes: [] },
} as const satisfies Record<string, TableKeys>;

export type TableName = keyof typeof TABLES;

/** The CreateTable call of one table. */
export function createTableInput(name: TableName, tableName: string): CreateTableCommandInput {
  return tableInput(TABLES[name], tableName);
}

/** The CreateTable call of a table with these keys. */
export function tableInput({ key, range, indexes }: TableKeys, tableName: string): CreateTableCommandInput {
  const own = range === undefined ? [key] : [key, range];
  const attributes = new Set<string>([...own, ...indexes.flatMap((index) => [index.hash, index.range])]);
  return {
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [...attributes].map((attribute) => ({ AttributeName: attribute, AttributeType: 'S' })),
    KeySchema: own.map((attribute, place) => ({ AttributeName: attribute, KeyType: place === 0 ? 'HASH' : 'RANGE' })),
    ...(indexes.length > 0
      ? {
          GlobalSecondaryIndexes: indexes.map((index) => ({
            IndexName: index.name,
            KeySchema: [
              { AttributeName: index.hash, KeyType: 'HASH' as const },
              { AttributeName: index.range, KeyType: 'RANGE' as const },
            ],
            Projection: { ProjectionType: 'ALL' as const },
          })),
        }
      : {}),
  };
}
