import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { CreateTableCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { planSync } from '../../src/checks/diff.ts';
import { assets as assetList } from '../../src/datasets/assets.ts';
import { tableSink } from '../../src/datasets/dataset.ts';
import type { Fields } from '../../src/datasets/snapshots.ts';
import { tickers as tickerList } from '../../src/datasets/tickers.ts';
import { startTables } from '../../src/local/aws/dynamodb.ts';
import { randomCredentials } from '../../src/local/aws/signature.ts';
import { parseAssets } from '../../src/records/asset.ts';
import { parseTickers } from '../../src/records/ticker.ts';
import { createTableInput, type TableName } from '../../src/tables/definitions.ts';
import { openTables } from '../../src/tables/runs.ts';

// Syncs 12,000 tickers and 11,000 assets into the embedded tables: a first time, and again with nothing changed.
// Prints [{name, value, unit}]. Usage: node reference.mjs FOLDER TICKERS ASSETS
const [folder = '.', tickers = '12000', assets = '11000'] = process.argv.slice(2);
const MARKETS = ['stocks', 'otc'];
const TYPES = ['CS', 'ETF', 'ADRC', 'PFD', 'OS'];

const tickerRow = (_: unknown, index: number) => ({
  ticker: `T${index.toString(36).toUpperCase()}X`,
  name: `Company number ${index} Incorporated, Common Stock`,
  market: MARKETS[index % 2],
  locale: 'us',
  primary_exchange: 'XNAS',
  type: TYPES[index % TYPES.length],
  active: true,
  currency_name: 'usd',
  cik: String(index).padStart(10, '0'),
  composite_figi: `BBG${String(index).padStart(9, '0')}`,
  share_class_figi: `BBG1${String(index).padStart(8, '0')}`,
  last_updated_utc: '2025-11-19T00:00:00Z',
});

const assetRow = (_: unknown, index: number) => ({
  id: randomUUID(),
  class: 'us_equity',
  exchange: 'NASDAQ',
  symbol: `T${index.toString(36).toUpperCase()}X`,
  name: `Company number ${index} Incorporated, Common Stock`,
  status: 'active',
  tradable: true,
  marginable: true,
  maintenance_margin_requirement: 30,
  margin_requirement_long: '30',
  margin_requirement_short: '30',
  shortable: true,
  easy_to_borrow: true,
  fractionable: true,
  attributes: ['options_enabled'],
});

const credentials = randomCredentials();
const server = await startTables({ path: join(folder, 'tables'), credentials });
const plain = new DynamoDBClient({ endpoint: server.url, region: 'us-east-1', credentials });
let requests = 0;
plain.middlewareStack.add((next) => (args) => next(args).finally(() => (requests += 1)), { step: 'finalizeRequest' });
const client = openTables(plain);
const figures: { name: string; value: number; unit: string }[] = [];

const lists: [name: TableName, records: { symbol: string }[]][] = [
  ['tickers', parseTickers(Array.from({ length: Number(tickers) }, tickerRow)).records],
  ['assets', parseAssets(Array.from({ length: Number(assets) }, assetRow)).records],
];
for (const [name] of lists) {
  await plain.send(new CreateTableCommand(createTableInput(name, name)));
  while ((await plain.send(new DescribeTableCommand({ TableName: name }))).Table?.TableStatus !== 'ACTIVE');
}
const fieldsOf: Record<string, Fields> = { tickers: tickerList.fields, assets: assetList.fields };
for (const round of ['first', 'unchanged']) {
  let items = 0;
  let written = 0;
  requests = 0;
  const begun = performance.now();
  for (const [name, records] of lists) {
    const sink = tableSink<{ symbol: string }>(client, name, fieldsOf[name]!);
    const plan = planSync(await sink.known(), records, ({ symbol }) => symbol);
    const run = {
      runId: round,
      session: '2025-11-19',
      listSession: '2025-11-19',
      openedAt: '2025-11-20T09:00:00.000Z',
    };
    const result = await sink.apply(plan, run, records);
    if (result.failed.length > 0) throw new Error(JSON.stringify(result.failed[0]));
    written += result.new + result.changed;
    items += records.length;
  }
  const seconds = (performance.now() - begun) / 1000;
  figures.push({ name: `reference_${round}_sync_seconds`, value: seconds, unit: 's' });
  figures.push({ name: `reference_${round}_sync_items_per_second`, value: items / seconds, unit: 'items/s' });
  figures.push({ name: `reference_${round}_sync_requests`, value: requests, unit: 'requests' });
  figures.push({ name: `reference_${round}_sync_items_written`, value: written, unit: 'items' });
}
plain.destroy();
await server.close();
console.log(JSON.stringify(figures));
