import { EventEmitter } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import dynalite from 'dynalite';
import fc from 'fast-check';
import { afterAll, beforeAll, expect } from 'vitest';
import { answerSigned } from '../../src/local/aws/dynamodb.ts';
import { openPglite } from '../../src/local/aws/pglite.ts';
import type { AwsResponse } from '../../src/local/aws/protocol.ts';
import { awsAnswers } from '../../src/local/aws/server.ts';
import type { SqlBackend } from '../../src/local/aws/sql.ts';
import { ownRequestsOnly } from '../../src/local/loopback.ts';
import { sign } from '../local/aws/signed.ts';
import { cluster, temporaryFolder } from '../local/programs.ts';
import { door, jsonLike, textLike } from './door.ts';

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

interface Request {
  service: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string;
  /** Put on it after it was signed. */
  late: Record<string, string>;
}

/** A request as Node's server hands it over, without a socket. */
async function arriving({ service, method, path, headers, body, late }: Request): Promise<IncomingMessage> {
  const signed = await sign('http://127.0.0.1:1', { method, path, headers, body }, credentials, service);
  const lower = Object.entries({ ...signed.headers, ...late }).map(([name, value]) => [name.toLowerCase(), value]);
  const parts = { method, url: path, headers: Object.fromEntries(lower), socket: { localPort: 1 } };
  return Object.assign(Readable.from([Buffer.from(body)]), parts) as unknown as IncomingMessage;
}

const late = fc.dictionary(
  fc.constantFrom('authorization', 'x-amz-date', 'content-type', 'x-amz-target', 'x-amz-content-sha256', 'x-amz-more'),
  fc.oneof(fc.constantFrom('', 'AWS4-HMAC-SHA256 ', '20251120T090000Z', '99999999T999999Z', 'a.b.c', '='), fc.string()),
  { maxKeys: 1 },
);
const mostlyNothing = fc.oneof({ weight: 8, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: late });

interface Kind {
  service: string;
  path?: string;
  headers: Record<string, string>;
  body: fc.Arbitrary<string>;
}

const requests = (kinds: Kind[]): fc.Arbitrary<Request> =>
  fc.oneof(
    ...kinds.map(({ service, path = '/', headers, body }) =>
      fc.record({
        service: fc.constant(service),
        method: fc.oneof({ weight: 20, arbitrary: fc.constant('POST') }, fc.constantFrom('GET', 'PUT', 'DELETE')),
        path: fc.oneof({ weight: 20, arbitrary: fc.constant(path) }, fc.webPath(), fc.constant('/%')),
        headers: fc.constant(headers),
        body,
        late: mostlyNothing,
      }),
    ),
  );

const json = (target: string) => ({ 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target });
const errors: [unknown, string][] = [];
const onError = (error: unknown, during: string) => void errors.push([error, during]);

async function answered(answers: (request: IncomingMessage) => Promise<AwsResponse>, request: Request) {
  const { status, headers, body } = await answers(await arriving(request));
  const [defect] = errors.splice(0);
  if (defect) throw defect[0];
  expect(status === 501 || status < 500).toBe(true);
  if (status < 400) return 'right';
  const fault = headers['x-amzn-errortype'] ?? /<Code>(\w+)/.exec(body)?.[1];
  expect(fault).toMatch(/^[\w.]+$/);
  return fault;
}

const services = awsAnswers({
  credentials: [credentials],
  secrets: { 'arn:secret': '{"apiKey":"k"}' },
  events: {
    rules: { all: { source: ['afterbell'], detail: { rows: [{ numeric: ['>', 1] }] } } },
    onEvent: () => undefined,
  },
  onNotify: () => undefined,
  describeExecution: (executionArn) =>
    executionArn === 'arn:known'
      ? { executionArn, stateMachineArn: 'm', name: 'n', status: 'RUNNING', startDate: new Date(0), input: '{}' }
      : undefined,
  onError,
});
const ENTRY = {
  Source: 'afterbell',
  DetailType: 'Night Completed',
  Detail: '{"rows":2}',
  Time: 1763600000,
  Resources: ['r'],
};
const form = new URLSearchParams({
  Action: 'Publish',
  Version: '2010-03-31',
  TopicArn: 't',
  Subject: 's',
  Message: 'm',
});

door('EventBridge, Secrets Manager, Step Functions and SNS', {
  inputs: requests([
    { service: 'events', headers: json('AWSEvents.PutEvents'), body: jsonLike([{ Entries: [ENTRY, ENTRY] }]) },
    {
      service: 'secretsmanager',
      headers: json('secretsmanager.GetSecretValue'),
      body: jsonLike([{ SecretId: 'arn:secret', VersionStage: 'AWSCURRENT' }]),
    },
    {
      service: 'states',
      headers: json('AWSStepFunctions.DescribeExecution'),
      body: jsonLike([{ executionArn: 'arn:known' }]),
    },
    {
      service: 'sns',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: textLike([form.toString(), `${form}&MessageAttributes.entry.1.Name=a`]),
    },
  ]),
  enter: (request) => answered(services, request),
  kept: {
    'an event of a time that no calendar has': () => ({
      service: 'events',
      method: 'POST',
      path: '/',
      headers: json('AWSEvents.PutEvents'),
      body: JSON.stringify({ Entries: [{ ...ENTRY, Time: 1e15 }] }),
      late: {},
    }),
  },
});

let backend: SqlBackend;
let sql: (request: IncomingMessage) => Promise<AwsResponse>;
beforeAll(async () => {
  backend = await openPglite(join(temporaryFolder(), 'pgdata'), cluster);
  sql = awsAnswers({ credentials: [credentials], sql: backend, onError });
  await backend.query('create table bars (symbol text, date date, close numeric, rows bigint, more jsonb)', []);
});
afterAll(() => backend?.close());

const call = (text: string, parameters: unknown[] = [], more: object = {}) => ({
  resourceArn: 'r',
  secretArn: 's',
  database: 'd',
  sql: text,
  parameters,
  ...more,
});
const named = (name: string, value: unknown, typeHint?: string) => ({ name, value, ...(typeHint && { typeHint }) });
const STATEMENTS = [
  call('select :s::text as s, :l + 1 as l, :d as d, :b as b, :n as n', [
    named('s', { stringValue: "O'Neil" }),
    named('l', { longValue: 41 }),
    named('d', { doubleValue: 1.5 }),
    named('b', { booleanValue: true }),
    named('n', { isNull: true }),
  ]),
  call('insert into bars values (:symbol, :date, :close, 1, :more)', [
    named('symbol', { stringValue: 'A' }),
    named('date', { stringValue: '2025-11-19' }, 'DATE'),
    named('close', { stringValue: '1.10' }, 'DECIMAL'),
    named('more', { stringValue: '{"a":[1]}' }, 'JSON'),
  ]),
  call("select symbol, count(*), array_agg(rows), min(date) from bars where symbol <> '' group by 1 -- all", [], {
    includeResultMetadata: true,
    resultSetOptions: { decimalReturnType: 'DOUBLE_OR_LONG' },
  }),
  call("with one as (select 1 as a) select a, $$text :a$$ as t, E'\\n' as e from one", [], { formatRecordsAs: 'JSON' }),
  call('select :blob as blob, :at as at', [
    named('blob', { blobValue: 'AP8=' }),
    named('at', { stringValue: '2025-11-19 21:00:00' }, 'TIMESTAMP'),
  ]),
  call('/* a /* nested */ comment */ update bars set rows = rows + 1 where false'),
];

door('RDS Data API', {
  inputs: requests([
    {
      service: 'rds-data',
      path: '/Execute',
      headers: { 'content-type': 'application/json' },
      body: fc.oneof(
        jsonLike(STATEMENTS),
        textLike(STATEMENTS.map(({ sql }) => sql)).map((text) => JSON.stringify(call(text))),
      ),
    },
  ]),
  enter: (request) => answered((arrived) => sql(arrived), request),
  kept: {
    'a statement with a NUL in it': () => ({
      service: 'rds-data',
      method: 'POST',
      path: '/Execute',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(call('select 1 \0 as a')),
      late: {},
    }),
  },
});

/** What a server writes its answer to. */
class Written extends EventEmitter {
  statusCode = 200;
  body = '';
  setHeader(): void {}
  writeHead(status: number): void {
    this.statusCode = status;
  }
  end(body: string | Buffer = ''): void {
    this.body = String(body);
    this.emit('finish');
  }
}

/** The answer, or what is thrown where nobody could have caught it. */
async function written(work: (response: ServerResponse) => unknown): Promise<Written> {
  const response = new Written();
  let uncaught: ((error: unknown) => void) | undefined;
  try {
    return await new Promise<Written>((resolve, reject) => {
      uncaught = reject;
      process.once('uncaughtException', reject);
      response.once('finish', () => resolve(response));
      Promise.resolve(work(response as unknown as ServerResponse)).catch(reject);
    });
  } finally {
    if (uncaught) process.off('uncaughtException', uncaught);
  }
}

const tables = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 }).listeners(
  'request',
)[0] as RequestListener;
const dynamo = (operation: string) => ({
  'content-type': 'application/x-amz-json-1.0',
  'x-amz-target': `DynamoDB_20120810.${operation}`,
});
const TableName = 'afterbell-tickers';
const ITEM = {
  symbol: { S: 'A' },
  n: { N: '1.5' },
  list: { L: [{ S: 'x' }, { NULL: true }] },
  map: { M: { a: { BOOL: true } } },
};
const OPERATIONS: [string, object[]][] = [
  [
    'PutItem',
    [
      {
        TableName,
        Item: ITEM,
        ConditionExpression: 'attribute_not_exists(symbol) OR n < :n',
        ExpressionAttributeValues: { ':n': { N: '9' } },
      },
    ],
  ],
  [
    'GetItem',
    [
      {
        TableName,
        Key: { symbol: { S: 'A' } },
        ProjectionExpression: '#n, map.a',
        ExpressionAttributeNames: { '#n': 'n' },
      },
    ],
  ],
  [
    'UpdateItem',
    [
      {
        TableName,
        Key: { symbol: { S: 'A' } },
        UpdateExpression: 'SET #n = if_not_exists(#n, :z) + :o REMOVE list[0]',
        ExpressionAttributeNames: { '#n': 'n' },
        ExpressionAttributeValues: { ':z': { N: '0' }, ':o': { N: '1' } },
        ReturnValues: 'ALL_NEW',
      },
    ],
  ],
  [
    'Query',
    [{ TableName, KeyConditionExpression: 'symbol = :s', ExpressionAttributeValues: { ':s': { S: 'A' } }, Limit: 5 }],
  ],
  [
    'Scan',
    [{ TableName, FilterExpression: 'begins_with(symbol, :s)', ExpressionAttributeValues: { ':s': { S: 'A' } } }],
  ],
  [
    'BatchWriteItem',
    [
      {
        RequestItems: {
          [TableName]: [{ PutRequest: { Item: ITEM } }, { DeleteRequest: { Key: { symbol: { S: 'B' } } } }],
        },
      },
    ],
  ],
  ['BatchGetItem', [{ RequestItems: { [TableName]: { Keys: [{ symbol: { S: 'A' } }] } } }]],
  ['DescribeTable', [{ TableName }]],
  ['ListTables', [{ Limit: 3 }]],
  ['DeleteItem', [{ TableName, Key: { symbol: { S: 'B' } } }]],
];

async function askTables(request: Request): Promise<Written> {
  const arrived = await arriving(request);
  return written((response) => answerSigned(arrived, response, credentials, tables));
}

beforeAll(async () => {
  const create = {
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'symbol', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'symbol', KeyType: 'HASH' }],
  };
  const usual = { service: 'dynamodb', method: 'POST', path: '/', late: {} };
  await askTables({ ...usual, headers: dynamo('CreateTable'), body: JSON.stringify(create) });
  const put = { ...usual, headers: dynamo('PutItem'), body: JSON.stringify({ TableName, Item: ITEM }) };
  while ((await askTables(put)).statusCode !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
});

door('DynamoDB', {
  inputs: requests(
    OPERATIONS.map(([operation, bodies]) => ({
      service: 'dynamodb',
      headers: dynamo(operation),
      body: jsonLike(bodies),
    })),
  ),
  enter: async (request) => {
    const { statusCode, body } = await askTables(request);
    expect(statusCode).toBeLessThan(500);
    return /"__type":"(?:[\w.]+#)?(\w+)/.exec(body)?.[1];
  },
});

door('what stands before every server', {
  inputs: fc.record({
    method: fc.constantFrom('GET', 'POST', 'OPTIONS', 'HEAD', '', 'get'),
    localPort: fc.constantFrom(1, 80, 65_535, undefined),
    headers: fc.dictionary(
      fc.constantFrom('host', 'origin', 'sec-fetch-site', 'sec-fetch-mode'),
      fc.oneof(
        fc.constantFrom(
          '127.0.0.1:1',
          'localhost:1',
          'http://localhost:1',
          'null',
          'none',
          'cross-site',
          'navigate',
          '[::1]:1',
          '127.0.0.1',
        ),
        fc.string(),
      ),
    ),
  }),
  enter: async ({ method, localPort, headers }) => {
    let let_in = false;
    const request = { method, headers, socket: { localPort } } as unknown as IncomingMessage;
    const response = await written((response) =>
      ownRequestsOnly((_, own) => {
        let_in = true;
        own.end();
      })(request, response),
    );
    expect(response.statusCode).toBe(let_in ? 200 : 403);
    if (let_in) expect(headers.host?.toLowerCase()).toMatch(/^(127\.0\.0\.1|localhost)(:\d+)?$/);
  },
});
