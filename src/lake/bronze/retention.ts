import { readDay } from '../../calendar/dates.ts';
import { errorName, isNamed } from '../../errors.ts';
import { corruptFile } from '../columnar/read.ts';
import { keys } from '../keys.ts';
import type { Lake } from '../lake.ts';
import { type BarColumns, decodeBarColumns, decodeHistory } from './bar-columns.ts';
import { BAR_NUMBERS } from './gather.ts';
import type { DateFile } from './inventory.ts';

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

const DAY_MS = 86_400_000;

/** First date (YYYY-MM-DD) that is not older than so many days. */
export function cutoffDate(now: Date, days: number): string {
  return new Date(now.getTime() - days * DAY_MS).toISOString().slice(0, 10);
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
  const key = keys.symbol(symbol);
  const bytes = await lake.read(key);
  if (!bytes) throw corruptFile(key, 'nothing, although it was listed');
  const history = await decodeHistory(bytes, key, symbol);
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
