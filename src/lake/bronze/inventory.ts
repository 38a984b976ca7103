import { createHash, type Hash } from 'node:crypto';
import { symbolOf } from '../../records/symbol.ts';
import { dateOfKey } from '../keys.ts';
import type { Lake } from '../lake.ts';

const PREFIX = 'bronze/raw_ohlcv/';

export interface DateFile {
  date: string;
  key: string;
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
  const bySymbol = new Map<string, Hash>();
  const byDate = new Map<string, Hash>();
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
    put(dateFiles, symbol, { date, key });
    feed(bySymbol, symbol, `${date} ${size} ${etag}\n`);
    feed(byDate, date, `${symbol} ${size} ${etag}\n`);
  }
  return {
    histories,
    dateFiles,
    strangers: [...strangers],
    digests: { symbols: finish(bySymbol), dates: finish(byDate) },
  };
}

function symbolIn(part: string): string | undefined {
  try {
    return symbolOf(part);
  } catch {
    return undefined;
  }
}

function put(lists: Map<string, DateFile[]>, symbol: string, file: DateFile): void {
  const list = lists.get(symbol);
  if (list) list.push(file);
  else lists.set(symbol, [file]);
}

function feed(hashes: Map<string, Hash>, name: string, line: string): void {
  let hash = hashes.get(name);
  if (!hash) {
    hash = createHash('sha256');
    hashes.set(name, hash);
  }
  hash.update(line);
}

function finish(hashes: Map<string, Hash>): Record<string, string> {
  const names = [...hashes.keys()].sort();
  return Object.fromEntries(names.map((name) => [name, hashes.get(name)!.digest('hex').slice(0, 16)]));
}
