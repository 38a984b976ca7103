import type { BarColumns } from '../../lake/bar-table.ts';
import { dateOfKey, keys, type Lake } from '../../lake/lake.ts';
import { symbolOf } from '../../records/symbol.ts';

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
  /** Those of them that have one under the name an earlier version gave it, alone or beside the new one. */
  oldNames: ReadonlySet<string>;
  /** Symbol → its date files of the original layout, in date order. */
  dateFiles: ReadonlyMap<string, DateFile[]>;
  digests: Digests;
  /** Folders whose name stands for no symbol of ours. */
  unrecognisedKeys: readonly string[];
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
  const oldNames = new Set<string>();
  const dateFiles = new Map<string, DateFile[]>();
  const oldFiles = new Set<string>();
  const unrecognisedKeys = new Set<string>();
  for await (const { key, etag, size } of lake.list(PREFIX)) {
    const match = /^symbol=([^/]+)\/(data\.parquet$)?/.exec(key.slice(PREFIX.length));
    const symbol = match ? symbolIn(match[1]!) : undefined;
    if (!match || symbol === undefined) {
      unrecognisedKeys.add(match ? `${PREFIX}symbol=${match[1]}/` : key);
      continue;
    }
    const date = match[2] ? undefined : dateOfKey(key);
    if (match[2]) {
      histories.add(symbol);
      if (key !== keys.symbol(symbol)) oldNames.add(symbol);
    }
    if (date === undefined || key !== `${PREFIX}symbol=${match[1]}/date=${date}.parquet`) continue;
    const list = dateFiles.get(symbol);
    if (list) list.push({ date, key, size, etag });
    else dateFiles.set(symbol, [{ date, key, size, etag }]);
    if (key !== keys.symbolDate(symbol, date)) oldFiles.add(symbol);
  }
  for (const symbol of oldFiles) dateFiles.set(symbol, oneADate(symbol, dateFiles.get(symbol)!));
  return { histories, oldNames, dateFiles, unrecognisedKeys: [...unrecognisedKeys], digests: digestsOf(dateFiles) };
}

/** In date order; of a date with a file under the old name and one under the new name the new one. */
function oneADate(symbol: string, files: readonly DateFile[]): DateFile[] {
  const byDate = new Map<string, DateFile>();
  for (const file of files) {
    if (!byDate.has(file.date) || file.key === keys.symbolDate(symbol, file.date)) byDate.set(file.date, file);
  }
  return [...byDate.values()].sort((a, b) => (a.date < b.date ? -1 : 1));
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

/**
 * Order-free fingerprints by name or day: what is counted under one of them comes in any order (workers and shards
 * finish as they will), so hashes are added.
 */
export class Tally<K = number> {
  private readonly sums = new Map<K, [number, number]>();

  add(name: K, [a, b]: readonly [number, number]): void {
    const sums = this.sums.get(name);
    if (sums) {
      sums[0] = (sums[0] + a) >>> 0;
      sums[1] = (sums[1] + b) >>> 0;
    } else this.sums.set(name, [a >>> 0, b >>> 0]);
  }

  /** Adds a digest of another tally. */
  addDigest(name: K, digest: string): void {
    this.add(name, [Number.parseInt(digest.slice(0, 8), 16), Number.parseInt(digest.slice(8), 16)]);
  }

  /** Name → 16 hex digits. */
  entries(): [name: K, digest: string][] {
    return [...this.sums].map(([name, [a, b]]) => [name, hex(a) + hex(b)]);
  }
}

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);

/** Two 32-bit hashes of a row's symbol and the values that silver is made of. */
export function rowHash(symbol: string, bars: BarColumns, row: number): [number, number] {
  let a = 0x811c9dc5;
  let b = 0x1b873593;
  const mix = (word: number) => {
    a = Math.imul(a ^ word, 0x85ebca6b);
    a ^= a >>> 13;
    b = Math.imul(b + word, 0xc2b2ae35);
    b ^= b >>> 16;
  };
  for (let i = 0; i < symbol.length; i++) mix(symbol.charCodeAt(i));
  for (const column of [bars.open, bars.high, bars.low, bars.close, bars.volume]) {
    scratch[0] = column[row]!;
    mix(words[0]!);
    mix(words[1]!);
  }
  return [a >>> 0, b >>> 0];
}

/** Two 32-bit hashes of a text. */
export function textHash(text: string): [number, number] {
  let a = 0x811c9dc5;
  let b = 0x1b873593;
  for (let i = 0; i < text.length; i++) {
    const word = text.charCodeAt(i);
    a = Math.imul(a ^ word, 0x85ebca6b);
    a ^= a >>> 13;
    b = Math.imul(b + word, 0xc2b2ae35);
    b ^= b >>> 16;
  }
  return [a >>> 0, b >>> 0];
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}
