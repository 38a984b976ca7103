import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';

/** Key schema and indexes of every table we own (DESIGN 4.2); Terraform creates the same ones. */
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
} as const;

export type TableName = keyof typeof TABLES;

/** The CreateTable call of one table. */
export function createTableInput(name: TableName, tableName: string): CreateTableCommandInput {
  const { key, indexes } = TABLES[name];
  const attributes = new Set<string>([key, ...indexes.flatMap((index) => [index.hash, index.range])]);
  return {
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [...attributes].map((attribute) => ({ AttributeName: attribute, AttributeType: 'S' })),
    KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
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
