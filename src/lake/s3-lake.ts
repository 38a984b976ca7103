import { createHash, createHmac } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { tooLarge } from '../body.ts';
import { inFlight } from '../concurrency.ts';
import { NamedError } from '../errors.ts';
import { conflict } from './durable.ts';
import type { Condition, Entry, Lake, Refusal } from './lake.ts';

/** DeleteObjects takes at most this many keys a call. */
const DELETE_BATCH = 1000;
const LOCALISED_AT_ONCE = 32;

/** A lake in an S3 bucket. PutObject is atomic and strongly consistent; conditions are If-Match / If-None-Match. */
export class S3Lake implements Lake {
  readonly uri: string;
  private readonly bucket: string;
  private readonly prefix: string;
  private readonly client: S3Client;
  private readonly wire: S3Wire;

  /** @param mostBytes of a single object; for buckets that are not our own */
  constructor(uri: string, client = openS3Client(), mostBytes = Number.POSITIVE_INFINITY) {
    this.uri = uri.replace(/\/+$/, '');
    const [bucket = '', ...rest] = this.uri.slice('s3://'.length).split('/');
    this.bucket = bucket;
    this.prefix = rest.length > 0 ? `${rest.join('/')}/` : '';
    this.client = client;
    this.wire = new S3Wire(client, bucket, mostBytes);
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    return (await this.open(key))?.bytes;
  }

  async open(key: string): Promise<{ bytes: Uint8Array; etag: string } | undefined> {
    const answer = await this.wire.get(this.prefix + key);
    if (answer.status === 200) return { bytes: answer.body, etag: answer.etag };
    const error = answerError(answer, `GET ${key}`);
    if (error.name === 'NoSuchKey') return undefined;
    throw error;
  }

  async write(key: string, bytes: Uint8Array, condition?: Condition): Promise<void> {
    const ifMatch = condition && 'ifEtag' in condition ? condition.ifEtag : undefined;
    const headers: Record<string, string> = {};
    if (ifMatch !== undefined) headers['if-match'] = ifMatch;
    if (condition && 'ifAbsent' in condition) headers['if-none-match'] = '*';
    const answer = await this.wire.put(this.prefix + key, bytes, headers);
    if (answer.status === 200) return;
    const error = answerError(answer, `PUT ${key}`);
    if (!isLost(answer.status, ifMatch)) throw error;
    // An earlier try whose answer was lost may be what the condition fails on.
    if (answer.attempts > 1 && (await this.holds(key, bytes))) return;
    throw conflict(key, error);
  }

  async holds(key: string, bytes: Uint8Array): Promise<boolean> {
    const stored = await this.read(key);
    return stored !== undefined && Buffer.compare(stored, bytes) === 0;
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += DELETE_BATCH) {
      const batch = keys.slice(start, start + DELETE_BATCH);
      const answer = await this.client.send(
        new DeleteObjectsCommand({
          Bucket: this.bucket,
          Delete: { Quiet: true, Objects: batch.map((key) => ({ Key: this.prefix + key })) },
        }),
      );
      // DeleteObjects answers 200 even when single keys failed.
      const failed = answer.Errors ?? [];
      if (failed.length > 0) {
        throw new NamedError('Lake.Unwritable', {
          what: `${failed.length} of ${batch.length} objects could not be deleted`,
          found: `${failed[0]?.Key}: ${failed[0]?.Code} ${failed[0]?.Message}`,
          todo: 'Check the role’s s3:DeleteObject permission and run the same command again.',
        });
      }
    }
  }

  async removeVersions(entries: readonly Pick<Entry, 'key' | 'etag'>[]): Promise<Refusal[]> {
    const refused: Refusal[] = [];
    for (let start = 0; start < entries.length; start += DELETE_BATCH) {
      const batch = entries.slice(start, start + DELETE_BATCH);
      const answer = await this.client.send(
        new DeleteObjectsCommand({
          Bucket: this.bucket,
          Delete: { Quiet: true, Objects: batch.map(({ key, etag }) => ({ Key: this.prefix + key, ETag: etag })) },
        }),
      );
      for (const { Key = '', Code = '', Message = '' } of answer.Errors ?? []) {
        if (Code === 'NoSuchKey') continue;
        const changed = Code === 'PreconditionFailed';
        refused.push({ key: Key.slice(this.prefix.length), reason: `${Code} ${Message}`.trim(), changed });
      }
    }
    return refused;
  }

  async *list(prefix: string): AsyncIterable<Entry> {
    let token: string | undefined;
    do {
      const answer = await this.client.send(
        new ListObjectsV2Command({ Bucket: this.bucket, Prefix: this.prefix + prefix, ContinuationToken: token }),
      );
      for (const object of answer.Contents ?? []) {
        const key = (object.Key ?? '').slice(this.prefix.length);
        yield { key, size: object.Size ?? 0, etag: object.ETag ?? '' };
      }
      token = answer.IsTruncated ? answer.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async localise(keys: readonly string[], scratch: string): Promise<string[]> {
    await mkdir(scratch, { recursive: true });
    // Under its key, as in a folder: readers take a date from it, and errors of engines name it.
    const pathOf = (key: string) => join(scratch, key);
    await inFlight(keys, LOCALISED_AT_ONCE, async (key) => {
      const bytes = await this.read(key);
      if (!bytes) throw new NamedError('Lake.Corrupt', { what: `${key} is missing from ${this.uri}` });
      await mkdir(dirname(pathOf(key)), { recursive: true });
      await writeFile(pathOf(key), bytes);
    });
    return keys.map(pathOf);
  }

  async adopt(localPath: string, key: string): Promise<void> {
    await this.write(key, await readFile(localPath));
    await rm(localPath, { force: true });
  }
}

/** 412: the condition does not hold; 409: another conditional write is in flight; 404: the version is gone. */
function isLost(status: number, ifMatch: string | undefined): boolean {
  return status === 412 || status === 409 || (status === 404 && ifMatch !== undefined);
}

/** As many requests at once as a job has files in flight. */
const SOCKETS = 256;
/** A cold prefix answers SlowDown for seconds; the SDK waits with jitter, up to 20 s, between attempts. */
const ATTEMPTS = 10;

/** The S3 client of a lake. */
export function openS3Client(config: S3ClientConfig = {}): S3Client {
  const agent = { keepAlive: true, maxSockets: SOCKETS };
  return new S3Client({
    maxAttempts: ATTEMPTS,
    requestHandler: { httpAgent: agent, httpsAgent: agent, connectionTimeout: 10_000, requestTimeout: 120_000 },
    ...config,
  });
}

const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [50, 10_000];
const IDLE_MS = 120_000;
const LEAST_CORRECTION_MS = 60_000;

export interface S3Response {
  status: number;
  etag: string;
  body: Buffer;
  /** The server's clock, as its header gives it. */
  date: string | undefined;
}

/** An answer with the number of tries it took: before the last one the request may have been carried out unheard. */
export interface TriedS3Response extends S3Response {
  attempts: number;
}

interface Target {
  secure: boolean;
  host: string;
  hostname: string;
  port: number | undefined;
  /** Path before the key, with its slash. */
  base: string;
  region: string;
}

/**
 * GET and PUT of single objects with as little as S3 asks for (Signature Version 4, unsigned payload, CRC-32): the SDK
 * spends ten times the processor on a request, and a consolidation is three of them a symbol. Endpoint, region and
 * credentials are the SDK client's. Server errors, SlowDown, RequestTimeout and broken connections are tried again, with
 * jitter; a signature refused for its time is made again, once, by the server's clock.
 */
export class S3Wire {
  private readonly agents = {
    http: new HttpAgent({ keepAlive: true, maxSockets: SOCKETS }),
    https: new HttpsAgent({ keepAlive: true, maxSockets: SOCKETS }),
  };
  private target: Promise<Target> | undefined;
  private signing: { name: string; key: Buffer } | undefined;

  constructor(
    private readonly client: S3Client,
    private readonly bucket: string,
    private readonly mostBytes = Number.POSITIVE_INFINITY,
  ) {}

  get(key: string): Promise<TriedS3Response> {
    return this.persist('GET', key, {});
  }

  /** @param conditions `if-match` or `if-none-match` */
  put(key: string, body: Uint8Array, conditions: Record<string, string>): Promise<TriedS3Response> {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(body));
    return this.persist('PUT', key, { ...conditions, 'x-amz-checksum-crc32': sum.toString('base64') }, body);
  }

  private async persist(
    method: string,
    key: string,
    headers: Record<string, string>,
    body?: Uint8Array,
  ): Promise<TriedS3Response> {
    for (let attempt = 1; ; attempt++) {
      let trouble: unknown;
      try {
        const { systemClockOffset: offset } = this.client.config;
        const answer = await this.once(method, key, headers, body);
        if (attempt < ATTEMPTS && this.correctClock(answer, offset)) continue;
        if (!isPassing(answer)) return { ...answer, attempts: attempt };
        trouble = answerError(answer, `${method} ${key}`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === undefined) throw error;
        trouble = error;
      }
      if (attempt === ATTEMPTS) throw trouble;
      await sleep(Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt));
    }
  }

  /**
   * Whether the answer refuses the signature's time and its date corrects that: then the SDK's requests are signed by
   * it, too. A date within a minute of the time that was signed corrects nothing.
   * @param signed the offset, ms, that the refused request was signed with: another may have corrected it meanwhile
   */
  private correctClock(answer: S3Response, signed: number): boolean {
    if (answer.status !== 403 || codeOf(answer) !== 'RequestTimeTooSkewed') return false;
    const offset = Date.parse(answer.date ?? '') - Date.now();
    if (Number.isNaN(offset) || Math.abs(offset - signed) < LEAST_CORRECTION_MS) return false;
    this.client.config.systemClockOffset = offset;
    return true;
  }

  private async once(
    method: string,
    key: string,
    extra: Record<string, string>,
    body?: Uint8Array,
  ): Promise<S3Response> {
    this.target ??= targetOf(this.client, this.bucket);
    const target = await this.target;
    const path = target.base + key.split('/').map(encoded).join('/');
    const headers = await this.signed(method, path, target, extra);
    if (body) headers['content-length'] = String(body.length);
    const options: RequestOptions = { method, hostname: target.hostname, port: target.port, path, headers };
    return new Promise((resolve, reject) => {
      const request: ClientRequest = target.secure
        ? httpsRequest({ ...options, agent: this.agents.https })
        : httpRequest({ ...options, agent: this.agents.http });
      request.once('error', reject);
      request.setTimeout(IDLE_MS, () => request.destroy(brokenOff('no answer')));
      request.once('response', (response) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        response.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes <= this.mostBytes) parts.push(part);
          else request.destroy(tooLarge(key, this.mostBytes));
        });
        response.once('error', reject);
        response.once('end', () => {
          const { statusCode: status = 0, headers } = response;
          const { etag = '', date } = headers;
          if (response.complete) resolve({ status, etag, date, body: Buffer.concat(parts) });
          else reject(brokenOff('the answer broke off'));
        });
      });
      request.end(body);
    });
  }

  /** By hand: @smithy/signature-v4 comes to the same header with 24 µs of processor where this takes 7. */
  private async signed(method: string, path: string, { host, region }: Target, extra: Record<string, string>) {
    const { accessKeyId, secretAccessKey, sessionToken } = await this.client.config.credentials();
    const now = new Date(Date.now() + this.client.config.systemClockOffset);
    const instant = now.toISOString().replace(/[-:]|\.\d+/g, '');
    const scope = `${instant.slice(0, 8)}/${region}/s3/aws4_request`;
    const headers: Record<string, string> = {
      host,
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      'x-amz-date': instant,
      ...(sessionToken ? { 'x-amz-security-token': sessionToken } : {}),
      ...extra,
    };
    const names = Object.keys(headers).sort();
    const lines = names.map((name) => `${name}:${headers[name]}\n`).join('');
    const canonical = `${method}\n${path}\n\n${lines}\n${names.join(';')}\nUNSIGNED-PAYLOAD`;
    const digest = createHash('sha256').update(canonical).digest('hex');
    const signature = createHmac('sha256', this.signingKey(secretAccessKey, scope))
      .update(`AWS4-HMAC-SHA256\n${instant}\n${scope}\n${digest}`)
      .digest('hex');
    headers.authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
    return headers;
  }

  /** The same for a day and a secret. */
  private signingKey(secret: string, scope: string): Buffer {
    const name = `${scope} ${secret}`;
    if (this.signing?.name === name) return this.signing.key;
    let key = Buffer.from(`AWS4${secret}`);
    for (const word of scope.split('/')) key = createHmac('sha256', key).update(word).digest();
    this.signing = { name, key };
    return key;
  }
}

/** Trouble that a repetition may be over. S3 calls a body that stopped arriving RequestTimeout, with status 400. */
function isPassing(answer: S3Response): boolean {
  const { status } = answer;
  return status >= 500 || status === 429 || (status === 400 && codeOf(answer) === 'RequestTimeout');
}

function codeOf({ status, body }: S3Response): string {
  return /<Code>([^<]*)<\/Code>/.exec(body.toString('utf8'))?.[1] ?? `HTTP ${status}`;
}

/** What S3 said, as an error with its code for a name. */
export function answerError(answer: S3Response, what: string): Error {
  const text = answer.body.toString('utf8');
  const code = codeOf(answer);
  const message = /<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? '';
  return Object.assign(new Error(`${what}: ${message || code}`), { name: code });
}

/** Where the SDK would send a request for this bucket; asked by letting it build one that is never sent. */
async function targetOf(client: S3Client, bucket: string): Promise<Target> {
  const probe = new GetObjectCommand({ Bucket: bucket, Key: 'probe' });
  let built: { protocol: string; hostname: string; port?: number; path: string } | undefined;
  const enough = new Error('built');
  probe.middlewareStack.add(
    () => async (args) => {
      built = args.request as NonNullable<typeof built>;
      throw enough;
    },
    { step: 'build', priority: 'low' },
  );
  await client.send(probe).catch((error) => {
    if (error !== enough) throw error;
  });
  const { protocol, hostname, port, path } = built!;
  const base = path.slice(0, path.lastIndexOf('probe'));
  const host = port === undefined ? hostname : `${hostname}:${port}`;
  return { secure: protocol === 'https:', host, hostname, port, base, region: await client.config.region() };
}

function encoded(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function brokenOff(what: string): Error {
  return Object.assign(new Error(what), { code: 'ECONNRESET' });
}
