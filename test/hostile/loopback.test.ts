import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DynamoDBClient, ListTablesCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { clientOptions } from '../../src/local/aws/environment.ts';
import { randomCredentials } from '../../src/local/aws/signature.ts';
import { readHome } from '../../src/local/home.ts';
import { type Laptop, openLaptop } from '../../src/local/laptop.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import { type PracticeMarket, startMarket } from '../../src/local/market/start-market.ts';
import { type Raw, send, sign } from '../local/aws/signed.ts';
import { served } from '../nights/command.ts';
import { program } from '../nights/program.ts';
import { scratch } from '../nights/scene.ts';
import rows from './loopback.json';

interface Row {
  name: string;
  door: 'aws' | 'dynamodb' | 'market' | 'reports' | 'control';
  /** `then`: what is changed after signing; PORT stands for the door's own. */
  input: Raw & { sign?: 'own' | 'local' | 'wrong secret'; service?: string; then?: Raw };
  expected: { status: number; error?: string };
}

const KEY = 'the-key-nobody-may-read';
const LOCAL = { accessKeyId: 'local', secretAccessKey: 'local' };
let laptop: Laptop;
let market: PracticeMarket;
let reports: ChildProcess;
let own = LOCAL;
const doors: Record<string, string> = {};

beforeAll(async () => {
  const home = scratch();
  market = await startMarket({ source: generateMarket({ symbols: 20, seed: 1 }) });
  const vendor = { POLYGON_BASE_URL: market.url, POLYGON_API_KEY: KEY };
  laptop = await openLaptop({ config: loadConfig({ AFTERBELL_HOME: home, ...vendor }), program });
  const { endpoints, credentials = LOCAL } = (await readHome(home))!;
  own = credentials;
  const { url, child } = await served({ AFTERBELL_HOME: home });
  reports = child;
  Object.assign(doors, endpoints, { market: market.url, reports: url });
});
afterAll(async () => {
  const ended = reports && once(reports, 'exit');
  reports?.kill('SIGTERM');
  await ended;
  await laptop?.close();
  await market?.close();
});

/** What a request that is refused must not change. */
async function stored() {
  const { warehouse, config } = laptop.stores;
  const tables = new DynamoDBClient(clientOptions(doors.dynamodb!, own));
  const [counted] = await warehouse.query("SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'");
  const { TableNames } = await tables.send(new ListTablesCommand({}));
  const { Count } = await tables.send(new ScanCommand({ TableName: config.RUNS_TABLE }));
  return { warehouse: counted!.n, tables: TableNames, runs: Count };
}

test.each(rows as Row[])('$name: answered with $expected.status', async ({ door, input, expected }) => {
  const before = await stored();
  const url = doors[door]!;
  const withPort = (headers: Record<string, string> = {}) =>
    Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace('PORT', new URL(url).port)]),
    );
  const { sign: signer, service, then = {}, ...raw } = input;
  const plain: Raw = { ...raw, headers: { host: new URL(url).host, ...withPort(raw.headers) } };
  const pairs = { own, local: LOCAL, 'wrong secret': { ...randomCredentials(), accessKeyId: own.accessKeyId } };
  const signed = signer ? await sign(url, plain, pairs[signer], service) : plain;
  const sent = { ...signed, ...then, headers: { ...signed.headers, ...withPort(then.headers) } };
  const { status, headers, body } = await send(url, sent);

  expect(status, body).toBe(expected.status);
  if (expected.error) expect(headers['x-amzn-errortype'] ?? /<Code>(.*)<\/Code>/.exec(body)?.[1]).toBe(expected.error);
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  expect(body).not.toContain(KEY);
  expect(await stored()).toEqual(before);
});

test('the secrets of one run open nothing in the next', async () => {
  const home = scratch();
  const config = loadConfig({ AFTERBELL_HOME: home, POLYGON_BASE_URL: market.url, POLYGON_API_KEY: KEY });
  const other = await openLaptop({ config, program });
  const { endpoints, credentials } = (await readHome(home))!;
  await other.close();
  expect(credentials).toBeDefined();
  expect(credentials!.accessKeyId).not.toBe(own.accessKeyId);
  expect(credentials!.secretAccessKey.length).toBeGreaterThanOrEqual(43);
  const raw = { path: '/Execute', headers: { 'content-type': 'application/json' }, body: '{"sql":"SELECT 1"}' };
  const answer = await send(doors.aws!, await sign(doors.aws!, raw, credentials!, 'rds-data'));
  expect([answer.status, endpoints.aws === doors.aws]).toEqual([403, false]);
});

test('every server of the product listens behind the one check', () => {
  const src = fileURLToPath(new URL('../../src', import.meta.url));
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const holding = (text: string) => files.filter((name) => readFileSync(join(src, name), 'utf8').includes(text)).sort();
  expect(holding('.listen(')).toEqual(['local/loopback.ts']);
  expect(holding('createServer(').filter((name) => !holding('ownRequestsOnly(').includes(name))).toEqual([]);
  expect(holding('listenOnLoopback(').filter((name) => !holding('ownRequestsOnly(').includes(name))).toEqual([]);
});
