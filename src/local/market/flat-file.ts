import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import { NamedError } from '../../errors.ts';
import type { BarRow } from './market-source.ts';

const NEEDED = ['ticker', 'volume', 'open', 'close', 'high', 'low'] as const;
const unzip = promisify(gunzip);

function corrupt(file: string, found: string): NamedError {
  return new NamedError('Data.Invalid', {
    what: `the flat file ${file} cannot be replayed`,
    found,
    wanted: `gzipped CSV with the columns ${NEEDED.join(', ')}`,
    todo: 'Fetch the file again or remove it from the folder.',
  });
}

function barOf(record: Record<string, string>, file: string): BarRow {
  const number = (column: string): number => {
    const text = record[column] ?? '';
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value)) throw corrupt(file, `${column} "${text}" for ${record.ticker}`);
    return value;
  };
  const row: BarRow = {
    T: record.ticker!,
    o: number('open'),
    h: number('high'),
    l: number('low'),
    c: number('close'),
    v: number('volume'),
  };
  if ((record.transactions ?? '') !== '') row.n = number('transactions');
  return row;
}

/**
 * The bars of one Massive day-aggregates file (`…/YYYY-MM-DD.csv.gz`, vendor-apis 1.10); columns are found by name
 * because their order is open, close, high, low. Error: Data.Invalid for a file that is cut, no CSV or lacks a number.
 */
export async function readFlatFile(file: string): Promise<BarRow[]> {
  let records: Record<string, string>[];
  try {
    const text = (await unzip(await readFile(file))).toString('utf8');
    records = parse(text, { columns: true, skip_empty_lines: true, bom: true });
  } catch (error) {
    throw corrupt(file, error instanceof Error ? error.message : String(error));
  }
  const missing = NEEDED.filter((column) => records[0] !== undefined && !(column in records[0]));
  if (missing.length > 0) throw corrupt(file, `no column ${missing.join(', ')}`);
  return records.map((record) => barOf(record, file));
}
