import { parse } from 'csv-parse/sync';
import { MIB } from '../body.ts';
import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import { jsonFrom, wellFormed } from '../text.ts';
import { type CallOptions, createHttp, type HttpOptions, keepClient, requireKey } from './http.ts';
import { createLimiter } from './rate-limiter.ts';
import {
  atHost,
  classifyCommon,
  type ResponseInfo,
  rateLimited,
  refusedKey,
  retryAfterSeconds,
  type VendorWords,
  vendorText,
} from './responses.ts';

/** Bulk answers hold every symbol of the world. */
const BULK_TIMEOUT_MS = 120_000;
const LARGEST_BULK = 128 * MIB;
/** The whole world has some 100,000 symbols. */
const MOST_ROWS = 500_000;
/** One symbol is some kB; many are asked for at once. */
const LARGEST_SINGLE = MIB;

export interface FmpOptions {
  baseUrl: string;
  apiKey: string | undefined;
  /** The plan's budget; 0 is none. Practice answers have none either. */
  callsPerMinute: number;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'classify'>>;
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
    classify: classifyFmpResponse,
  };
  const http = createHttp({ maxBytes: LARGEST_SINGLE, ...shared });
  const bulk = createHttp({ timeoutMs: BULK_TIMEOUT_MS, maxBytes: LARGEST_BULK, ...shared });

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

const open = keepClient(fmp);

/** The process's FMP client as the settings and the secret `{"apiKey"}` want it. */
export function fmpOf(config: Config, secret: Record<string, string> | undefined): Fmp {
  return open({ baseUrl: config.FMP_BASE_URL, apiKey: secret?.apiKey, callsPerMinute: config.FMP_CALLS_PER_MINUTE });
}

const words: VendorWords = {
  vendor: 'FMP',
  baseUrlVariable: 'FMP_BASE_URL',
  pacingTodo: "Set FMP_CALLS_PER_MINUTE to the plan's limit; a limit a day is over only the next day.",
};

/**
 * Reads an answer of Financial Modeling Prep. Its words count more than its status: a limit reached comes as 429 and
 * as 200 with an object, what a plan lacks comes as 402 in plain text, and an unknown symbol is an empty list.
 * Source: captured answers of the /stable endpoints.
 */
export function classifyFmpResponse(answer: ResponseInfo): NamedError | undefined {
  if (mayBeRows(answer)) return undefined;
  const text = vendorText(answer);
  const found = `status ${answer.status}: ${text}`;
  if (/legacy endpoint/i.test(text)) return legacy(found);
  if (/invalid api key|api key .*(missing|wrong)/i.test(text) || answer.status === 401) {
    return refusedKey({ key: 'FMP_API_KEY', account: 'Financial Modeling Prep account' }, found);
  }
  if (/limit reach/i.test(text)) return rateLimited(answer, words, retryAfterSeconds(answer));
  if (answer.status === 402) return outOfPlan(text, found);
  if (answer.status === 403) {
    const todo = 'Use the key of a plan that has it, or leave FMP out by removing its key.';
    return new NamedError('Vendor.AuthFailed', {
      what: 'The plan behind FMP_API_KEY does not include this',
      found,
      todo,
    });
  }
  if (answer.status < 200 || answer.status >= 300) return classifyCommon(answer, words);
  return new NamedError('Vendor.Unavailable', {
    what: `${atHost('FMP', answer.host)} answered with an error`,
    found,
    wanted: 'a list',
  });
}

/** Lists, and the tables of bulk answers, which are no JSON; every error with a good status is an object. */
function mayBeRows({ status, json }: ResponseInfo): boolean {
  return status >= 200 && status < 300 && (Array.isArray(json) || typeof json !== 'object' || json === null);
}

/** Three texts, three meanings: the endpoint, this symbol, or the value of another parameter. */
function outOfPlan(text: string, found: string): NamedError {
  if (/'symbol'/i.test(text)) {
    return new NamedError('Vendor.SymbolOutOfPlan', { what: "FMP's plan does not include this symbol", found });
  }
  if (/special parameters|premium query parameter/i.test(text)) {
    return new NamedError('Vendor.BadRequest', { what: "A parameter lies outside of FMP's plan", found });
  }
  return new NamedError('Vendor.EndpointOutOfPlan', {
    what: "FMP's plan does not include this endpoint",
    found,
    todo: 'What other endpoints or vendors give is taken; a larger plan has it.',
  });
}

function legacy(found: string): NamedError {
  return new NamedError('Config.Invalid', {
    what: 'FMP_BASE_URL leads to endpoints that FMP no longer serves',
    found,
    wanted: 'the host alone, https://financialmodelingprep.com; its /stable endpoints are asked',
    todo: 'Set FMP_BASE_URL to the host, or leave it out.',
  });
}

/**
 * The rows of a bulk answer: JSON in FMP's docs, CSV in practice, told apart by the first character. Values of CSV
 * are all text, as in JSON of these endpoints.
 * @param mayBeEmpty an answer without rows is right: the part after the last one
 * @throws NamedError `Vendor.TruncatedBody` when it is neither, ends within a row, or has no rows and should
 */
export function fmpRows(text: string, { mayBeEmpty = false } = {}): unknown[] {
  const rows = rowsOf(text.replace(/^\uFEFF/, '').trimStart());
  if (rows.length === 0 && !mayBeEmpty) throw notWhole('an answer without rows');
  return rows;
}

function rowsOf(body: string): unknown[] {
  if (body === '') return [];
  try {
    if (body.startsWith('[')) return jsonFrom(body) as unknown[];
    const options = { columns: true, skip_empty_lines: true, relax_column_count: false, to: MOST_ROWS + 1 } as const;
    const rows = parse(body, options) as object[];
    if (rows.length > MOST_ROWS) throw new Error(`more than ${MOST_ROWS} rows`);
    if (!/^"?symbol"?,/i.test(body)) throw new Error('text that is neither a list nor a table with the column symbol');
    // A number cut short is still a number: only a line's end or a closing quote says that the last cell is whole.
    if (!/["\r\n]$/.test(body)) throw new Error('a table that ends within a line');
    return rows;
  } catch (cause) {
    throw notWhole(wellFormed((cause as Error).message, 120), cause);
  }
}

function notWhole(found: string, cause?: unknown): NamedError {
  const text = {
    what: "FMP's answer is not whole",
    found,
    wanted: 'a list of rows',
    todo: 'The call is repeated later.',
  };
  return new NamedError('Vendor.TruncatedBody', text, { cause });
}

/** Suffixes in Polygon's spelling and in FMP's; class shares follow the last rule. */
const SPELLINGS: readonly (readonly [ours: RegExp, theirs: string])[] = [
  [/^([A-Z]+)\.WS$/, '$1-WT'],
  [/^([A-Z]+)\.U$/, '$1-UN'],
  [/^([A-Z]+)p([A-Z]?)$/, '$1-P$2'],
  [/^([A-Z]+)r$/, '$1-RI'],
  [/^([A-Z]+)\.([A-Z])$/, '$1-$2'],
];

/** A symbol in Polygon's spelling (`BRK.B`, `KIMpL`, `ABC.WS`) as FMP writes it (`BRK-B`, `KIM-PL`, `ABC-WT`). */
export function fmpSymbol(symbol: string): string {
  for (const [ours, theirs] of SPELLINGS) if (ours.test(symbol)) return symbol.replace(ours, theirs);
  return symbol;
}

/** Our symbols by FMP's spelling; two of ours that FMP would write alike are in neither, so no row goes astray. */
export function byFmpSymbol(symbols: Iterable<string>): Map<string, string> {
  const found = new Map<string, string>();
  const twice = new Set<string>();
  for (const symbol of symbols) {
    const theirs = fmpSymbol(symbol);
    if (found.has(theirs)) twice.add(theirs);
    found.set(theirs, symbol);
  }
  for (const theirs of twice) found.delete(theirs);
  return found;
}
