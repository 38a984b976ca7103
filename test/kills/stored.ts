import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DeleteCommand, PutCommand, paginateScan, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { verify } from '../../src/cli/verify/verify.ts';
import { loadConfig } from '../../src/config.ts';
import { listAll } from '../../src/lake/lake.ts';
import { decodeRows } from '../../src/lake/parquet.ts';
import { type Laptop, openLaptop } from '../../src/local/laptop.ts';
import { readProgram } from '../../src/local/program.ts';

/** Instants and names of runs, and what follows from them (a checksum covers `ingested_at`). */
const OF_RUNS = new Set(
  `ingestedAt ingested_at updated_at last_updated last_run_timestamp firstSeenAt updatedAt inactiveSince lastSyncTimestamp
   runId run_id syncId checksum etag ttl createdAt responseId`.split(/\s+/),
);
/** What each run has spent on the model, killed ones too. */
const OF_ONE_RUN = /^SPENT#/;
/** Accounts of what one run did, and the catalog, which names its folder: not what is stored; that they are there is compared. */
const ACCOUNTS = /^(reports|catalog|processing_metadata\/jobs)\//;

/** Everything a home holds, without the instants of its runs. */
export interface Stored {
  /** Lake key → rows or document. */
  lake: Record<string, unknown>;
  tables: Record<string, unknown[]>;
  prices: unknown[];
  watermarks: unknown[];
  companies: unknown[];
  valuations: unknown[];
  history: unknown[];
}

export interface Inspection {
  stored: Stored;
  /** Oldest first. */
  nights: { session: string; kind: string; status: string; reasons: string }[];
  /** Files that only a run at work has: locks, drafts, unfinished writes, staging. */
  leftovers: string[];
  /** What `verify` finds wrong. */
  problems: string[];
  /** `session status` of every Night Completed that reached the bus, without repetitions. */
  events: string[];
}

/** Looks into a home nobody is working on. */
export async function inspect(home: string, product: string): Promise<Inspection> {
  const leftovers = findLeftovers(home);
  return onHome(home, product, async ({ stores }, context) => {
    const { warehouse } = stores;
    const stored: Stored = {
      lake: await readLake(stores.lake),
      tables: await readTables(stores),
      prices: await warehouse.query(`SELECT symbol, date::text, open, high, low, close, volume, vwap, source
        FROM stock_prices ORDER BY symbol, date`),
      watermarks: await warehouse.query(`SELECT dataset, symbol, last_date::text FROM ingestion_watermarks
        ORDER BY dataset, symbol`),
      history:
        await warehouse.query(`SELECT dataset, symbol, figi, asset_id, valid_from::text, valid_to::text, reason, ending
        FROM symbol_history ORDER BY dataset, symbol, valid_from`),
      companies:
        await warehouse.query(`SELECT symbol, name, sector, industry, sic_code, exchange, type, list_date::text,
        market_cap, description, source FROM symbol_metadata ORDER BY symbol`),
      valuations: await warehouse.query(`SELECT symbol, date::text, dcf, stock_price, source FROM dcf_valuations
        ORDER BY symbol`),
    };
    const nights = await warehouse.query(`SELECT session::text, kind, status, reasons::text FROM nights
      ORDER BY started_at, run_id`);
    let found = '';
    await verify({}, { ...context, terminal: { ...context.terminal, print: (text) => (found += text) } });
    const { checks } = JSON.parse(found) as { checks: { problems: string[] }[] };
    return {
      stored,
      nights: nights as unknown as Inspection['nights'],
      leftovers,
      problems: checks.flatMap(({ problems }) => problems),
      events: readEvents(home),
    };
  });
}

/** Lets the next sync find something to add, to change and to mark as gone. */
export async function disturbReferences(home: string, product: string): Promise<void> {
  await onHome(home, product, async ({ stores: { tables, config, warehouse } }) => {
    await warehouse.query("DELETE FROM symbol_history WHERE symbol IN ('ALL', 'T')");
    for (const table of ['symbol_metadata', 'enrichment_attempts']) {
      await warehouse.query(`DELETE FROM ${table} WHERE symbol IN ('ALL', 'T')`);
    }
    await warehouse.query(`INSERT INTO symbol_history (dataset, symbol, valid_from, reason)
      SELECT DISTINCT dataset, 'GONE', valid_from, 'first seen' FROM symbol_history ON CONFLICT DO NOTHING`);
    for (const TableName of [config.TICKERS_TABLE, config.ASSETS_TABLE]) {
      const Item = { symbol: 'GONE', status: 'active', contentHash: 'x', name: 'No longer listed' };
      await tables.send(new PutCommand({ TableName, Item }));
      for (const symbol of ['ALL', 'T']) {
        await tables.send(new DeleteCommand({ TableName, Key: { symbol } }));
      }
      for (const symbol of ['AAPL', 'MSFT']) {
        await tables.send(
          new UpdateCommand({
            TableName,
            Key: { symbol },
            UpdateExpression: 'SET contentHash = :hash, #name = :name',
            ExpressionAttributeNames: { '#name': 'name' },
            ExpressionAttributeValues: { ':hash': 'x', ':name': 'Another name' },
          }),
        );
      }
    }
  });
}

type Context = Parameters<typeof verify>[1];

async function onHome<T>(home: string, product: string, work: (laptop: Laptop, context: Context) => Promise<T>) {
  const config = loadConfig({ AFTERBELL_HOME: home, RESAMPLING_INTERVALS: '3,5' });
  const program = readProgram(product);
  const terminal = { json: true, live: false, colour: false, print: () => {}, note: () => {}, typed: String };
  const laptop = await openLaptop({ config, program });
  try {
    return await work(laptop, {
      config,
      program,
      terminal,
      now: new Date(),
      signal: new AbortController().signal,
      unread: new AbortController().signal,
    });
  } finally {
    await laptop.close();
  }
}

function findLeftovers(home: string): string[] {
  const within = (folder: string) => (existsSync(join(home, folder)) ? readdirSync(join(home, folder)) : []);
  return [
    ...within('.').filter((name) => name.startsWith('home.lock')),
    ...within('warehouse').filter((name) => name !== 'pgdata'),
    ...within('lake/.tmp'),
    ...within('lake/staging'),
    ...within('scratch'),
  ];
}

async function readLake(lake: Laptop['stores']['lake']): Promise<Stored['lake']> {
  const found: Stored['lake'] = {};
  for (const { key } of await listAll(lake, '')) {
    const name = key.replace(/run=.*\./, 'run=*.');
    const bytes = (await lake.read(key))!;
    if (ACCOUNTS.test(key)) found[name] = 'present';
    else if (key.endsWith('.parquet')) found[name] = lasting(await decodeRows(bytes, key, []));
    else if (key.endsWith('.json')) found[name] = lasting(JSON.parse(Buffer.from(bytes).toString('utf8')));
    else found[name] = Buffer.from(bytes).toString('utf8');
  }
  return found;
}

/** A copy without what differs from run to run; silver's tokens are checksums, so only their dates stay. */
function lasting(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lasting);
  if (typeof value === 'string') {
    const lines = value.replace(/^(\d{4}-\d{2}-\d{2}) [0-9a-f]{16}$/gm, '$1 checksum');
    return /^([0-9a-f]{64}|[0-9a-f]{16})$/.test(value) ? 'checksum' : lines;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => !OF_RUNS.has(name));
  return Object.fromEntries(entries.map(([name, inner]) => [name, name === 'contentHash' ? inner : lasting(inner)]));
}

async function readTables({ tables, config }: Laptop['stores']): Promise<Stored['tables']> {
  const found: Stored['tables'] = {};
  for (const TableName of [
    config.TICKERS_TABLE,
    config.ASSETS_TABLE,
    config.RUNS_TABLE,
    config.TICKER_DATA_TABLE,
    config.PORTFOLIO_ANALYSES_TABLE,
  ]) {
    const items: Record<string, unknown>[] = [];
    for await (const page of paginateScan({ client: tables }, { TableName })) items.push(...(page.Items ?? []));
    const keyOf = (item: Record<string, unknown>) =>
      String(item.symbol ?? item.id ?? item.ticker ?? item.portfolio) + String(item.timestamp ?? '');
    const lastingItems = items.filter((item) => !OF_ONE_RUN.test(String(item.id)));
    found[TableName] = lastingItems.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).map(lasting);
  }
  return found;
}

function readEvents(home: string): string[] {
  const file = join(home, 'logs', 'events.jsonl');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  const seen = lines.map((line) => {
    const event = JSON.parse(line) as Record<string, unknown>;
    const detail = (event.detail ?? event.Detail) as Record<string, unknown> | string;
    const { session, status } = typeof detail === 'string' ? JSON.parse(detail) : detail;
    return `${session} ${status}`;
  });
  return [...new Set(seen)].sort();
}
