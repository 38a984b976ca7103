import { createHash, createHmac } from 'node:crypto';
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';

const SOCKETS = 256;
const ATTEMPTS = 10;
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [50, 10_000];
const IDLE_MS = 120_000;

export interface Answer {
  status: number;
  etag: string;
  body: Buffer;
}

/** An answer with the number of tries it took: before the last one the request may have been carried out unheard. */
export interface TriedAnswer extends Answer {
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
 * jitter.
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
  ) {}

  get(key: string): Promise<TriedAnswer> {
    return this.persist('GET', key, {});
  }

  /** @param conditions `if-match` or `if-none-match` */
  put(key: string, body: Uint8Array, conditions: Record<string, string>): Promise<TriedAnswer> {
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(body));
    return this.persist('PUT', key, { ...conditions, 'x-amz-checksum-crc32': sum.toString('base64') }, body);
  }

  private async persist(
    method: string,
    key: string,
    headers: Record<string, string>,
    body?: Uint8Array,
  ): Promise<TriedAnswer> {
    for (let attempt = 1; ; attempt++) {
      let trouble: unknown;
      try {
        const answer = await this.once(method, key, headers, body);
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

  private async once(method: string, key: string, extra: Record<string, string>, body?: Uint8Array): Promise<Answer> {
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
        response.on('data', (part: Buffer) => parts.push(part));
        response.once('error', reject);
        response.once('end', () => {
          const { statusCode: status = 0, headers: told } = response;
          if (response.complete) resolve({ status, etag: told.etag ?? '', body: Buffer.concat(parts) });
          else reject(brokenOff('the answer broke off'));
        });
      });
      request.end(body);
    });
  }

  private async signed(method: string, path: string, { host, region }: Target, extra: Record<string, string>) {
    const { accessKeyId, secretAccessKey, sessionToken } = await this.client.config.credentials();
    const instant = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
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
function isPassing(answer: Answer): boolean {
  const { status } = answer;
  return status >= 500 || status === 429 || (status === 400 && codeOf(answer) === 'RequestTimeout');
}

function codeOf({ status, body }: Answer): string {
  return /<Code>([^<]*)<\/Code>/.exec(body.toString('utf8'))?.[1] ?? `HTTP ${status}`;
}

/** What S3 said, as an error with its code for a name. */
export function answerError(answer: Answer, what: string): Error {
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
