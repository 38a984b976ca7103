import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { MIB, readFileAtMost } from '../body.ts';
import { readDay } from '../calendar/dates.ts';
import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import { S3Lake } from '../lake/s3-lake.ts';
import { type CallOptions, createHttp, type HttpOptions, keepClient, originOf } from './http.ts';
import { classifyCommon, type ResponseInfo, type VendorWords, vendorText } from './responses.ts';

export interface IsharesOptions {
  /** A path, file://, s3://bucket/key or http(s) address of the fund's holdings CSV. */
  uri: string | undefined;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'classify'>>;
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

/** A fund of the whole world's shares is some MB. */
const LARGEST_HOLDINGS = 32 * MIB;

/** Such a fund has some 10,000 holdings. */
const MOST_LINES = 100_000;

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
  const read = /^(https?|lambda):\/\//i.test(uri) ? webReader(uri, http) : storedReader(uri, readObject);
  return {
    async holdings(call) {
      const { text, practice } = await read(call);
      return { ...parseFundHoldings(text), practice };
    },
  };
}

type Read = (call?: CallOptions) => Promise<{ text: string; practice: boolean | undefined }>;

function webReader(uri: string, more: IsharesOptions['http']): Read {
  const url = new URL(uri);
  const http = createHttp({
    timeoutMs: 60_000,
    ...more,
    vendor: 'iShares',
    baseUrl: originOf(url),
    headers: { accept: 'text/csv, */*', 'user-agent': USER_AGENT },
    classify: classifyIsharesResponse,
  });
  return (call) => http.getText(`${url.pathname}${url.search}`, call);
}

function storedReader(uri: string, readObject: NonNullable<IsharesOptions['readObject']>): Read {
  return async () => {
    const bytes = await (uri.startsWith('s3://') ? readObject(uri) : readLocal(uri)).catch((cause: Error) => {
      if (cause instanceof NamedError) throw cause;
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
  return readFileAtMost(path, LARGEST_HOLDINGS).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

async function readS3(uri: string): Promise<Uint8Array | undefined> {
  const { place, name } = objectOf(uri)!;
  return new S3Lake(place, undefined, LARGEST_HOLDINGS).read(name);
}

/** The bucket with its folder, and the object's own name. */
function objectOf(uri: string): { place: string; name: string } | undefined {
  const [, place, name] = /^(s3:\/\/.+)\/([^/]+)$/.exec(uri) ?? [];
  return place !== undefined && name !== undefined ? { place, name } : undefined;
}

const words: VendorWords = {
  vendor: 'iShares',
  baseUrlVariable: 'INDEX_MEMBERS_URI',
  pacingTodo: 'The file is fetched once a night; see who else asks from here.',
};

/** Reads an answer of a host that serves holdings files. There is no key: 401 and 403 are a host that serves no programs. */
export function classifyIsharesResponse(answer: ResponseInfo): NamedError | undefined {
  if (answer.status !== 401 && answer.status !== 403) return classifyCommon(answer, words);
  return new NamedError('Vendor.AuthFailed', {
    what: 'The host of INDEX_MEMBERS_URI refused the file',
    found: `status ${answer.status}: ${vendorText(answer)}`,
    wanted: 'a host that serves programs',
    todo: 'Save the file yourself and set INDEX_MEMBERS_URI to its path or its s3:// address.',
  });
}

/** A fund's holdings file: the day it speaks of (YYYY-MM-DD) and its table, each row by column name, cells trimmed. */
export interface Holdings {
  asOf: string;
  rows: Record<string, string>[];
}

/** Without one of these a row cannot be told to be a listed share. */
const COLUMNS = ['Ticker', 'Name', 'Asset Class', 'Price', 'Exchange'] as const;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/**
 * Reads an iShares holdings CSV: byte order mark, a preamble of any length, the table from the line that begins with
 * `Ticker`, up to the first line of a single cell (a no-break space, or the quoted text of many lines at the end).
 * @throws NamedError `Vendor.TruncatedBody` for an empty file or one that ends within a row, `Data.Invalid` for a web
 * page or a file of another form, `Vendor.NotYetAvailable` on a day for which the fund has published no holdings
 */
export function parseFundHoldings(text: string): Holdings {
  if (text.replace(/\uFEFF/g, '').trim() === '') throw cut('an empty file');
  if (/^\uFEFF?\s*</.test(text)) throw foreign('a web page', 'the holdings as CSV');
  const lines = csvLines(text);
  const head = lines.findIndex(([first]) => first?.trim() === 'Ticker');
  const day = lines
    .slice(0, head < 0 ? undefined : head)
    .find(([first]) => /^fund holdings as of\s*$/i.test(first ?? ''));
  if (head < 0 && day?.[1]?.trim() === '-') throw notYet();
  if (head < 0) throw foreign('no line that begins with Ticker', `the columns ${COLUMNS.join(', ')}`);
  const header = lines[head]!.map((cell) => cell.trim());
  const missing = COLUMNS.filter((column) => !header.includes(column));
  if (missing.length > 0) throw foreign(`no column ${missing.join(', ')}`, `the columns ${COLUMNS.join(', ')}`);
  const rows = tableRows(lines.slice(head + 1), header);
  if (/,$/.test(text)) throw cut(`an end after a comma in row ${rows.length}`);
  if (rows.length === 0) throw cut('a table without rows');
  return { asOf: dayOf(day?.[1]?.trim()), rows };
}

function csvLines(text: string): string[][] {
  let lines: string[][];
  try {
    const options = { bom: true, relax_column_count: true, relax_quotes: true, skip_empty_lines: true } as const;
    lines = parse(text, { ...options, to: MOST_LINES + 1 }) as string[][];
  } catch (error) {
    // The quoted text at the end of the file spans lines: a file cut anywhere in it has an open quote.
    throw cut(`no whole CSV (${(error as Error).message})`, error);
  }
  if (lines.length > MOST_LINES) throw foreign(`more than ${MOST_LINES} lines`, 'a line a holding');
  return lines;
}

function tableRows(lines: readonly string[][], header: readonly string[]): Record<string, string>[] {
  const rows: Record<string, string>[] = [];
  for (const line of lines) {
    // A lone word is the beginning of a row; what closes a table is a no-break space, or a text.
    if (line.length === 1 && /\s/.test(line[0]!)) break;
    if (line.length !== header.length) {
      throw cut(`${line.length} cells in row ${rows.length + 1} (${line[0]}), ${header.length} in the header`);
    }
    rows.push(Object.fromEntries(header.map((column, index) => [column, line[index]!.trim()])));
  }
  return rows;
}

/** `May 05, 2026`, as the file writes it, or an ISO date. */
function dayOf(text: string | undefined): string {
  const [, month = '', day = '', year = ''] = /^([A-Za-z]{3})[a-z]*\.? (\d{1,2}), (\d{4})$/.exec(text ?? '') ?? [];
  const number = MONTHS.indexOf(month.toLowerCase()) + 1;
  const date = number > 0 ? `${year}-${String(number).padStart(2, '0')}-${day.padStart(2, '0')}` : (text ?? '');
  if (/^\d{4}-\d{2}-\d{2}$/.test(date) && readDay(date) !== undefined) return date;
  throw foreign(
    text === undefined ? 'no day' : `the day ${JSON.stringify(text)}`,
    'Fund Holdings as of,"May 05, 2026"',
  );
}

function cut(found: string, cause?: unknown): NamedError {
  const todo = 'Nothing is published from a part of it; fetch the file again.';
  const text = { what: 'The holdings file is not whole', found, wanted: 'every row and the closing text', todo };
  return new NamedError('Vendor.TruncatedBody', text, { cause });
}

function foreign(found: string, wanted: string): NamedError {
  const todo = 'Look at what INDEX_MEMBERS_URI leads to.';
  return new NamedError('Data.Invalid', { what: 'The holdings file has another form', found, wanted, todo });
}

function notYet(): NamedError {
  return new NamedError('Vendor.NotYetAvailable', {
    what: 'The fund has published no holdings for today',
    found: 'Fund Holdings as of "-" and no table',
    todo: 'The stored list stays; the file is read again by the next run.',
  });
}

const open = keepClient(ishares);

/** The process's client for the holdings file that the settings name. */
export function isharesOf(config: Config): Ishares {
  return open({ uri: config.INDEX_MEMBERS_URI });
}
