import { createHash } from 'node:crypto';
import { DAY_MS, dateOf } from '../calendar/dates.ts';
import { isNamed } from '../errors.ts';
import type { Bar } from '../records/bar.ts';
import { type BarColumns, decodeBarColumns, encodeBarColumns } from './bar-table.ts';
import { dateOfKey, jsonBytes, keys, type Lake, listAll, readJson } from './lake.ts';
import { textOf } from './parquet.ts';

/**
 * `processing_metadata/ingest/date=D.json`: the only truth for "session D is held". Written last when a session
 * is published; watermarks, gap reports and the jobs' work lists are derived from these and the calendar.
 */
export interface Ingest {
  date: string;
  /** Rows in the session file; one a symbol. */
  rows: number;
  rejected: number;
  /** sha256 of the session file's bytes. */
  checksum: string;
  /** Symbols an earlier version of this session had and this one has not. */
  removed: string[];
  source: string;
  runId: string;
  ingestedAt: string;
}

export async function readIngest(lake: Lake, date: string): Promise<Ingest | undefined> {
  return readJson<Ingest>(lake, keys.ingest(date));
}

/** For whoever is about to put a new one in its place, or only wants a baseline: a damaged manifest counts as none. */
export async function usableIngest(lake: Lake, date: string): Promise<Ingest | undefined> {
  return readIngest(lake, date).catch((error: Error) => {
    if (isNamed(error, 'Lake.Corrupt')) return undefined;
    throw error;
  });
}

export async function writeIngest(lake: Lake, ingest: Ingest): Promise<void> {
  await lake.write(keys.ingest(ingest.date), jsonBytes(ingest));
}

/** Held sessions in date order, from one LIST: date and the manifest's version. */
export async function publishedSessions(lake: Lake): Promise<{ date: string; etag: string }[]> {
  const entries = await listAll(lake, 'processing_metadata/ingest/date=');
  return entries.map(({ key, etag }) => ({ date: dateOfKey(key) ?? '', etag })).filter(({ date }) => date !== '');
}

/** The bars of a session's file; none where there is no file. @throws Lake.Corrupt, naming the key */
export async function storedBars(lake: Lake, date: string): Promise<Bar[]> {
  const key = keys.session(date);
  const bytes = await lake.read(key);
  return bytes ? decodeBars(bytes, key) : [];
}

/** sha256 of a session file, as its manifest has it. */
export function checksumOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Writes the manifest of a session file that is in place, which makes it count; one that says the same already stays.
 * @param file its rows and bytes, and symbols that the version before it had in addition
 * @param about where it comes from
 * @param before the manifest it takes the place of; what it lists as removed stays so, unless it is back
 */
export async function recordSession(
  lake: Lake,
  date: string,
  file: { bars: readonly Bar[]; bytes: Uint8Array; removed?: readonly string[] },
  about: Pick<Ingest, 'rejected' | 'source' | 'runId' | 'ingestedAt'>,
  before: Ingest | undefined,
): Promise<void> {
  const { bars, bytes } = file;
  const { rejected, source, runId, ingestedAt } = about;
  const checksum = checksumOf(bytes);
  const present = new Set(bars.map(({ symbol }) => symbol));
  const gone = new Set([...(before?.removed ?? []), ...(file.removed ?? [])].filter((symbol) => !present.has(symbol)));
  const removed = [...gone].sort();
  const isSame = before?.checksum === checksum && before.rejected === rejected;
  if (isSame && removed.length === before.removed.length) return;
  await writeIngest(lake, { date, rows: bars.length, rejected, checksum, removed, source, runId, ingestedAt });
}

/** Bars as a bronze Parquet file, in the order given. The same bars give the same bytes. */
export function encodeBars(bars: readonly Bar[]): Uint8Array {
  const doubles = (field: 'open' | 'high' | 'low' | 'close' | 'volume' | 'vwap' | 'transactions') =>
    Float64Array.from(bars, (bar) => bar[field] ?? Number.NaN);
  return encodeBarColumns({
    symbol: textOf(bars.map((bar) => bar.symbol)),
    date: Int32Array.from(bars, (bar) => Date.parse(bar.date) / DAY_MS),
    open: doubles('open'),
    high: doubles('high'),
    low: doubles('low'),
    close: doubles('close'),
    volume: doubles('volume'),
    vwap: doubles('vwap'),
    transactions: doubles('transactions'),
    source: textOf(bars.map((bar) => bar.source)),
    ingested_at: BigInt64Array.from(bars, (bar) => BigInt(Date.parse(bar.ingestedAt)) * 1000n),
  });
}

/** @throws Lake.Corrupt, naming the key. */
export async function decodeBars(bytes: Uint8Array, key: string): Promise<Bar[]> {
  const columns = await decodeBarColumns(bytes, key);
  const dates = new Map<number, string>();
  const instants = new Map<bigint, string>();
  return Array.from(columns.date, (day, row) => rowOf(columns, row, date(day, dates), instant(columns, row, instants)));
}

function rowOf(columns: BarColumns, row: number, date: string, ingestedAt: string): Bar {
  const { symbol, source, vwap, transactions } = columns;
  return {
    symbol: symbol.values[symbol.codes[row]!]!,
    date,
    open: columns.open[row]!,
    high: columns.high[row]!,
    low: columns.low[row]!,
    close: columns.close[row]!,
    volume: columns.volume[row]!,
    vwap: Number.isNaN(vwap[row]) ? null : vwap[row]!,
    transactions: Number.isNaN(transactions[row]) ? null : transactions[row]!,
    source: source.values[source.codes[row]!]!,
    ingestedAt,
  };
}

function date(day: number, known: Map<number, string>): string {
  let text = known.get(day);
  if (text === undefined) {
    text = dateOf(day);
    known.set(day, text);
  }
  return text;
}

function instant({ ingested_at }: BarColumns, row: number, known: Map<bigint, string>): string {
  const micros = ingested_at[row]!;
  let text = known.get(micros);
  if (text === undefined) {
    text = new Date(Number(micros / 1000n)).toISOString();
    known.set(micros, text);
  }
  return text;
}
