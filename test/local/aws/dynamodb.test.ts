import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { expect, test, vi } from 'vitest';
import { startTables } from '../../../src/local/aws/dynamodb.ts';
import { temporaryFolder } from '../programs.ts';
import { sign } from './signed.ts';

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const clientOf = (endpoint: string) =>
  new DynamoDBClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
const TableName = 'afterbell-dev-tickers';
const createTable = new CreateTableCommand({
  TableName,
  BillingMode: 'PAY_PER_REQUEST',
  AttributeDefinitions: [{ AttributeName: 'symbol', AttributeType: 'S' }],
  KeySchema: [{ AttributeName: 'symbol', KeyType: 'HASH' }],
});

test('items outlive the server, and close does not wait for kept connections', async () => {
  const path = join(temporaryFolder(), 'tables');
  const first = await startTables({ path, credentials });
  const client = clientOf(first.url);
  await client.send(createTable);
  await expect
    .poll(async () => {
      const put = new PutItemCommand({ TableName, Item: { symbol: { S: 'BRK.B' }, rows: { N: '1' } } });
      return (await client.send(put).catch(() => undefined)) !== undefined;
    })
    .toBe(true);
  await client.send(
    new UpdateItemCommand({
      TableName,
      Key: { symbol: { S: 'BRK.B' } },
      UpdateExpression: 'set #n = :n',
      ConditionExpression: 'attribute_exists(symbol)',
      ExpressionAttributeNames: { '#n': 'rows' },
      ExpressionAttributeValues: { ':n': { N: '2' } },
    }),
  );
  await Promise.all([first.close(), first.close()]);
  await expect(client.send(createTable)).rejects.toThrow('ECONNREFUSED');

  const second = await startTables({ path, credentials });
  const found = await clientOf(second.url).send(new GetItemCommand({ TableName, Key: { symbol: { S: 'BRK.B' } } }));
  expect(found.Item).toEqual({ symbol: { S: 'BRK.B' }, rows: { N: '2' } });
  await second.close();
});

test('a request cut off midway does not end the server', async () => {
  const tables = await startTables({ path: join(temporaryFolder(), 'tables'), credentials });
  const json = { 'content-type': 'application/x-amz-json-1.0' };
  const { headers } = await sign(tables.url, { headers: json }, credentials, 'dynamodb');
  await new Promise<void>((resolve) => {
    const broken = request(tables.url, { method: 'POST', headers: { ...headers, 'content-length': '1000' } });
    broken.on('error', () => undefined);
    broken.on('close', () => resolve());
    broken.write('{"TableName":', () => broken.destroy());
  });
  await clientOf(tables.url).send(createTable);
  await tables.close();
});

test('a path that cannot be opened is named', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'x'));
  writeFileSync(join(folder, 'x', 'tables'), 'a file');
  await expect(startTables({ path: join(folder, 'x', 'tables'), credentials })).rejects.toMatchObject({
    name: 'Database.Failed',
    message: expect.stringContaining(join(folder, 'x', 'tables')),
  });
});

test('a second server on the same path is refused', async () => {
  const path = join(temporaryFolder(), 'tables');
  const tables = await startTables({ path, credentials });
  await expect(startTables({ path, credentials })).rejects.toMatchObject({ name: 'Database.Failed' });
  await tables.close();
});

test('a table whose creation was cut off by a kill is created again', async () => {
  const path = join(temporaryFolder(), 'tables');
  const killed = `
    const dynalite = require('dynalite');
    const server = dynalite({ path: ${JSON.stringify(path)}, createTableMs: 86400000 });
    server.listen(0, '127.0.0.1', () => process.stdout.write(String(server.address().port)));`;
  const child = spawn(process.execPath, ['-e', killed], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  const { TableDescription } = await clientOf(`http://127.0.0.1:${port}`).send(createTable);
  expect(TableDescription?.TableStatus).toBe('CREATING');
  child.kill('SIGKILL');
  await once(child, 'exit');

  const next = await startTables({ path, credentials });
  const client = clientOf(next.url);
  await client.send(createTable);
  const put = new PutItemCommand({ TableName, Item: { symbol: { S: 'AAPL' } } });
  await expect.poll(() => client.send(put).then(() => 'stored', String)).toBe('stored');
  await next.close();
});

test('a write that the disk refuses is answered under a name, and the server goes on', async () => {
  const tables = await startTables({ path: join(temporaryFolder(), 'tables'), credentials });
  const { Level } = createRequire(createRequire(import.meta.url).resolve('dynalite'))('level');
  const full = new Error('IO error: 000005.log: No space left on device');
  const refused = ['_put', '_batch'].map((write) => vi.spyOn(Level.prototype, write).mockRejectedValue(full));
  const client = clientOf(tables.url);
  await expect(client.send(createTable)).rejects.toMatchObject({
    name: 'Home.Unwritable',
    message: expect.stringMatching(/found the disk is full .*Free some space/),
  });
  for (const spy of refused) spy.mockRestore();
  await client.send(createTable);
  await tables.close();
});
