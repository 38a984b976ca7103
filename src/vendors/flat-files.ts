import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { gunzipAtMost, MIB, readFileAtMost } from '../body.ts';
import { parseDate } from '../calendar/calendar.ts';
import { NamedError } from '../errors.ts';
import { openS3Client, S3Lake } from '../lake/s3-lake.ts';

/** One session of flat files; `found` is false, and `rows` empty, when there is no file for it. */
export interface FlatSession {
  date: string;
  found: boolean;
  rows: DayFileRow[];
}

export interface FlatFiles {
  /** @throws NamedError `Data.Invalid` that names the file, when it is there but broken */
  session(date: string): Promise<FlatSession>;
  /** Dates (YYYY-MM-DD, inclusive, ascending) for which there is a file. */
  sessions(from: string, to: string): Promise<string[]>;
}

const LAYOUTS = ['us_stocks_sip/day_aggs_v1/', 'day_aggs_v1/', ''];
/** The calendar takes no bars of a year before; a folder of something else is not searched as a whole. */
const FIRST_YEAR = 1962;
const DAY_FILE = /^\d{4}\/\d{2}\/(\d{4}-\d{2}-\d{2})\.csv\.gz$/;

/**
 * Massive flat files, `us_stocks_sip/day_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz`, given by any folder (or bucket prefix)
 * from the parent of `us_stocks_sip` to that of the years. Prices are unadjusted.
 * @throws NamedError (from its calls) `Usage.Invalid` when no such files are there
 */
export function flatFiles(place: string | FileSource): FlatFiles {
  const source = typeof place === 'string' ? folderSource(place) : place;
  let root: Promise<string> | undefined;
  const found = () => {
    root ??= findRoot(source);
    return root;
  };
  return {
    async session(date) {
      const path = `${await found()}${pathOf(parseDate(date))}`;
      const bytes = await source.read(path);
      if (bytes === undefined) return { date, found: false, rows: [] };
      return { date, found: true, rows: await readDayFile(bytes, `${source.uri}/${path}`) };
    },
    async sessions(from, to) {
      const [first, last] = [parseDate(from), parseDate(to)];
      const dates: string[] = [];
      // A list a year: 250 names fit into one answer of a bucket.
      for (let year = Number(first.slice(0, 4)); year <= Number(last.slice(0, 4)); year += 1) {
        const base = await found();
        for await (const { key } of source.list(`${base}${year}/`)) {
          const path = key.slice(base.length);
          const date = DAY_FILE.exec(path)?.[1];
          if (date !== undefined && date >= first && date <= last && path === pathOf(date)) dates.push(date);
        }
      }
      return dates.sort();
    },
  };
}

function pathOf(date: string): string {
  return `${date.slice(0, 4)}/${date.slice(5, 7)}/${date}.csv.gz`;
}

async function findRoot(source: FileSource): Promise<string> {
  for (const root of LAYOUTS) {
    for (let year = new Date().getUTCFullYear(); year >= FIRST_YEAR; year -= 1) {
      for await (const { key } of source.list(`${root}${year}/`))
        if (DAY_FILE.test(key.slice(root.length))) return root;
    }
  }
  throw noFlatFiles(source.uri);
}

export function noFlatFiles(uri: string): NamedError {
  return new NamedError('Usage.Invalid', {
    what: `${uri} holds no flat files`,
    wanted: 'us_stocks_sip/day_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz in it',
    todo: 'Name the folder or the bucket in which the files lie.',
  });
}

/** Of one session's file, packed and unpacked; a whole market is 1.5 MB unpacked. */
export const LARGEST_FLAT_FILE = 16 * MIB;

/** A day has some 12,000 symbols. */
const MOST_LINES = 100_000;

/** A row of a flat file in the shape of a grouped answer. A cell that is no number stays text, for the row checks. */
export interface DayFileRow {
  T: string | undefined;
  o: number | string | undefined;
  h: number | string | undefined;
  l: number | string | undefined;
  c: number | string | undefined;
  v: number | string | undefined;
  n?: number | string;
  /** The line as it stands in the file. */
  text: string;
}

const COLUMNS = { T: 'ticker', o: 'open', h: 'high', l: 'low', c: 'close', v: 'volume' } as const;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads one Massive flat file (gzipped CSV, any order of columns, found by their names). Cells are text until
 * here: a reader that guesses types takes the symbols TRUE, NAN and E for other things. `window_start` is not read,
 * the session is the file name's.
 * @param name the file as messages name it
 * @throws NamedError `Data.Invalid` for a broken gzip or CSV, a missing column or more than LARGEST_FLAT_FILE or MOST_LINES
 */
export async function readDayFile(bytes: Uint8Array, name: string): Promise<DayFileRow[]> {
  const lines = csvLines(await unzipped(bytes, name), name);
  const header = lines.shift()?.record ?? [];
  const missing = Object.values(COLUMNS).filter((column) => !header.includes(column));
  if (missing.length > 0) {
    throw broken(name, `no column ${missing.join(', ')}`, 'ticker, volume, open, close, high, low');
  }
  const at = (column: string) => header.indexOf(column);
  const [T, o, h, l, c, v] = [at('ticker'), at('open'), at('high'), at('low'), at('close'), at('volume')];
  const n = at('transactions');
  return lines.map(({ record, raw }) => {
    const row = { T: record[T], o: cell(record[o]), h: cell(record[h]), l: cell(record[l]), c: cell(record[c]) };
    const count = cell(record[n]);
    const rest = { v: cell(record[v]), text: raw.trimEnd() };
    return count === undefined || count === '' ? { ...row, ...rest } : { ...row, ...rest, n: count };
  });
}

async function unzipped(bytes: Uint8Array, name: string): Promise<Buffer> {
  try {
    return await gunzipAtMost(bytes, LARGEST_FLAT_FILE, `The flat file ${name}`);
  } catch (error) {
    if (error instanceof NamedError) throw error;
    throw broken(name, `no whole gzip (${(error as Error).message})`, 'a complete .csv.gz', error);
  }
}

function csvLines(csv: Buffer, name: string): { record: string[]; raw: string }[] {
  let lines: { record: string[]; raw: string }[];
  try {
    const options = { bom: true, raw: true, relax_column_count: true, skip_empty_lines: true } as const;
    lines = parse(csv, { ...options, to: MOST_LINES + 1 }) as unknown as typeof lines;
  } catch (error) {
    throw broken(name, `no readable CSV (${(error as Error).message})`, 'comma-separated lines', error);
  }
  if (lines.length > MOST_LINES) throw broken(name, `more than ${MOST_LINES} lines`, 'a line a symbol');
  return lines;
}

function cell(text: string | undefined): number | string | undefined {
  return text !== undefined && NUMBER.test(text) ? Number(text) : text;
}

function broken(name: string, found: string, wanted: string, cause?: unknown): NamedError {
  const text = { what: `The flat file ${name} cannot be read`, found, wanted, todo: 'Fetch the file again.' };
  return new NamedError('Data.Invalid', text, { cause });
}

/** Where flat files lie: a folder, or a bucket behind an adapter of the lake's shape. Paths use `/`. */
export interface FileSource {
  /** As messages name it. */
  readonly uri: string;
  /** The file's bytes; undefined when it is not there. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Every file below the prefix, which ends in `/` or is empty. */
  list(prefix: string): AsyncIterable<{ key: string }>;
}

/** A folder of this machine. */
export function folderSource(folder: string): FileSource {
  return {
    uri: folder,
    read: (path) => readFileAtMost(join(folder, path), LARGEST_FLAT_FILE).catch(unlessMissing),
    async *list(prefix) {
      const entries = (await readdir(join(folder, prefix), { withFileTypes: true }).catch(unlessMissing)) ?? [];
      for (const entry of entries) {
        const key = `${prefix}${entry.name}`;
        if (entry.isDirectory()) yield* this.list(`${key}/`);
        else yield { key };
      }
    },
  };
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}

/** Where Massive keeps its flat files. */
export const VENDOR_BUCKET = 's3://flatfiles';

/** What S3-compatible stores say to a key pair they do not know, or one without the plan. */
const REFUSALS = ['AccessDenied', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'Forbidden', 'HTTP 403'];

/**
 * The files of a folder, or at `s3://bucket[/prefix]` behind an endpoint of its own with a key pair of its own: flat
 * files are the vendor's, not the lake's.
 * @throws Vendor.KeyMissing without a key pair; (from its calls) Vendor.AuthFailed, Config.Invalid, Vendor.Unavailable
 */
export function openFileSource(
  place: string,
  endpoint: string,
  secret: Record<string, string> | undefined,
): FileSource {
  if (!place.startsWith('s3://')) return folderSource(place);
  if (!secret?.keyId || !secret.secret) {
    throw new NamedError('Vendor.KeyMissing', {
      what: `${place} needs a key pair`,
      wanted: 'FLAT_FILES_KEY_ID and FLAT_FILES_SECRET',
      todo: 'Massive shows them under "Flat Files"; they are not the API key.',
    });
  }
  const credentials = { accessKeyId: secret.keyId, secretAccessKey: secret.secret };
  const client = openS3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true, maxAttempts: 4 });
  const bucket = new S3Lake(place, client, LARGEST_FLAT_FILE);
  const named = (error: Error) => namedError(error, place, endpoint);
  return {
    uri: bucket.uri,
    read: (path) =>
      bucket.read(path).catch((error: Error) => {
        throw named(error);
      }),
    async *list(prefix) {
      try {
        yield* bucket.list(prefix);
      } catch (error) {
        throw named(error as Error);
      }
    },
  };
}

function namedError(error: Error, place: string, endpoint: string): Error {
  const { code } = error as NodeJS.ErrnoException;
  const found = `${code ?? error.name}: ${error.message}`;
  if (REFUSALS.includes(error.name)) {
    const todo = 'Check FLAT_FILES_KEY_ID and FLAT_FILES_SECRET, and that the plan has flat files of these dates.';
    return new NamedError('Vendor.AuthFailed', { what: `${endpoint} refused the key pair`, found, todo });
  }
  if (error.name === 'NoSuchBucket') {
    return new NamedError('Config.Invalid', { what: `${endpoint} has no bucket for ${place}`, found });
  }
  if (code !== undefined || error.name === 'TimeoutError') {
    const wanted = 'an S3-compatible endpoint in FLAT_FILES_ENDPOINT';
    return new NamedError('Vendor.Unavailable', { what: `${endpoint} cannot be reached`, found, wanted });
  }
  return error;
}
