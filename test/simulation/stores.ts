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

/** @param warehouse is empty when it is handed in */
export async function openStores(
  warehouse: SqlBackend,
): Promise<Stores & { answer: (request: SdkRequest) => Promise<SdkResponse> }> {
  const s3: Objects = { objects: new Map(), pageSize: 1000, locked: new Set() };
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

/** PostgreSQL in memory, one a thread, emptied between worlds. @param cluster file of an empty one */
export async function openWarehouse(cluster: string): Promise<SqlBackend & { empty(): Promise<void> }> {
  const engine = await startEngine('memory://', new Blob([readFileSync(cluster)]));
  return { ...backendOf(engine), empty: () => empty(engine) };
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

/** Without a table: a history is the same, whichever came before it in this process. */
async function empty(engine: PgliteEngine): Promise<void> {
  const { rows } = await engine.query(
    "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public'",
    [],
  );
  if (rows[0]?.[0]) await engine.query(`DROP TABLE ${rows[0][0]} CASCADE`, []);
  // Its log, too, lies in memory, and grows until it is told that it is not needed.
  await engine.query('CHECKPOINT', []);
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
