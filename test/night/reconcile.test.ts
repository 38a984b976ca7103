import { BatchWriteCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { snapshotColumns } from '../../src/datasets/registry.ts';
import { keys } from '../../src/lake/lake.ts';
import { decodeRows, encodeRows } from '../../src/lake/parquet.ts';
import { reconcileNight } from '../../src/night/reconcile.ts';
import { bars } from '../checks/bars.ts';
import { publish } from '../lake/published.ts';
import { type LocalTables, openLocalTables } from '../tables/local-tables.ts';
import { openTestStores, type TestStores } from './rooms.ts';

const DATE = '2025-11-19';

let tables: LocalTables;
let stores: TestStores;
beforeAll(async () => {
  tables = await openLocalTables();
});
beforeEach(async () => {
  stores = await openTestStores(tables);
});
afterAll(() => tables.close());

const list = (dataset: string, date: string, rows: object[]) =>
  stores.lake.write(keys.snapshot(dataset, date), encodeRows(snapshotColumns(dataset), rows));
const listings = (symbols: readonly string[]) => symbols.map((symbol) => ({ symbol, market: 'stocks', type: 'CS' }));
const assets = (symbols: readonly string[]) => symbols.map((symbol) => ({ symbol, exchange: 'NYSE', tradable: true }));
const table = async () => {
  const bytes = await stores.lake.read(keys.report(DATE, 'reconcile.parquet'));
  return decodeRows<{ symbol: string; reason: string | null }>(bytes!, 'reconcile', ['date', 'symbol', 'reason']);
};

test('the newest lists up to the session are compared with its bars, and the table is written once', async () => {
  const names = bars(30, DATE).map(({ symbol }) => symbol);
  await list('tickers', '2025-11-18', listings([...names, 'QUIET']));
  await list('tickers', '2025-11-20', listings(['LATER']));
  await list('assets', DATE, assets([...names.slice(1), 'QUIET']));
  await publish(stores.lake, DATE, [...bars(30, DATE), ...bars(1, DATE).map((one) => ({ ...one, symbol: 'GONE' }))]);
  const inactive = { symbol: 'GONE', status: 'inactive', inactiveSince: '2025-11-12T09:00:00.000Z', contentHash: 'x' };
  const requests = { [stores.config.TICKERS_TABLE]: [{ PutRequest: { Item: inactive } }] };
  await tables.client.send(new BatchWriteCommand({ RequestItems: requests }));
  const reject = { dataset: 'prices', date: DATE, symbol: 'BAD', reason: 'close is not a number', row: {} };
  const noise = { dataset: 'valuations', date: DATE, symbol: 'S001', reason: 'no answer', row: {} };
  await stores.lake.write(keys.quarantine(DATE), Buffer.from(`${JSON.stringify(reject)}\n${JSON.stringify(noise)}\n`));

  expect(await reconcileNight(DATE, stores)).toEqual([
    'reconcile: 33 symbols, 29 alike in every list; 1 bar of a symbol inactive at Polygon since 2025-11-12, 1 listed but did not trade today, 1 not at Alpaca, 1 prices row refused',
  ]);
  const rows = await table();
  expect(rows).toHaveLength(33);
  const differing = rows.filter(({ reason }) => reason !== null).map(({ symbol, reason }) => [symbol, reason]);
  expect(differing).toEqual([
    ['BAD', 'prices row refused: close is not a number'],
    ['GONE', 'bar of a symbol inactive at Polygon since 2025-11-12'],
    ['QUIET', 'listed but did not trade today'],
    ['S000', 'not at Alpaca'],
  ]);
  const writes = stores.lake.changes.length;
  await reconcileNight(DATE, stores);
  expect(stores.lake.changes).toHaveLength(writes);
});

test('without any list there is nothing to compare; without bars the lists are', async () => {
  expect(await reconcileNight(DATE, stores)).toEqual([]);
  await list('tickers', DATE, listings(['A', 'B']));
  await list('assets', DATE, assets(['A']));
  expect(await reconcileNight(DATE, stores)).toEqual(['reconcile: 2 symbols, 1 alike in every list; 1 not at Alpaca']);
  expect(await table()).toMatchObject([
    { symbol: 'A', bars: null, index: null },
    { symbol: 'B', bars: null, alpaca: false },
  ]);
});

test('of a whole market the tables are asked about the unlisted symbols only', async () => {
  const names = bars(12_000, DATE).map(({ symbol }) => symbol);
  await list('tickers', DATE, listings(names.slice(250)));
  await list('assets', DATE, assets(names));
  await publish(stores.lake, DATE, bars(12_000, DATE));
  const requests: object[] = [];
  const send = (command: never) => {
    requests.push(command);
    return tables.client.send(command);
  };
  const notes = await reconcileNight(DATE, { ...stores, tables: { send } as never });
  expect(notes[0]).toContain('12,000 symbols, 11,750 alike');
  expect(requests).toHaveLength(3);
});
