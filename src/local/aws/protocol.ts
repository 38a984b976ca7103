import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { ZodType } from 'zod';
import { schemaProblems } from '../../errors.ts';
import { jsonFrom } from '../../text.ts';

/** Answers one operation: the request body in, the body of a 200 answer out; throws AwsFault. */
export type Route = (body: string) => Promise<string>;

/** Route tables by the keys of `calledOperation`. */
export type Routes = Record<string, Route>;

/** A route of a JSON protocol: the input is checked against `schema` (a mismatch is a ValidationException). */
export function jsonRoute<Input>(schema: ZodType<Input>, handle: (input: Input) => Promise<unknown> | unknown): Route {
  return async (body) => JSON.stringify(await handle(parseJson(schema, body)));
}

/** Parses and checks a JSON body; unknown fields are refused by strict schemas, so none is silently ignored. */
export function parseJson<Input>(schema: ZodType<Input>, body: string): Input {
  let value: unknown;
  try {
    value = jsonFrom(body === '' ? '{}' : body);
  } catch {
    throw new AwsFault('SerializationException', 'The request body is not JSON');
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AwsFault('ValidationException', schemaProblems(parsed.error, 'request').join('; '));
}

/** Which operation of which service a request calls, and in which wire protocol it wants its answer. */
export interface CalledOperation {
  /** Key of the route table: `AWSEvents.PutEvents`, `sns.Publish`, `POST /Execute`. */
  key: string;
  service: string;
  operation: string;
  protocol: 'json' | 'query' | 'rest';
}

interface RequestLine {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/**
 * Reads the operation off a signed SDK request: `X-Amz-Target` for the JSON protocols, the form field `Action`
 * for AWS Query, method and path for REST. The service name comes from the signature's credential scope, so a
 * service nobody foresaw is still named in the refusal.
 */
export function calledOperation({ method, path, headers, body }: RequestLine): CalledOperation {
  const service = /Credential=[^/]*\/\d+\/[^/]*\/([\w-]+)\/aws4_request/.exec(headers.authorization ?? '')?.[1] ?? '';
  const target = headers['x-amz-target'];
  if (typeof target === 'string') {
    const [prefix = '', operation = ''] = target.split('.');
    return { key: target, service: service || prefix, operation, protocol: 'json' };
  }
  if ((headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) {
    const operation = new URLSearchParams(body).get('Action') ?? '';
    return { key: `${service}.${operation}`, service, operation, protocol: 'query' };
  }
  const key = `${method} ${path.split('?')[0]}`;
  return { key, service: service || 'an unknown service', operation: key, protocol: 'rest' };
}

/** A finished HTTP answer. */
export interface AwsResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A result in the protocol's own shape: JSON text as given, or the XML of an AWS Query result. */
export function resultAnswer(protocol: CalledOperation['protocol'], body: string): AwsResponse {
  const contentType = { json: 'application/x-amz-json-1.1', rest: 'application/json', query: 'text/xml' }[protocol];
  return { status: 200, headers: { 'content-type': contentType, 'x-amzn-requestid': randomUUID() }, body };
}

/** A fault in the protocol's own shape, so that the SDK client raises it under its name. */
export function faultAnswer(protocol: CalledOperation['protocol'], fault: AwsFault): AwsResponse {
  const requestId = randomUUID();
  if (protocol === 'query') {
    const type = fault.status >= 500 ? 'Receiver' : 'Sender';
    const error = `<Type>${type}</Type><Code>${fault.name}</Code><Message>${escapeXml(fault.message)}</Message>`;
    return {
      status: fault.status,
      headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId },
      body: `<ErrorResponse><Error>${error}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
    };
  }
  return {
    status: fault.status,
    headers: {
      'content-type': protocol === 'json' ? 'application/x-amz-json-1.1' : 'application/json',
      'x-amzn-errortype': fault.name,
      'x-amzn-requestid': requestId,
    },
    body: JSON.stringify({ __type: fault.name, message: fault.message }),
  };
}

/** Resolves when the answer is on its way or the client is gone. */
export function send(response: ServerResponse, { status, headers, body }: AwsResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('finish', resolve);
    response.once('close', resolve);
    response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(body)) });
    response.end(body);
  });
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/**
 * What an AWS service answers instead of a result. `name` is the exception name the SDK client raises
 * (`DatabaseErrorException`, `ResourceNotFoundException`), `status` the HTTP status it travels with.
 */
export class AwsFault extends Error {
  override readonly name: string;
  readonly status: number;

  constructor(name: string, message: string, status = 400) {
    super(message);
    this.name = name;
    this.status = status;
  }
}

/** The RDS Data API's own request limit; but for DynamoDB's the other services' are smaller. */
export const REQUEST_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * The request body. One longer than the limit is read to its end but not kept, because a client still
 * writing would see a reset connection (and retry) instead of the refusal.
 * @throws AwsFault RequestEntityTooLargeException (413)
 */
export async function readBody(request: IncomingMessage, limitBytes = REQUEST_LIMIT_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= limitBytes) chunks.push(chunk);
    }
  } catch {
    throw new AwsFault('RequestAborted', 'The client went away before the request was complete');
  }
  if (bytes > limitBytes) {
    const limit = `${limitBytes / 1024 / 1024} MiB is the limit`;
    throw new AwsFault('RequestEntityTooLargeException', `The request has ${bytes} bytes; ${limit}`, 413);
  }
  return Buffer.concat(chunks);
}
