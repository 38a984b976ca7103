import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { startTables } from '../../src/local/aws/dynamodb.ts';
import { randomCredentials } from '../../src/local/aws/signature.ts';
import type { Item } from '../../src/tables/batch.ts';
import { createTableInput, type TableName } from '../../src/tables/definitions.ts';
import { openTables } from '../../src/tables/runs.ts';
import { temporaryFolder } from '../local/programs.ts';

export interface LocalTables {
  client: DynamoDBDocumentClient;
  /** A table of that layout under a name of its own. */
  create(name: TableName): Promise<string>;
  item(table: string, key: Record<string, string>): Promise<Item | undefined>;
  /** Every item, by its key. */
  items(table: string): Promise<Item[]>;
  close(): Promise<void>;
}

let created = 0;

/** A real DynamoDB protocol server on loopback with the product's own document client. */
export async function openLocalTables(): Promise<LocalTables> {
  const credentials = randomCredentials();
  const server = await startTables({ path: join(temporaryFolder(), 'tables'), credentials });
  const plain = new DynamoDBClient({ endpoint: server.url, region: 'us-east-1', credentials });
  const client = openTables(plain);
  return {
    client,
    async create(name) {
      created += 1;
      const TableName = `${name}-${created}`;
      await plain.send(new CreateTableCommand(createTableInput(name, TableName)));
      while ((await plain.send(new DescribeTableCommand({ TableName }))).Table?.TableStatus !== 'ACTIVE')
        await sleep(2);
      return TableName;
    },
    item: async (TableName, Key) => (await client.send(new GetCommand({ TableName, Key }))).Item,
    async items(TableName) {
      const { Items = [] } = await client.send(new ScanCommand({ TableName }));
      return Items.sort((a, b) => (JSON.stringify(a.symbol ?? a.id) < JSON.stringify(b.symbol ?? b.id) ? -1 : 1));
    },
    async close() {
      plain.destroy();
      await server.close();
    },
  };
}
