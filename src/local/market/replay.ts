import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { gunzipAtMost, readFileAtMost } from '../../body.ts';
import { isSession } from '../../calendar/calendar.ts';
import { NamedError } from '../../errors.ts';
import { LARGEST_FLAT_FILE } from '../../vendors/flat-files.ts';
import { assetRow } from './companies.ts';
import { byCodeUnit } from './noise.ts';
import type { BarRow, MarketSource, TickerRow } from './source.ts';

const YEAR = /^\d{4}$/;
const MONTH = /^\d{2}$/;
const FILE = /^(\d{4}-\d{2}-\d{2})\.csv\.gz$/;

function nothingToReplay(folder: string): NamedError {
  return new NamedError('Usage.Invalid', {
    what: 'no flat files to replay',
    found: folder,
    wanted: 'a folder with us_stocks_sip/day_aggs_v1/YYYY/MM/YYYY-MM-DD.csv.gz below it',
  });
}

/** The folder that holds the years: the one given, or below it in the bucket's own layout. */
async function yearsFolder(folder: string): Promise<string> {
  for (const inner of ['us_stocks_sip/day_aggs_v1', 'day_aggs_v1', '.']) {
    const candidate = join(folder, inner);
    if (existsSync(candidate) && (await readdir(candidate)).some((name) => YEAR.test(name))) return candidate;
  }
  throw nothingToReplay(folder);
}

/** Dates with a file, oldest first; a file dated on a day without trading is left out, as no vendor would serve it. */
async function listDates(years: string): Promise<string[]> {
  const dates: string[] = [];
  for (const year of (await readdir(years)).filter((name) => YEAR.test(name)))
    for (const month of (await readdir(join(years, year))).filter((name) => MONTH.test(name)))
      for (const name of await readdir(join(years, year, month))) {
        const date = FILE.exec(name)?.[1];
        if (date?.startsWith(`${year}-${month}-`) && isSession(date)) dates.push(date);
      }
  return dates.sort();
}

/** Nothing but the symbol is known of a replayed listing, so type, FIGI and exchange are absent. */
function tickerOf(symbol: string, date: string): TickerRow {
  const fixed = { market: 'stocks', locale: 'us', active: true, currency_name: 'usd' } as const;
  return { ticker: symbol, name: symbol, ...fixed, last_updated_utc: `${date}T00:00:00Z` };
}

/**
 * Real days out of a folder of Massive flat files. Folders are listed once, a file is read when its date is asked for.
 * Listings are the symbols of the newest file on or before the day asked; nothing is known of splits or delistings.
 * Errors: Usage.Invalid when the folder holds no flat files, Data.Invalid for a file that cannot be read.
 */
export async function replayMarket(folder: string): Promise<MarketSource> {
  const years = await yearsFolder(folder);
  const dates = await listDates(years);
  if (dates.length === 0) throw nothingToReplay(folder);
  const held = new Set(dates);
  const fileOf = (date: string) => join(years, date.slice(0, 4), date.slice(5, 7), `${date}.csv.gz`);
  let last: { date: string; rows: TickerRow[] } | undefined;

  async function readTickers(date: string): Promise<TickerRow[]> {
    const symbols = new Set((await readFlatFile(fileOf(date))).map((bar) => bar.T));
    return [...symbols].sort(byCodeUnit).map((symbol) => tickerOf(symbol, date));
  }
  async function tickersOn(asOf: string): Promise<TickerRow[]> {
    const date = dates.findLast((held) => held <= asOf);
    if (date === undefined) return [];
    if (last?.date !== date) last = { date, rows: await readTickers(date) };
    return last.rows;
  }

  return {
    kind: 'replay',
    tickers: async (market, asOf) => (market === 'otc' ? [] : tickersOn(asOf)),
    bars: async (date) => (held.has(date) ? readFlatFile(fileOf(date)) : []),
    splits: async () => [],
    assets: async (asOf) => (await tickersOn(asOf)).map(assetRow).sort((a, b) => byCodeUnit(a.symbol, b.symbol)),
    span: async () => ({ from: dates[0], to: dates.at(-1) }),
  };
}

const NEEDED = ['ticker', 'volume', 'open', 'close', 'high', 'low'] as const;

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
    const bytes = await readFileAtMost(file, LARGEST_FLAT_FILE);
    const text = (await gunzipAtMost(bytes, LARGEST_FLAT_FILE, file)).toString('utf8');
    records = parse(text, { columns: true, skip_empty_lines: true, bom: true });
  } catch (error) {
    throw corrupt(file, error instanceof Error ? error.message : String(error));
  }
  const missing = NEEDED.filter((column) => records[0] !== undefined && !(column in records[0]));
  if (missing.length > 0) throw corrupt(file, `no column ${missing.join(', ')}`);
  return records.map((record) => barOf(record, file));
}
