import { createHash, createHmac, type Hash, type Hmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { SignatureV4 } from '@smithy/signature-v4';
import { AwsFault, type CalledOperation, readBody } from './protocol.ts';

/** A key pair of one process and its children: made for each run and gone with it. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
}

export function randomCredentials(): Credentials {
  return {
    accessKeyId: `AFTERBELL${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(32).toString('base64url'),
  };
}

export interface SignedBody {
  body: Buffer;
  /** Whose signature it is. */
  accessKeyId: string;
}

/**
 * The body of a request that one of `known` has signed (Signature Version 4). Its media type and access key are
 * checked before the body is read; its age is not, because the keys live no longer than this process and a laptop may
 * sleep between signing and sending.
 * @throws AwsFault as AWS answers: MissingAuthenticationToken…, UnrecognizedClient…, InvalidSignatureException, …
 */
export async function readSigned(
  request: IncomingMessage,
  known: readonly Credentials[],
  { protocol, limitBytes }: { protocol: CalledOperation['protocol']; limitBytes?: number },
): Promise<SignedBody> {
  requireMediaType(request, protocol);
  const claim = claimOf(request.headers, protocol);
  const signer = known.find(({ accessKeyId }) => accessKeyId === claim.accessKeyId);
  if (!signer) throw fault('unknown', protocol, 'The security token included in the request is invalid.');
  const body = await readBody(request, limitBytes);
  const expected = await signatureOf(request, body, claim, signer);
  if (!timingSafeEqual(Buffer.from(expected), Buffer.from(claim.signature))) {
    throw fault('mismatch', protocol, 'The request signature we calculated does not match the one you provided.');
  }
  return { body, accessKeyId: signer.accessKeyId };
}

const MEDIA_TYPES = {
  json: /^application\/x-amz-json-1\.[01]$/,
  // Lambda's payload is bytes to whoever carries it.
  rest: /^application\/(json|octet-stream)$/,
  query: /^application\/x-www-form-urlencoded$/,
};

/** A page can send text and forms to other origins without asking first; a JSON type it cannot. */
function requireMediaType({ headers, method }: IncomingMessage, protocol: CalledOperation['protocol']): void {
  if (method === 'GET') return;
  const type = (headers['content-type'] ?? '').split(';')[0]!.trim();
  if (MEDIA_TYPES[protocol].test(type)) return;
  throw new AwsFault('UnsupportedMediaTypeException', `This operation takes no body of type '${type}'`, 415);
}

interface Claim {
  accessKeyId: string;
  region: string;
  service: string;
  signedHeaders: string[];
  signature: string;
  at: Date;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,\s]+)\/\d{8}\/([^/,\s]+)\/([^/,\s]+)\/aws4_request,\s*SignedHeaders=([a-z0-9;_-]+),\s*Signature=([0-9a-f]{64})$/;
const DATE = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** What a request says of its own signature; only the signature shows whether it is true. */
function claimOf(headers: IncomingHttpHeaders, protocol: CalledOperation['protocol']): Claim {
  if (headers.authorization === undefined) throw fault('missing', protocol, 'Missing Authentication Token');
  const [, accessKeyId, region, service, names, signature] = AUTHORIZATION.exec(headers.authorization) ?? [];
  const at = new Date(String(headers['x-amz-date']).replace(DATE, '$1-$2-$3T$4:$5:$6Z'));
  if (!accessKeyId || !region || !service || !names || !signature || Number.isNaN(at.getTime())) {
    throw fault('incomplete', protocol, 'Authorization and X-Amz-Date must be those of Signature Version 4');
  }
  const signedHeaders = names.split(';');
  const needed = Object.keys(headers).filter((name) => /^(host|content-type|x-amz-.*)$/.test(name));
  const unsigned = needed.filter((name) => !signedHeaders.includes(name));
  if (unsigned.length > 0) throw fault('mismatch', protocol, `${unsigned.join(', ')} must be signed headers`);
  return { accessKeyId, region, service, signedHeaders, signature, at };
}

/** Signs the request again, as it arrived. */
async function signatureOf(request: IncomingMessage, body: Buffer, claim: Claim, credentials: Credentials) {
  const { method = '', url = '', headers } = request;
  const signer = new SignatureV4({
    service: claim.service,
    region: claim.region,
    credentials,
    sha256: Sha256,
    // The header of that name may say anything of the body; what is signed is the hash of what arrived.
    applyChecksum: false,
  });
  const signed = Object.fromEntries(claim.signedHeaders.map((name) => [name, headers[name]]));
  if (signed['x-amz-content-sha256']) signed['x-amz-content-sha256'] = createHash('sha256').update(body).digest('hex');
  const [path = '', search = ''] = url.split('?', 2);
  const query: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(search)) query[name] = [...(query[name] ?? []), value];
  const again = await signer.sign(
    { method, protocol: 'http:', hostname: '127.0.0.1', path, query, headers: signed as Record<string, string>, body },
    { signingDate: claim.at, signableHeaders: new Set(claim.signedHeaders) },
  );
  return again.headers.authorization!.slice(-claim.signature.length);
}

/** SHA-256, or its HMAC when a secret is given, in the shape the signer wants. */
class Sha256 {
  readonly #hash: Hash | Hmac;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = typeof secret === 'string' ? secret : secret && bytesOf(secret);
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', key);
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(typeof data === 'string' ? data : bytesOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {}
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** The names AWS has for them: the JSON and REST protocols', and those of AWS Query. */
const FAULTS = {
  missing: ['MissingAuthenticationTokenException', 'MissingAuthenticationToken'],
  incomplete: ['IncompleteSignatureException', 'IncompleteSignature'],
  unknown: ['UnrecognizedClientException', 'InvalidClientTokenId'],
  mismatch: ['InvalidSignatureException', 'SignatureDoesNotMatch'],
} as const;

function fault(kind: keyof typeof FAULTS, protocol: CalledOperation['protocol'], message: string): AwsFault {
  return new AwsFault(FAULTS[kind][protocol === 'query' ? 1 : 0], message, 403);
}
