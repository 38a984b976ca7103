import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import dynalite from 'dynalite';
import { answerS3, type Objects, readTarget, type S3Request } from '../../scripts/bench/loopback-s3.ts';
import { dataApiRoutes } from '../../src/local/aws/data-api.ts';
import { type PgliteEngine, startEngine } from '../../src/local/aws/pglite-engine.ts';
import {
  AwsFault,
  type AwsResponse,
  calledOperation,
  faultAnswer,
  type Routes,
  resultAnswer,
} from '../../src/local/aws/protocol.ts';
import { type SqlBackend, SqlFailure } from '../../src/local/aws/sql.ts';
import { createTableInput, TABLES, type TableName } from '../../src/tables/definitions.ts';
import type { SdkRequest, SdkResponse, Wires } from './wires.ts';
import type { Owner, World } from './world.ts';

/** The stores of one world. They hold what is theirs whoever dies. */
export interface Stores {
  s3: Objects;
  tables: {
    items(table: string): Promise<Record<string, unknown>[]>;
    send(target: string, body: object): Promise<Record<string, unknown>>;
  };
  sql: SqlBackend;
}

export const BUCKET = 'lake';
/** DynamoDB takes no more at once. */
const BATCH_ITEMS = 25;

/** What is in the stores but for the warehouse, which keeps its own. */
export interface Content {
  objects: Objects['objects'];
  items: Record<string, Record<string, unknown>[]>;
}

export async function contentOf({ s3, tables }: Stores): Promise<Content> {
  const items: Content['items'] = {};
  for (const table of Object.keys(TABLES)) items[table] = await tables.items(table);
  return { objects: new Map(s3.objects), items };
}

/** @param content is in them from the beginning, as what the warehouse holds is in it */
export async function openStores(
  warehouse: SqlBackend,
  content?: Content,
): Promise<Stores & { answer: (request: SdkRequest) => Promise<SdkResponse> }> {
  const s3: Objects = { objects: new Map(content?.objects), pageSize: 1000, locked: new Set() };
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  const [listener] = server.listeners('request') as RequestListener[];
  const answer = (request: SdkRequest) => dynamo(listener!, request);
  const send = async (target: string, body: object) => {
    const headers = { 'x-amz-target': `DynamoDB_20120810.${target}`, 'content-type': 'application/x-amz-json-1.0' };
    const { statusCode, body: bytes } = await answer({
      method: 'POST',
      hostname: 'dynamodb',
      path: '/',
      headers,
      body: JSON.stringify(body),
    });
    const text = Buffer.from(bytes as Uint8Array).toString('utf8');
    if (statusCode !== 200) throw new Error(`${target}: ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  };
  const isActive = async (TableName: string) => {
    const { Table } = await send('DescribeTable', { TableName });
    return (Table as { TableStatus: string }).TableStatus === 'ACTIVE';
  };
  for (const table of Object.keys(TABLES) as TableName[]) {
    await send('CreateTable', createTableInput(table, nameOf(table)));
    // It becomes so by a timer of the machine's.
    while (!(await isActive(nameOf(table)))) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const [table, all] of Object.entries(content?.items ?? {})) {
    const requests = all.map((Item) => ({ PutRequest: { Item } }));
    for (let at = 0; at < requests.length; at += BATCH_ITEMS)
      await send('BatchWriteItem', { RequestItems: { [nameOf(table)]: requests.slice(at, at + BATCH_ITEMS) } });
  }
  const items = async (table: string) => {
    const found = await send('Scan', { TableName: nameOf(table), ConsistentRead: true });
    return found.Items as Record<string, unknown>[];
  };
  return { s3, tables: { items, send }, sql: warehouse, answer };
}

function nameOf(table: string): string {
  return table.startsWith('user-') || table.startsWith('portfolio-positions')
    ? `${table}-local`
    : `afterbell-local-${table}`;
}

/** dynalite's own listener, called without a socket. */
function dynamo(listener: RequestListener, { method, path, headers, body }: SdkRequest): Promise<SdkResponse> {
  const bytes = Buffer.from((body ?? '') as string);
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  // It looks at the form of a signature, not at the signature.
  const signed = {
    ...lower,
    authorization: lower.authorization ?? SIGNED,
    'x-amz-date': lower['x-amz-date'] ?? '20250101T000000Z',
  };
  const request = Object.assign(Readable.from([bytes]), {
    method,
    url: path,
    headers: signed,
  }) as unknown as IncomingMessage;
  return new Promise((resolve) => {
    const given: Record<string, string> = {};
    const response = {
      statusCode: 200,
      setHeader: (name: string, value: string) => {
        given[name.toLowerCase()] = String(value);
      },
      removeHeader() {},
      on() {},
      end: (text?: string) =>
        resolve({ statusCode: response.statusCode, headers: given, body: Buffer.from(text ?? '') }),
    };
    listener(request, response as unknown as ServerResponse);
  });
}

const SIGNED =
  'AWS4-HMAC-SHA256 Credential=a/20250101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=s';

/** PostgreSQL in memory, one a thread. */
export interface Warehouse extends SqlBackend {
  /** As a new one, without a table. */
  empty(): Promise<void>;
  /** Remembers what is in it, in the place of what it remembered before. */
  keep(): Promise<void>;
  /** As it was then. */
  restore(): Promise<void>;
}

/** @param cluster file of an empty PostgreSQL */
export async function openWarehouse(cluster: string): Promise<Warehouse> {
  const engine = await startEngine('memory://', new Blob([readFileSync(cluster)]));
  const ask = async (sql: string) => (await engine.query(sql, [])).rows;
  const namesOf = async (sql: string) => (await ask(sql)).map(([name]) => name!);
  const together = (statements: string[]) => ask(`DO $all$ BEGIN ${statements.join('; ')}; END $all$`);
  let kept: string[] = [];
  let copies: string[] = [];
  let restored = 0;
  const empty = async () => {
    const all = await namesOf("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
    if (all.length > 0) await ask(`DROP TABLE ${all.join(', ')} CASCADE`);
  };
  return {
    ...backendOf(engine),
    empty,
    async keep() {
      await together(['DROP SCHEMA IF EXISTS kept CASCADE', 'CREATE SCHEMA kept']);
      kept = await namesOf("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1");
      copies = [];
      for (const table of kept) {
        if ((await ask(`SELECT 1 FROM ${table} LIMIT 1`)).length === 0) continue;
        await ask(`CREATE TABLE kept.${table} AS TABLE public.${table}`);
        copies.push(`INSERT INTO ${table} SELECT * FROM kept.${table}`);
      }
      const counters = await ask(
        "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL",
      );
      copies.push(...counters.map(([name, last]) => `PERFORM setval('${name}', ${last})`));
    },
    async restore() {
      restored += 1;
      // Its log, too, lies in memory, and grows until it is told that it is not needed.
      if (restored % 10 === 0) await ask('CHECKPOINT');
      if (kept.length === 0) await empty();
      else await together([`TRUNCATE ${kept.join(', ')} RESTART IDENTITY`, ...copies]);
    },
  };
}

function backendOf(engine: PgliteEngine): SqlBackend {
  const query: SqlBackend['query'] = (text, values) =>
    engine
      .query(text, values)
      .catch((error: Error & { code?: string; severity?: string; hint?: string; position?: string }) => {
        throw error.code === undefined ? error : new SqlFailure(error.message, { ...error, code: error.code });
      });
  return { query, session: async () => ({ query, close: async () => undefined }), close: () => engine.close() };
}

/** The effects of processes on these stores. `routes` are the services besides. */
export function wiresOf(
  world: World,
  stores: Awaited<ReturnType<typeof openStores>>,
  { routes, fetch }: { routes: Routes; fetch: Wires['fetch'] },
): Wires {
  const all: Routes = { ...dataApiRoutes(withSmallRows(stores.sql)), ...routes };
  return {
    aws(owner, request) {
      const target = request.headers['x-amz-target'] ?? request.headers['X-Amz-Target'] ?? '';
      if (target.startsWith('DynamoDB_')) {
        return world.effect(owner, `dynamodb ${nameOfCall(target, request)}`, () => stores.answer(request));
      }
      if (request.hostname.includes('s3')) return s3OverSdk(world, owner, stores.s3, request);
      return world.effect(owner, `aws ${nameOfService(request)}`, () => service(all, request));
    },
    s3(owner, { method, path, headers, body }) {
      const asked: S3Request = { method, target: `/${BUCKET}${path}`, headers, body };
      const key = readTarget(asked).path.slice(BUCKET.length + 2);
      return world.effect(owner, `s3 ${method} ${key}`, () => answerS3(stores.s3, asked));
    },
    fetch,
  };
}

/** The Data API's 64 KB a row, for markets a few hundred times smaller than the real one (process.ts scales the pieces). */
const ROW_LIMIT_BYTES = 1300;

function withSmallRows(sql: SqlBackend): SqlBackend {
  const query: SqlBackend['query'] = async (text, values) => {
    const result = await sql.query(text, values);
    for (const row of result.rows) {
      const bytes = row.reduce((sum, cell) => sum + Buffer.byteLength(String(cell ?? '')), 0);
      if (bytes > ROW_LIMIT_BYTES)
        throw new AwsFault('UnsupportedResultException', 'The result contains a row that exceeds the size limit 64 KB');
    }
    return result;
  };
  return { ...sql, query };
}

function nameOfCall(target: string, { body }: SdkRequest): string {
  const { TableName, RequestItems, Key, Item } = JSON.parse(String(body)) as {
    TableName?: string;
    RequestItems?: object;
    Key?: { id?: { S: string } };
    Item?: { id?: { S: string } };
  };
  const table = (TableName ?? Object.keys(RequestItems ?? {}).join(',')).replace('afterbell-local-', '');
  return [target.split('.')[1], table, (Key ?? Item)?.id?.S].filter(Boolean).join(' ');
}

function nameOfService({ path, headers, body }: SdkRequest): string {
  const target = headers['x-amz-target'] ?? headers['X-Amz-Target'];
  if (target) return target;
  if (path !== '/Execute') return path;
  const { sql } = JSON.parse(String(body)) as { sql: string };
  return `sql ${sql.replace(/\s+/g, ' ').trim().slice(0, 60)}`;
}

async function s3OverSdk(world: World, owner: Owner, s3: Objects, request: SdkRequest): Promise<SdkResponse> {
  const query = Object.entries(request.query ?? {}).flatMap(([name, value]) =>
    [value ?? ''].flat().map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one)}`),
  );
  const path = request.path.startsWith(`/${BUCKET}`)
    ? request.path
    : `/${BUCKET}${request.path === '/' ? '' : request.path}`;
  const asked: S3Request = {
    method: request.method,
    target: `${path}?${query.join('&')}`,
    headers: request.headers,
    body: Buffer.from((request.body ?? '') as string),
  };
  const { kind, query: read } = readTarget(asked);
  const {
    status: statusCode,
    headers,
    body,
  } = await world.effect(owner, `s3 ${kind} ${read.get('prefix') ?? ''}`, () => answerS3(s3, asked));
  return { statusCode, headers, body: Readable.from([body]) };
}

async function service(routes: Routes, request: SdkRequest): Promise<SdkResponse> {
  const { method, path, headers } = request;
  const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const body = Buffer.from((request.body ?? '') as string).toString('utf8');
  const called = calledOperation({ method, path, headers: lower, body });
  try {
    const route = routes[called.key];
    if (!route) throw new AwsFault('NotImplemented', `${called.key} is not there`, 501);
    return sdkResponse(resultAnswer(called.protocol, await route(body)));
  } catch (error) {
    if (!(error instanceof AwsFault)) throw error;
    return sdkResponse(faultAnswer(called.protocol, error));
  }
}

export function sdkResponse({ status, headers, body }: AwsResponse): SdkResponse {
  return { statusCode: status, headers, body: Buffer.from(body) };
}
