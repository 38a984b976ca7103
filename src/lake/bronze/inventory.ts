import { symbolOf } from '../../records/symbol.ts';
import { dateOfKey } from '../keys.ts';
import type { Lake } from '../lake.ts';
import { Tally, textHash } from './tally.ts';

const PREFIX = 'bronze/raw_ohlcv/';

export interface DateFile {
  date: string;
  key: string;
  /** Bytes. */
  size: number;
  etag: string;
}

/** What lies under `bronze/raw_ohlcv/`. */
export interface Inventory {
  /** Symbols with a data.parquet. */
  histories: ReadonlySet<string>;
  /** Symbol → its date files of the original layout, in date order. */
  dateFiles: ReadonlyMap<string, DateFile[]>;
  digests: Digests;
  /** Folders whose name stands for no symbol of ours. */
  strangers: readonly string[];
}

/**
 * Fingerprints of the date files, once by symbol and once by date. A file that came or changed since changes both of
 * its own, so two short lists tell which of millions of files to read again.
 */
export interface Digests {
  symbols: Record<string, string>;
  dates: Record<string, string>;
}

/** One LIST of the whole folder, never one a symbol. */
export async function takeInventory(lake: Lake): Promise<Inventory> {
  const histories = new Set<string>();
  const dateFiles = new Map<string, DateFile[]>();
  const strangers = new Set<string>();
  for await (const { key, etag, size } of lake.list(PREFIX)) {
    const match = /^symbol=([^/]+)\/(data\.parquet$)?/.exec(key.slice(PREFIX.length));
    const symbol = match ? symbolIn(match[1]!) : undefined;
    if (!match || symbol === undefined) {
      strangers.add(match ? `${PREFIX}symbol=${match[1]}/` : key);
      continue;
    }
    const date = match[2] ? undefined : dateOfKey(key);
    if (match[2]) histories.add(symbol);
    if (date === undefined || key !== `${PREFIX}symbol=${match[1]}/date=${date}.parquet`) continue;
    const list = dateFiles.get(symbol);
    if (list) list.push({ date, key, size, etag });
    else dateFiles.set(symbol, [{ date, key, size, etag }]);
  }
  return { histories, dateFiles, strangers: [...strangers], digests: digestsOf(dateFiles) };
}

/** Fingerprints of these files, without those named. Digests of parts add up to those of the whole. */
export function digestsOf(
  dateFiles: Iterable<[symbol: string, files: readonly DateFile[]]>,
  without: ReadonlySet<string> = new Set(),
): Digests {
  const symbols = new Tally<string>();
  const dates = new Tally<string>();
  for (const [symbol, files] of dateFiles) {
    for (const { date, key, size, etag } of files) {
      if (without.has(key)) continue;
      const hash = textHash(`${symbol} ${date} ${size} ${etag}`);
      symbols.add(symbol, hash);
      dates.add(date, hash);
    }
  }
  return { symbols: Object.fromEntries(symbols.entries()), dates: Object.fromEntries(dates.entries()) };
}

function symbolIn(part: string): string | undefined {
  try {
    return symbolOf(part);
  } catch {
    return undefined;
  }
}
