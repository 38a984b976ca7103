import { NamedError } from '../errors.ts';
import { judgeFmp } from './fmp-answers.ts';
import { fmpRows } from './fmp-rows.ts';
import { fmpSymbol } from './fmp-symbol.ts';
import { type CallOptions, createHttp, type HttpOptions } from './http.ts';
import { createLimiter } from './limiter.ts';
import { requireKey } from './secret-headers.ts';

/** Bulk answers hold every symbol of the world. */
const BULK_TIMEOUT_MS = 120_000;

export interface FmpOptions {
  baseUrl: string;
  apiKey: string | undefined;
  /** The plan's budget; 0 is none. Practice answers have none either. */
  callsPerMinute: number;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'judge'>>;
}

/** Rows in FMP's own fields and spelling of symbols; none for a symbol it does not know. */
export interface FmpRows {
  rows: unknown[];
  practice: boolean;
}

export interface Fmp {
  /** `{symbol, date, dcf, "Stock Price"}` of one symbol, numbers. */
  dcf(symbol: string, call?: CallOptions): Promise<FmpRows>;
  /**
   * The same for every symbol there is, values as text.
   * @throws `Vendor.EndpointOutOfPlan` on all but top plans, `Vendor.TruncatedBody` for an empty or cut answer
   */
  dcfBulk(call?: CallOptions): Promise<FmpRows>;
  /** `{symbol, companyName, sector, industry, …}` of one symbol. */
  profile(symbol: string, call?: CallOptions): Promise<FmpRows>;
  /**
   * The same in parts from 0 on; the part after the last one has no rows.
   * @throws `Vendor.EndpointOutOfPlan`, `Vendor.TruncatedBody`
   */
  profileBulk(part: number, call?: CallOptions): Promise<FmpRows>;
}

/**
 * Financial Modeling Prep's /stable API. Symbols are given in Polygon's spelling and asked for in FMP's. The key goes
 * into the header `apikey`, and only to `baseUrl`.
 * @throws NamedError `Vendor.KeyMissing`, `Config.Invalid`; its calls throw what judgeFmp and createHttp say
 */
export function fmp(options: FmpOptions): Fmp {
  const { baseUrl, callsPerMinute } = options;
  const apikey = requireKey('FMP', 'FMP_API_KEY', options.apiKey);
  const shared = {
    limiter: createLimiter({ callsPerMinute, sleep: options.http?.sleep, vendor: 'FMP' }),
    ...options.http,
    vendor: 'FMP',
    baseUrl,
    headers: { apikey },
    judge: judgeFmp,
  };
  const http = createHttp(shared);
  const bulk = createHttp({ timeoutMs: BULK_TIMEOUT_MS, ...shared });

  async function one(path: string, symbol: string, call?: CallOptions): Promise<FmpRows> {
    const asked = fmpSymbol(symbol);
    const { json, practice } = await http.getJson(`${path}?${new URLSearchParams({ symbol: asked })}`, call);
    if (!Array.isArray(json)) throw shapeless(json);
    return { rows: json, practice };
  }

  async function all(path: string, call?: CallOptions, mayBeEmpty = false): Promise<FmpRows> {
    const { text, practice } = await bulk.getText(path, call);
    return { rows: fmpRows(text, { mayBeEmpty }), practice };
  }

  return {
    dcf: (symbol, call) => one('/stable/discounted-cash-flow', symbol, call),
    dcfBulk: (call) => all('/stable/dcf-bulk', call),
    profile: (symbol, call) => one('/stable/profile', symbol, call),
    profileBulk: (part, call) => all(`/stable/profile-bulk?part=${part}`, call, part > 0),
  };
}

function shapeless(json: unknown): NamedError {
  const text = { what: "FMP's answer has another shape", found: `a ${typeof json}`, wanted: 'a list of rows' };
  return new NamedError('Data.Invalid', text);
}
