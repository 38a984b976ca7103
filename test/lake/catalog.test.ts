import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';
import { LIST_VIEWS } from '../../src/datasets/registry.ts';
import { stretches, writeCatalog } from '../../src/lake/catalog.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { jsonBytes, keys, type Lake } from '../../src/lake/lake.ts';
import { encodeRows } from '../../src/lake/parquet.ts';
import { SYMBOL_CHANGE_COLUMNS } from '../../src/lake/revisions.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { watchedLake } from '../../src/lake/watched-lake.ts';
import { temporaryFolder } from '../local/programs.ts';
import { MemoryLake } from './memory-lake.ts';
import { bar, publish } from './published.ts';

const OPTIONS = { intervals: [3], lists: LIST_VIEWS };
const DAYS = ['2025-11-17', '2025-11-18'];
const CHANGED_LISTS = ['assets', 'tickers'];

/** Two sessions of two symbols, consolidated, and one change in each of two lists. */
async function fill(lake: Lake): Promise<void> {
  for (const date of DAYS) await publish(lake, date, [bar('A', date), bar('B', date)]);
  for (const symbol of ['A', 'B']) await lake.write(keys.symbol(symbol), history(symbol, DAYS));
  const sessions = Object.fromEntries(DAYS.map((date) => [date, { etag: '', checksum: '' }]));
  await lake.write(keys.consolidated, jsonBytes({ sessions, outside: {} }));
  for (const dataset of CHANGED_LISTS) {
    const change = { date: DAYS[1], dataset, change: 'added', symbol: 'B', reason: 'first named' };
    const bytes = encodeRows(SYMBOL_CHANGE_COLUMNS, [change]);
    await lake.write(`${keys.symbolChangesOf(dataset)}date=${DAYS[1]}.parquet`, bytes);
  }
}

/** A bucket in memory. */
const bucket = (uri: string) => Object.assign(new MemoryLake(), { uri }) as MemoryLake & Lake;

const history = (symbol: string, dates: readonly string[]) => encodeBars(dates.map((date) => bar(symbol, date)));

async function ask(catalog: string, sql: string, root?: string): Promise<unknown[][]> {
  const instance = await DuckDBInstance.create(catalog, root === undefined ? { access_mode: 'READ_ONLY' } : {});
  const connection = await instance.connect();
  try {
    if (root !== undefined) await connection.run(`CREATE OR REPLACE MACRO lake_root() AS '${root}'`);
    return (await connection.runAndReadAll(sql)).getRowsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

test('a session that is being consolidated is not in bars until every history holds it, but whole in sessions', async () => {
  const folder = join(temporaryFolder(), "an owner's [lake]");
  const lake = new FileLake(pathToFileURL(folder).href);
  await fill(lake);
  expect(await writeCatalog(lake, temporaryFolder(), OPTIONS)).toBe(true);
  expect(await writeCatalog(lake, temporaryFolder(), OPTIONS)).toBe(false);
  const next = '2025-11-19';
  await publish(lake, next, [bar('A', next), bar('B', next)]);
  await lake.write(keys.symbol('A'), history('A', [...DAYS, next]));
  const counts = (view: string) =>
    ask(lake.path(keys.catalog), `SELECT date::VARCHAR, count(*)::INTEGER FROM ${view} GROUP BY date ORDER BY date`);
  expect(await counts('bars')).toEqual(DAYS.map((date) => [date, 2]));
  expect(await counts('sessions')).toEqual([...DAYS, next].map((date) => [date, 2]));
  expect(await counts('bars_total_return')).toEqual([...DAYS, next].map((date) => [date, 2]));
  expect(await ask(lake.path(keys.catalog), 'SELECT count(*)::INTEGER FROM calendar WHERE held')).toEqual([[3]]);
});

test('the first rows ever refused are seen in a catalog that was written before them, a torn line left out', async () => {
  const lake = new FileLake(pathToFileURL(temporaryFolder()).href);
  await fill(lake);
  await writeCatalog(lake, temporaryFolder(), OPTIONS);
  const refused = 'SELECT date::VARCHAR, dataset, symbol, reason, row::VARCHAR FROM quarantine';
  expect(await ask(lake.path(keys.catalog), refused)).toEqual([]);
  const line = { date: DAYS[1], dataset: 'metadata', symbol: 'B', reason: 'no name', row: { name: null } };
  await lake.write(`${keys.quarantineOf}${DAYS[1]}.jsonl`, Buffer.from(`${JSON.stringify(line)}\n{"date":"20\n`));
  expect(await ask(lake.path(keys.catalog), refused)).toEqual([
    [DAYS[1], 'metadata', 'B', 'no name', JSON.stringify(line.row)],
  ]);
  expect(await writeCatalog(lake, temporaryFolder(), OPTIONS)).toBe(false);
});

test('the catalog of a bucket names s3:// paths and nothing of the computer that wrote it', async () => {
  const uri = 's3://bucket/a/lake';
  const lake = bucket(uri);
  await fill(lake);
  const scratch = temporaryFolder();
  await writeCatalog(lake, scratch, OPTIONS);
  const text = Buffer.from((await lake.read(keys.catalogSql))!).toString();
  expect(text).toContain(`MACRO lake_root() AS '${uri}'`);
  expect(text).not.toContain(scratch);
  const folder = temporaryFolder();
  for (const [key, { bytes }] of lake.objects) {
    mkdirSync(dirname(join(folder, key)), { recursive: true });
    writeFileSync(join(folder, key), bytes);
  }
  const catalog = join(folder, keys.catalog);
  expect(await ask(catalog, 'SELECT lake_root()')).toEqual([[uri]]);
  const [views] = await ask(catalog, 'SELECT string_agg(sql) FROM duckdb_views() WHERE NOT internal');
  expect(views![0]).not.toContain(scratch);
  // The files themselves, as if the bucket were here.
  expect(await ask(catalog, 'SELECT count(*)::INTEGER FROM bars', folder)).toEqual([[4]]);
  const changed = await ask(catalog, 'SELECT dataset FROM symbol_changes ORDER BY dataset', folder);
  expect(changed).toEqual(CHANGED_LISTS.map((dataset) => [dataset]));
});

test('of a bucket the files of views are fetched only for a catalog that has changed', async () => {
  const fetched: string[] = [];
  const lake = watchedLake(bucket('s3://bucket/a/lake'), ({ call, key }) => {
    if (call === 'read' && key.endsWith('.parquet')) fetched.push(key);
  });
  await fill(lake);
  expect(await writeCatalog(lake, temporaryFolder(), OPTIONS)).toBe(true);
  const changes = CHANGED_LISTS.map((dataset) => `${keys.symbolChangesOf(dataset)}date=${DAYS[1]}.parquet`);
  expect(fetched.toSorted()).toEqual([keys.symbol('A'), keys.session(DAYS[0]!), ...changes].toSorted());
  fetched.length = 0;
  expect(await writeCatalog(lake, temporaryFolder(), OPTIONS)).toBe(false);
  expect(fetched).toEqual([]);
});

test('views.sql makes the same views where the file cannot be opened', async () => {
  const folder = temporaryFolder();
  const lake = new FileLake(pathToFileURL(folder).href);
  await fill(lake);
  await writeCatalog(lake, temporaryFolder(), OPTIONS);
  const sql = Buffer.from((await lake.read(keys.catalogSql))!).toString();
  expect(await ask(':memory:', `${sql}\nSELECT count(*)::INTEGER FROM bars`, '/elsewhere')).toEqual([[4]]);
});

test('dates are stretches as long as no session is missing between them', () => {
  expect(stretches(['2025-11-14', '2025-11-17', '2025-11-19'])).toEqual([
    ['2025-11-14', '2025-11-17'],
    ['2025-11-19', '2025-11-19'],
  ]);
  expect(stretches(['1800-01-01', '2025-11-15', '2025-11-17'])).toEqual([
    ['1800-01-01', '1800-01-01'],
    ['2025-11-15', '2025-11-17'],
  ]);
  expect(stretches([])).toEqual([]);
});
