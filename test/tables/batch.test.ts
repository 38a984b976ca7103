import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { mockClient } from 'aws-sdk-client-mock';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Item, writeAll } from '../../src/tables/batch.ts';
import { type LocalTables, openLocalTables } from './local-tables.ts';

const items = (count: number) => Array.from({ length: count }, (_, index) => ({ symbol: `S${index}` }));

/** A client whose answer to a batch a test decides: symbols left unprocessed, or an error. */
function fakeClient(answer: (symbols: string[], call: number) => string[] | Error) {
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({ region: 'us-east-1' }));
  const sizes: number[] = [];
  const stored: string[] = [];
  mockClient(client)
    .on(BatchWriteCommand)
    .callsFake(async ({ RequestItems }: { RequestItems: Record<string, { PutRequest: { Item: Item } }[]> }) => {
      const requests = RequestItems.t!;
      const symbols = requests.map(({ PutRequest }) => String(PutRequest.Item.symbol));
      const left = answer(symbols, sizes.push(requests.length));
      if (left instanceof Error) throw left;
      stored.push(...symbols.filter((symbol) => !left.includes(symbol)));
      const unprocessed = requests.filter(({ PutRequest }) => left.includes(String(PutRequest.Item.symbol)));
      return unprocessed.length > 0 ? { UnprocessedItems: { t: unprocessed } } : {};
    });
  return { client, sizes, stored };
}

const waits: number[] = [];
const quick = { concurrency: 1, wait: async (ms: number) => void waits.push(ms) };

test('items go 25 a call', async () => {
  const { client, sizes } = fakeClient(() => []);
  expect(await writeAll(client, 't', items(60), quick)).toEqual({ written: 60, failed: [], requests: 3 });
  expect(sizes).toEqual([25, 25, 10]);
  expect(await writeAll(client, 't', [], quick)).toEqual({ written: 0, failed: [], requests: 0 });
});

test('only what was left unprocessed goes round again, after a pause', async () => {
  waits.length = 0;
  const { client, sizes, stored } = fakeClient((symbols, call) => (call <= 2 ? symbols.slice(5) : []));
  expect(await writeAll(client, 't', items(25), quick)).toEqual({ written: 25, failed: [], requests: 3 });
  expect(sizes).toEqual([25, 20, 15]);
  expect(waits).toHaveLength(2);
  expect(new Set(stored).size).toBe(25);
});

test('what is unprocessed six times is recorded, and later chunks go on', async () => {
  const { client, sizes } = fakeClient((symbols) => symbols.filter((symbol) => symbol === 'S3'));
  const result = await writeAll(client, 't', items(60), quick);
  expect(result).toMatchObject({ written: 59, requests: 8 });
  expect(result.failed).toEqual([{ item: { symbol: 'S3' }, reason: 'still unprocessed after the last try' }]);
  expect(sizes).toEqual([25, 1, 1, 1, 1, 1, 25, 10]);
});

test('a chunk that DynamoDB refuses is recorded with its words, and later chunks go on', async () => {
  const refusal = Object.assign(new Error('item too large'), { name: 'ValidationException' });
  const { client, stored } = fakeClient((symbols) => (symbols.includes('S30') ? refusal : []));
  const result = await writeAll(client, 't', items(60), quick);
  expect(result.written).toBe(35);
  expect(result.failed.map(({ item }) => item.symbol)).toEqual(
    items(60)
      .slice(25, 50)
      .map(({ symbol }) => symbol),
  );
  expect(result.failed[0]!.reason).toBe('ValidationException: item too large');
  expect(stored).toHaveLength(35);
});

test('written and failed always add up to the items given', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(120),
      fc.integer({ min: 1, max: 5 }),
      fc.infiniteStream(fc.nat(9)),
      async (count, concurrency, luck) => {
        const { client, stored } = fakeClient((symbols) => {
          const dice = luck.next().value as number;
          return dice === 0 ? new Error('refused') : symbols.filter((_, index) => (index * 7 + dice) % 10 < 4);
        });
        const result = await writeAll(client, 't', items(count), { concurrency, wait: async () => {} });
        expect(result.written + result.failed.length).toBe(count);
        expect(stored).toHaveLength(result.written);
        expect(new Set([...stored, ...result.failed.map(({ item }) => item.symbol)]).size).toBe(count);
      },
    ),
    { numRuns: 50 },
  );
});

let tables: LocalTables;
beforeAll(async () => {
  tables = await openLocalTables();
});
afterAll(() => tables.close());

test('on a real table every item arrives, fields without a value left out', async () => {
  const table = await tables.create('tickers');
  const result = await writeAll(
    tables.client,
    table,
    items(60).map((item) => ({ ...item, name: undefined, market: 'stocks' })),
  );
  expect(result).toEqual({ written: 60, failed: [], requests: 3 });
  expect(await tables.items(table)).toHaveLength(60);
  expect(await tables.item(table, { symbol: 'S59' })).toEqual({ symbol: 'S59', market: 'stocks' });
});
