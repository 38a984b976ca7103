import { addDays, DAY_MS, readDay } from '../calendar/dates.ts';
import { stopIfAsked } from '../concurrency.ts';
import { errorName, isNamed } from '../errors.ts';
import { BAR_NUMBERS, type BarColumns, decodeBarColumns, decodeHistory } from '../lake/bar-table.ts';
import { openHistory } from '../lake/histories.ts';
import { keys, type Lake, replace } from '../lake/lake.ts';
import { type Column, type Text, textOf } from '../lake/parquet.ts';
import { corruptFile, readColumns } from '../lake/parquet-columns.ts';
import { encodeColumns } from '../lake/parquet-encode.ts';
import type { DateFile } from './consolidate/inventory.ts';
import type { JobError } from './job.ts';

/** A date file whose row is in data.parquet, in the version that was compared. */
export interface Expired {
  symbol: string;
  date: string;
  key: string;
  /** Bytes. */
  size: number;
  etag: string;
}

/** A date file that stays although it is old. */
export interface Kept {
  symbol: string;
  key: string;
  reason: string;
  /** Name of the error, when the file cannot be read at all. */
  error?: string;
}

/** First date (YYYY-MM-DD) that is not older than so many days. */
export function cutoffDate(now: Date, days: number): string {
  return addDays(now.toISOString().slice(0, 10), -days);
}

/**
 * Compares old date files of one symbol with its data.parquet, both read for this: a file whose row is not there,
 * value for value, is kept.
 * @throws Lake.Corrupt when the data.parquet cannot be read or is gone
 */
export async function proveExpired(
  lake: Lake,
  symbol: string,
  files: readonly DateFile[],
): Promise<{ expired: Expired[]; kept: Kept[] }> {
  const stored = await openHistory(lake, symbol);
  if (!stored) throw corruptFile(keys.symbol(symbol), 'nothing, although it was listed');
  const history = await decodeHistory(stored.bytes, stored.key, symbol);
  const places = new Map(Array.from(history.date, (day, row) => [day, row]));
  const expired: Expired[] = [];
  const kept: Kept[] = [];
  for (const { date, key: file } of files) {
    const opened = await lake.open(file);
    if (!opened) continue;
    try {
      const bars = await decodeBarColumns(opened.bytes, file);
      const reason = difference(bars, symbol, date, history, places.get(readDay(date) ?? Number.NaN));
      if (reason) kept.push({ symbol, key: file, reason });
      else expired.push({ symbol, date, key: file, size: opened.bytes.length, etag: opened.etag });
    } catch (error) {
      if (!isNamed(error, 'Lake.Corrupt')) throw error;
      kept.push({ symbol, key: file, reason: (error as Error).message, error: errorName(error) });
    }
  }
  return { expired, kept };
}

/** What the data file lacks of a date file; undefined when it has all of it. */
function difference(bars: BarColumns, symbol: string, date: string, history: BarColumns, row: number | undefined) {
  if (bars.date.length !== 1 || bars.date[0] !== readDay(date)) return 'it does not hold one row of its date';
  if (bars.symbol.values[0] !== symbol) return `it holds ${JSON.stringify(bars.symbol.values[0])}`;
  if (row === undefined) return 'its row is not in data.parquet';
  for (const name of BAR_NUMBERS) {
    const [ours, theirs] = [history[name][row]!, bars[name][0]!];
    // The original layout knows neither vwap nor transactions; a later fetch of the date may have added them.
    if (Number.isNaN(theirs) && (name === 'vwap' || name === 'transactions')) continue;
    if (!Object.is(ours, theirs)) return `its ${name} is ${theirs}, that of data.parquet ${ours}`;
  }
  if (bars.ingested_at[0]! > history.ingested_at[row]!) return 'it is newer than the row in data.parquet';
  return undefined;
}

/** Removed at once; DeleteObjects takes no more. */
const BATCH = 1000;

export interface Removal {
  filesDeleted: number;
  bytesFreed: number;
  errors: JobError[];
}

export const NOTHING_REMOVED: Removal = { filesDeleted: 0, bytesFreed: 0, errors: [] };

/**
 * Deletes proven date files and records them. The record comes first: a run killed in between leaves files that the
 * next one deletes and records as the same, never a deletion nobody knows of. A file that changed since it was
 * compared stays, without a word: it is the next run's.
 * @throws Job.Interrupted between two batches
 */
export async function removeExpired(
  lake: Lake,
  expired: readonly Expired[],
  { runId, now, signal }: { runId: string; now: Date; signal?: AbortSignal },
): Promise<Removal> {
  const removal: Removal = { filesDeleted: 0, bytesFreed: 0, errors: [] };
  if (expired.length === 0) return removal;
  stopIfAsked(signal);
  const files = [...expired].sort((a, b) => (a.key < b.key ? -1 : 1));
  const deletedAt = BigInt(now.getTime()) * 1000n;
  const recordOf = ({ symbol, date, size }: Expired): CleanUp => ({ symbol, date, bytes: size, deletedAt, runId });
  await changeCleanUps(lake, { add: files.map(recordOf) });
  const stayed: Expired[] = [];
  for (let start = 0; start < files.length; start += BATCH) {
    // The rest stays recorded, too, and is deleted by the next run.
    stopIfAsked(signal);
    const batch = files.slice(start, start + BATCH);
    const refused = new Map((await lake.removeVersions(batch)).map((refusal) => [refusal.key, refusal]));
    for (const file of batch) {
      const refusal = refused.get(file.key);
      if (refusal) stayed.push(file);
      else {
        removal.filesDeleted++;
        removal.bytesFreed += file.size;
      }
      if (!refusal || refusal.changed) continue;
      const message = `${file.key} could not be deleted: ${refusal.reason}. Its row is in data.parquet.`;
      removal.errors.push({ name: 'Lake.Unwritable', symbol: file.symbol, message });
    }
  }
  await changeCleanUps(lake, { drop: stayed.map(recordOf) });
  return removal;
}

const COLUMNS: readonly Column[] = [
  { name: 'symbol', type: 'text' },
  { name: 'date', type: 'text' },
  { name: 'bytes', type: 'bigint' },
  { name: 'deleted_at', type: 'timestamp' },
  { name: 'run_id', type: 'text' },
];
/** A clean-up is remembered for so long. */
const REMEMBERED_MICROS = 400n * BigInt(DAY_MS) * 1000n;
const TRIES = 20;

/** A date file that was deleted: that of a symbol and a date, the last time. */
export interface CleanUp {
  symbol: string;
  /** YYYY-MM-DD */
  date: string;
  bytes: number;
  /** µs since 1970, UTC. */
  deletedAt: bigint;
  runId: string;
}

/**
 * What was deleted, by symbol and date.
 * @throws Lake.Corrupt
 */
export async function readCleanUps(lake: Lake): Promise<CleanUp[]> {
  return cleanUpsIn(await lake.read(keys.cleanups));
}

/** Adds and takes away records; other writers' changes in between are kept. */
export async function changeCleanUps(
  lake: Lake,
  { add = [], drop = [] }: { add?: readonly CleanUp[]; drop?: readonly CleanUp[] },
): Promise<void> {
  if (add.length + drop.length === 0) return;
  for (let attempt = 1; ; attempt++) {
    const opened = await lake.open(keys.cleanups);
    const records = new Map((await cleanUpsIn(opened?.bytes)).map((record) => [nameOf(record), record]));
    for (const record of add) records.set(nameOf(record), record);
    for (const record of drop) records.delete(nameOf(record));
    try {
      await replace(lake, keys.cleanups, bytesOf([...records.values()]), opened);
      return;
    } catch (error) {
      if (!isNamed(error, 'Lake.Conflict') || attempt === TRIES) throw error;
    }
  }
}

function nameOf({ symbol, date }: CleanUp): string {
  return `${date} ${symbol}`;
}

function bytesOf(all: CleanUp[]): Uint8Array {
  let newest = 0n;
  for (const { deletedAt } of all) if (deletedAt > newest) newest = deletedAt;
  const records = all.filter(({ deletedAt }) => deletedAt > newest - REMEMBERED_MICROS);
  records.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return encodeColumns(COLUMNS, {
    symbol: textOf(records.map(({ symbol }) => symbol)),
    date: textOf(records.map(({ date }) => date)),
    bytes: Float64Array.from(records, ({ bytes }) => bytes),
    deleted_at: BigInt64Array.from(records, ({ deletedAt }) => deletedAt),
    run_id: textOf(records.map(({ runId }) => runId)),
  });
}

async function cleanUpsIn(bytes: Uint8Array | undefined): Promise<CleanUp[]> {
  if (!bytes) return [];
  const columns = await readColumns(COLUMNS, bytes, keys.cleanups);
  const { symbol, date, run_id } = columns as Record<string, Text>;
  const { deleted_at } = columns as Record<string, BigInt64Array>;
  const sizes = columns.bytes as Float64Array;
  return Array.from(sizes, (size, row) => ({
    symbol: symbol!.values[symbol!.codes[row]!]!,
    date: date!.values[date!.codes[row]!]!,
    bytes: size,
    deletedAt: deleted_at![row]!,
    runId: run_id!.values[run_id!.codes[row]!]!,
  }));
}
