import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { NamedError } from '../errors.ts';
import { openLake } from '../lake/lake.ts';
import { type Holdings, readHoldings } from '../records/holdings.ts';
import { type CallOptions, createHttp, type HttpOptions } from './http.ts';
import { judgeIshares } from './ishares-answers.ts';

export interface IsharesOptions {
  /** A path, file://, s3://bucket/key or http(s) address of the fund's holdings CSV. */
  uri: string | undefined;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'judge'>>;
  /** Reads an s3:// address; the SDK's own client unless given. */
  readObject?: (uri: string) => Promise<Uint8Array | undefined>;
}

/** `practice` is undefined for a file: only a server says what it is. */
export interface FundHoldings extends Holdings {
  practice: boolean | undefined;
}

export interface Ishares {
  /** The holdings as the fund published them, with the day they are of. */
  holdings(call?: CallOptions): Promise<FundHoldings>;
}

/** Public hosts turn away clients that say nothing of themselves. */
const USER_AGENT = 'Mozilla/5.0 (compatible; afterbell)';

/**
 * The holdings file of an index fund (iShares IWM for the Russell 2000). Its terms forbid passing it on, so the address
 * is the operator's, a copy of his own as a rule; fetched from the web only when he names a web address.
 * @throws NamedError `Vendor.KeyMissing`, `Config.Invalid`; its calls throw what judgeIshares, createHttp and
 * readHoldings say, and `Vendor.NotFound` when no file is there
 */
export function ishares({ uri, http = {}, readObject = readS3 }: IsharesOptions): Ishares {
  if (!uri) {
    const todo = 'Set it to the holdings CSV of the fund: a path, s3://… or https://….';
    throw new NamedError('Vendor.KeyMissing', { what: 'INDEX_MEMBERS_URI is not set', todo });
  }
  if (uri.startsWith('s3://') && objectOf(uri) === undefined) {
    const text = { what: 'INDEX_MEMBERS_URI names no object', found: uri, wanted: 's3://bucket/key' };
    throw new NamedError('Config.Invalid', text);
  }
  const read = /^https?:\/\//i.test(uri) ? webReader(uri, http) : storedReader(uri, readObject);
  return {
    async holdings(call) {
      const { text, practice } = await read(call);
      return { ...readHoldings(text), practice };
    },
  };
}

type Read = (call?: CallOptions) => Promise<{ text: string; practice: boolean | undefined }>;

function webReader(uri: string, more: IsharesOptions['http']): Read {
  const { origin, pathname, search } = new URL(uri);
  const http = createHttp({
    timeoutMs: 60_000,
    ...more,
    vendor: 'iShares',
    baseUrl: origin,
    headers: { accept: 'text/csv, */*', 'user-agent': USER_AGENT },
    judge: judgeIshares,
  });
  return (call) => http.getText(`${pathname}${search}`, call);
}

function storedReader(uri: string, readObject: NonNullable<IsharesOptions['readObject']>): Read {
  return async () => {
    const bytes = await (uri.startsWith('s3://') ? readObject(uri) : readLocal(uri)).catch((cause: Error) => {
      const found = `${cause.name}: ${cause.message}`;
      throw new NamedError('Vendor.Unavailable', { what: `${uri} cannot be read`, found }, { cause });
    });
    if (bytes) return { text: Buffer.from(bytes).toString('utf8'), practice: undefined };
    const todo = 'Put the fund’s holdings CSV there, or correct INDEX_MEMBERS_URI.';
    throw new NamedError('Vendor.NotFound', { what: `There is no holdings file at ${uri}`, todo });
  };
}

async function readLocal(uri: string): Promise<Uint8Array | undefined> {
  const path = uri.startsWith('file://') ? fileURLToPath(uri) : uri;
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

async function readS3(uri: string): Promise<Uint8Array | undefined> {
  const { place, name } = objectOf(uri)!;
  return openLake(place).read(name);
}

/** The bucket with its folder, and the object's own name. */
function objectOf(uri: string): { place: string; name: string } | undefined {
  const [, place, name] = /^(s3:\/\/.+)\/([^/]+)$/.exec(uri) ?? [];
  return place !== undefined && name !== undefined ? { place, name } : undefined;
}
