import type { SdkRequest, SdkResponse } from './wires.ts';

type Json = Record<string, unknown>;
type Send = (request: SdkRequest) => Promise<SdkResponse>;
type Command = { input: Json };

/** As the SDK's standard mode retries. */
const ATTEMPTS = 3;
/** Of the client of a lake. */
const S3_ATTEMPTS = 10;
const TRANSIENT = /^(TransientError|TimeoutError|RequestTimeout|RequestTimeoutException)$/;
const THROTTLING = /Throttl|SlowDown|TooManyRequests|ProvisionedThroughputExceeded|RequestLimitExceeded|BandwidthLimit/;

interface Operation {
  attempts?: number;
  request: (input: Json) => Pick<SdkRequest, 'method' | 'hostname' | 'path' | 'headers' | 'query' | 'body'>;
  result: (body: Buffer) => unknown;
}

const json = (body: Buffer) => (body.length > 0 ? (JSON.parse(body.toString('utf8')) as Json) : {});

function targeted(target: string, version = '1.1', of = (input: Json): unknown => input): Operation['request'] {
  const [service = ''] = target.toLowerCase().split('_');
  return (input) => ({
    method: 'POST',
    hostname: service,
    path: '/',
    headers: { 'x-amz-target': target, 'content-type': `application/x-amz-json-${version}` },
    body: JSON.stringify(of(input)),
  });
}

function table(operation: string): Operation {
  return {
    request: targeted(`DynamoDB_20120810.${operation}`, '1.0', marshalled),
    result: (body) => plain(json(body)),
  };
}

function sql(path: string): Operation {
  const headers = { 'content-type': 'application/json' };
  return {
    request: (input) => ({ method: 'POST', hostname: 'rds-data', path, headers, body: JSON.stringify(input) }),
    result: json,
  };
}

/** The calls of which a night has hundreds, by the names of the SDK's commands. */
const OPERATIONS: Record<string, Operation> = {
  GetCommand: table('GetItem'),
  PutCommand: table('PutItem'),
  DeleteCommand: table('DeleteItem'),
  UpdateCommand: table('UpdateItem'),
  ScanCommand: table('Scan'),
  QueryCommand: table('Query'),
  BatchGetCommand: table('BatchGetItem'),
  BatchWriteCommand: table('BatchWriteItem'),
  ExecuteStatementCommand: sql('/Execute'),
  GetSecretValueCommand: { request: targeted('secretsmanager.GetSecretValue'), result: json },
  PutEventsCommand: { request: targeted('AWSEvents.PutEvents'), result: json },
  ListObjectsV2Command: { attempts: S3_ATTEMPTS, request: listRequest, result: listed },
  DeleteObjectsCommand: { attempts: S3_ATTEMPTS, request: deleteRequest, result: refusals },
};

/**
 * Sends commands of the AWS SDK without its middleware, which takes half a millisecond a call: what goes over the wire
 * and what comes of it is the same, and so are repetitions. One history in ten has the whole SDK.
 * @param names of the command classes
 * @returns undefined for a command that it does not know
 */
export function quickSender(names: ReadonlyMap<unknown, string>, send: Send, wait: (ms: number) => Promise<void>) {
  return (command: Command): Promise<unknown> | undefined => {
    const operation = OPERATIONS[names.get(command.constructor) ?? ''];
    return operation && persist(operation, command.input, send, wait);
  };
}

async function persist(
  { attempts = ATTEMPTS, request, result }: Operation,
  input: Json,
  send: Send,
  wait: (ms: number) => Promise<void>,
): Promise<unknown> {
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await send(request(input)).then(
      async (answer) => {
        const body = await bytesOf(answer.body);
        if (answer.statusCode < 300) return { value: result(body) };
        return { error: refusal(answer, body) };
      },
      (broken: Error) => ({ error: broken, isTransient: true }),
    );
    if ('value' in outcome) return outcome.value;
    const { name, $metadata } = outcome.error as Error & { $metadata?: { httpStatusCode: number } };
    const isTransient =
      'isTransient' in outcome ||
      TRANSIENT.test(name) ||
      THROTTLING.test(name) ||
      ($metadata?.httpStatusCode ?? 0) >= 500;
    if (!isTransient || attempt === attempts) throw outcome.error;
    await wait(Math.min(20_000, 100 * 2 ** (attempt - 1)));
  }
}

async function bytesOf(body: SdkResponse['body']): Promise<Buffer> {
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

function refusal({ statusCode, headers }: SdkResponse, body: Buffer): Error {
  const text = body.toString('utf8');
  const found = text.startsWith('{') ? (JSON.parse(text) as Record<string, string>) : {};
  const code = headers['x-amzn-errortype'] ?? found.__type ?? element(text, 'Code') ?? 'UnknownError';
  const message = found.message ?? found.Message ?? element(text, 'Message') ?? code;
  const name = code.split('#').at(-1)!.split(':')[0]!;
  return Object.assign(new Error(message), { name, $fault: 'client', $metadata: { httpStatusCode: statusCode } });
}

function marshalled(input: Json): unknown {
  const items = (found: Json) =>
    Object.fromEntries(Object.entries(found).flatMap(([name, value]) => field(name, value)));
  const field = (name: string, value: unknown): [string, unknown][] => {
    const typed = attribute(value);
    return typed === undefined ? [] : [[name, typed]];
  };
  const walk = (name: string, value: unknown): unknown => {
    if (value === undefined) return undefined;
    if (/^(Item|Key|ExclusiveStartKey|ExpressionAttributeValues)$/.test(name)) return items(value as Json);
    if (name === 'Keys') return (value as Json[]).map(items);
    if (Array.isArray(value)) return value.map((one) => walk('', one));
    if (typeof value !== 'object' || value === null || name === 'ExpressionAttributeNames') return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, walk(key, one)]));
  };
  return walk('', input);
}

function attribute(value: unknown): object | undefined {
  switch (typeof value) {
    case 'string':
      return { S: value };
    case 'number':
    case 'bigint':
      return { N: String(value) };
    case 'boolean':
      return { BOOL: value };
    case 'object': {
      if (value === null) return { NULL: true };
      if (Array.isArray(value)) return { L: value.map(attribute).filter((one) => one !== undefined) };
      if (value instanceof Set) return { SS: [...value] };
      const fields = Object.entries(value).map(([name, one]) => [name, attribute(one)]);
      return { M: Object.fromEntries(fields.filter(([, one]) => one !== undefined)) };
    }
    default:
      return undefined;
  }
}

/** An answer with plain values in the places of typed ones. */
function plain(answer: Json): Json {
  const item = (found: unknown) =>
    Object.fromEntries(Object.entries(found as Json).map(([name, value]) => [name, untyped(value as Json)]));
  const walk = (name: string, value: unknown): unknown => {
    if (/^(Item|Key|LastEvaluatedKey|Attributes)$/.test(name)) return item(value);
    if (/^(Items|Keys)$/.test(name)) return (value as unknown[]).map(item);
    if (name === 'Responses')
      return Object.fromEntries(Object.entries(value as Json).map(([of, all]) => [of, (all as unknown[]).map(item)]));
    if (Array.isArray(value)) return value.map((one) => walk('', one));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, walk(key, one)]));
  };
  return walk('', answer) as Json;
}

function untyped(typed: Json): unknown {
  const [kind, value] = Object.entries(typed)[0]!;
  if (kind === 'N') return Number(value);
  if (kind === 'NULL') return null;
  if (kind === 'L') return (value as Json[]).map(untyped);
  if (kind === 'SS') return new Set(value as string[]);
  if (kind !== 'M') return value;
  return Object.fromEntries(Object.entries(value as Json).map(([name, one]) => [name, untyped(one as Json)]));
}

function listRequest({ Bucket, Prefix, ContinuationToken }: Json) {
  const query = {
    'list-type': '2',
    prefix: String(Prefix ?? ''),
    ...(ContinuationToken !== undefined && { 'continuation-token': String(ContinuationToken) }),
  };
  return { method: 'GET', hostname: 's3', path: `/${Bucket}`, query, headers: {} };
}

function listed(body: Buffer) {
  const text = body.toString('utf8');
  const Contents = [...text.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, entry]) => ({
    Key: element(entry!, 'Key'),
    Size: Number(element(entry!, 'Size')),
    ETag: element(entry!, 'ETag'),
  }));
  const NextContinuationToken = element(text, 'NextContinuationToken');
  return { Contents, IsTruncated: element(text, 'IsTruncated') === 'true', NextContinuationToken };
}

function deleteRequest({ Bucket, Delete }: Json) {
  const { Objects } = Delete as { Objects: { Key: string; ETag?: string }[] };
  const objects = Objects.map(({ Key, ETag }) => {
    const version = ETag === undefined ? '' : `<ETag>${escaped(ETag)}</ETag>`;
    return `<Object><Key>${escaped(Key)}</Key>${version}</Object>`;
  });
  const body = `<Delete><Quiet>true</Quiet>${objects.join('')}</Delete>`;
  return { method: 'POST', hostname: 's3', path: `/${Bucket}`, query: { delete: '' }, headers: {}, body };
}

function refusals(body: Buffer) {
  const Errors = [...body.toString('utf8').matchAll(/<Error>(.*?)<\/Error>/gs)].map(([, error]) => ({
    Key: element(error!, 'Key'),
    Code: element(error!, 'Code'),
    Message: element(error!, 'Message'),
  }));
  return { Errors };
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => ENTITIES[letter]!);
}

function element(text: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(text)?.[1];
  return found?.replace(
    /&(?:amp|lt|gt|quot);/g,
    (entity) => Object.keys(ENTITIES).find((one) => ENTITIES[one] === entity)!,
  );
}
