import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { NamedError } from '../errors.ts';

const unzip = promisify(gunzip);

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
 * @throws NamedError `Data.Invalid` for a broken gzip or CSV or a missing column
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
    return await unzip(bytes);
  } catch (error) {
    throw broken(name, `no whole gzip (${(error as Error).message})`, 'a complete .csv.gz', error);
  }
}

function csvLines(csv: Buffer, name: string): { record: string[]; raw: string }[] {
  try {
    const options = { bom: true, raw: true, relax_column_count: true, skip_empty_lines: true } as const;
    return parse(csv, options) as unknown as { record: string[]; raw: string }[];
  } catch (error) {
    throw broken(name, `no readable CSV (${(error as Error).message})`, 'comma-separated lines', error);
  }
}

function cell(text: string | undefined): number | string | undefined {
  return text !== undefined && NUMBER.test(text) ? Number(text) : text;
}

function broken(name: string, found: string, wanted: string, cause?: unknown): NamedError {
  const text = { what: `The flat file ${name} cannot be read`, found, wanted, todo: 'Fetch the file again.' };
  return new NamedError('Data.Invalid', text, { cause });
}
