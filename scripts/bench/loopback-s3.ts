import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As S3 has it. */
const LARGEST_SKEW_MS = 15 * 60_000;

interface Stored {
  bytes: Buffer;
  etag: string;
}

/** What an S3 keeps; `/bucket/key` → object. */
export interface Objects {
  objects: Map<string, Stored>;
  /** Keys a list names at most in one answer. */
  pageSize: number;
  /** Keys that DeleteObjects refuses. */
  locked: Set<string>;
}

export interface S3Request {
  method: string;
  /** Path with query, as it is sent. */
  target: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

export interface S3Reply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export interface LoopbackS3 extends Objects {
  url: string;
  /** Requests so far by method, lists as LIST and DeleteObjects as DELETE. */
  requests: Record<string, number>;
  /** The newest request as it came. */
  last: { path: string; headers: IncomingMessage['headers'] } | undefined;
  /** Answers a request with this status and code instead, when it returns one. */
  trouble: ((method: string, path: string) => [status: number, code: string] | undefined) | undefined;
  /** Whether a request is carried out but its connection breaks before the answer. */
  lose: ((method: string, path: string) => boolean) | undefined;
  /** How far its clock is ahead of this computer's, milliseconds; negative: behind. */
  aheadMs: number;
  close(): Promise<void>;
}

/**
 * An S3 of one process in memory: objects, conditional puts, lists by pages, DeleteObjects with versions and errors by
 * key. It checks no signature, only that it was made within 15 minutes of its own clock. Every answer waits for `delayMs`.
 */
export async function startLoopbackS3(delayMs = 0, port = 0): Promise<LoopbackS3> {
  const objects: LoopbackS3['objects'] = new Map();
  const s3: LoopbackS3 = {
    url: '',
    objects,
    requests: {},
    last: undefined,
    trouble: undefined,
    lose: undefined,
    pageSize: 1000,
    locked: new Set(),
    aheadMs: 0,
    close: async () => {},
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const go = () => answer(s3, request, Buffer.concat(parts), response);
      if (delayMs > 0) setTimeout(go, delayMs);
      else go();
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  s3.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  s3.close = () => closed(server);
  return s3;
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

function answer(s3: LoopbackS3, request: IncomingMessage, body: Buffer, response: ServerResponse): void {
  const { method = '', url: target = '/', headers } = request;
  const asked: S3Request = { method, target, headers, body };
  const { kind, path } = readTarget(asked);
  s3.last = { path: target.split('?')[0]!, headers };
  s3.requests[kind] = (s3.requests[kind] ?? 0) + 1;
  // The body has arrived, so what follows is done; nobody hears of it.
  if (s3.lose?.(kind, path)) request.socket.destroy();
  const now = Date.now() + s3.aheadMs;
  const trouble = s3.trouble?.(kind, path) ?? (isSkewed(request, now) ? [403, 'RequestTimeTooSkewed'] : undefined);
  const reply = trouble ? refusal(...trouble) : answerS3(s3, asked);
  response.writeHead(reply.status, { ...reply.headers, date: new Date(now).toUTCString() });
  response.end(reply.body);
}

function isSkewed({ headers }: IncomingMessage, now: number): boolean {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date'])) ?? [];
  const [year = 0, month = 0, ...rest] = parts.slice(1).map(Number);
  return parts.length > 0 && Math.abs(Date.UTC(year, month - 1, ...rest) - now) > LARGEST_SKEW_MS;
}

/** Lists are LIST, DeleteObjects are DELETE. */
export function readTarget({ method, target }: Pick<S3Request, 'method' | 'target'>) {
  const url = new URL(target, 'http://s3');
  const path = decodeURIComponent(url.pathname).replace(/\/$/, '');
  const kind = url.searchParams.has('list-type') ? 'LIST' : url.searchParams.has('delete') ? 'DELETE' : method;
  return { kind, path, query: url.searchParams };
}

/** What S3 answers, whoever carries it. */
export function answerS3(s3: Objects, request: S3Request): S3Reply {
  const { kind, path, query } = readTarget(request);
  if (kind === 'LIST') return list(s3, path, query);
  if (kind === 'DELETE') return remove(s3, path, request.body.toString());
  return kind === 'GET' ? get(s3, path) : put(s3, path, request);
}

function get(s3: Objects, path: string): S3Reply {
  const stored = s3.objects.get(path);
  if (!stored) return refusal(404, 'NoSuchKey');
  const { etag, bytes } = stored;
  return { status: 200, headers: { etag, 'content-length': String(bytes.length) }, body: bytes };
}

function put(s3: Objects, path: string, { headers, body }: S3Request): S3Reply {
  const stored = s3.objects.get(path);
  const { 'if-match': match, 'if-none-match': none } = headers;
  if ((none === '*' && stored) || (match !== undefined && stored && stored.etag !== match))
    return refusal(412, 'PreconditionFailed');
  if (match !== undefined && !stored) return refusal(404, 'NoSuchKey');
  const bytes = unchunked(headers, body);
  const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
  s3.objects.set(path, { bytes, etag });
  return { status: 200, headers: { etag }, body: Buffer.alloc(0) };
}

/** The body without the chunk headers that `aws-chunked` puts into it. */
function unchunked(headers: S3Request['headers'], body: Buffer): Buffer {
  if (!String(headers['content-encoding'] ?? '').includes('aws-chunked')) return body;
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, line), 16);
    if (!size) return Buffer.concat(parts);
    parts.push(body.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

function list(s3: Objects, bucket: string, query: URLSearchParams): S3Reply {
  const start = `${bucket}/${query.get('prefix') ?? ''}`;
  const after = query.get('continuation-token') ?? '';
  const all = [...s3.objects.keys()].filter((key) => key.startsWith(start) && key > after).sort();
  const page = all.slice(0, s3.pageSize);
  const contents = page.map((key) => {
    const { bytes, etag } = s3.objects.get(key)!;
    const name = escaped(key.slice(bucket.length + 1));
    return `<Contents><Key>${name}</Key><Size>${bytes.length}</Size><ETag>${escaped(etag)}</ETag></Contents>`;
  });
  const more = all.length > s3.pageSize;
  const next = more ? `<NextContinuationToken>${escaped(page.at(-1)!)}</NextContinuationToken>` : '';
  return xml(`<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`);
}

function remove(s3: Objects, bucket: string, body: string): S3Reply {
  const errors: string[] = [];
  for (const [, object] of body.matchAll(/<Object>(.*?)<\/Object>/gs)) {
    const key = unescaped(/<Key>(.*?)<\/Key>/s.exec(object!)?.[1] ?? '');
    const etag = unescaped(/<ETag>(.*?)<\/ETag>/s.exec(object!)?.[1] ?? '');
    const stored = s3.objects.get(`${bucket}/${key}`);
    const refuse = (code: string) => errors.push(`<Error><Key>${escaped(key)}</Key><Code>${code}</Code></Error>`);
    if (s3.locked.has(key)) refuse('AccessDenied');
    else if (stored && etag !== '' && etag !== stored.etag) refuse('PreconditionFailed');
    else s3.objects.delete(`${bucket}/${key}`);
  }
  return xml(`<DeleteResult>${errors.join('')}</DeleteResult>`);
}

export function refusal(status: number, code: string): S3Reply {
  return xml(`<Error><Code>${code}</Code><Message>${code}</Message></Error>`, status);
}

function xml(text: string, status = 200): S3Reply {
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${text}`);
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => ENTITIES[letter]!);
}

function unescaped(text: string): string {
  return Object.entries(ENTITIES).reduceRight((plain, [letter, entity]) => plain.replaceAll(entity, letter), text);
}
