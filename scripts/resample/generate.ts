import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { sessionAt, sessionNumber } from '../../src/calendar/calendar.ts';
import { readDay } from '../../src/calendar/dates.ts';
import {
  checkpointBytes,
  type Manifest,
  manifestBytes,
  NOTHING_CONSOLIDATED,
} from '../../src/jobs/consolidate/consolidation-state.ts';
import { type BarColumns, encodeBarColumns } from '../../src/lake/bar-table.ts';
import type { FileLake } from '../../src/lake/file-lake.ts';
import { keys } from '../../src/lake/lake.ts';

/** The longest history: sessions from 1962 on; 59 of 5,419 symbols have it. */
export const LONGEST = 15_900;
const SHORTEST = 5;
const MEDIAN = 1130;
/** Bars a symbol on average: 10,842,928 / 5,419. */
const MEAN = 2000.91;
/** Session files before the nights: a window of 34 and some more. */
const TAIL = 45;
export const LAST = sessionNumber('2025-11-14');
const INGESTED = 1_763_600_000_000_000n;

/** Lengths of so many histories: log-normal, with the share of longest ones that a market has. Pure. */
export function lengths(symbols: number): number[] {
  const longest = Math.ceil((symbols * 59) / 5419);
  const of = (spread: number) =>
    Array.from({ length: symbols }, (_, i) => {
      if (i >= symbols - longest) return LONGEST;
      const length = Math.round(MEDIAN * Math.exp(spread * normalQuantile((i + 0.5) / symbols)));
      return Math.min(LONGEST, Math.max(SHORTEST, length));
    });
  let [low, high] = [0.5, 2];
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    const sum = of(middle).reduce((all, length) => all + length, 0);
    if (sum < MEAN * symbols) low = middle;
    else high = middle;
  }
  const sorted = of(low);
  // Spread over the alphabet, or the last batch would hold all the long ones.
  return Array.from({ length: symbols }, (_, i) => sorted[(i * 2477) % symbols]!);
}

/** Winitzki's approximation; good to three digits, which is all a made-up market needs. */
function normalQuantile(p: number): number {
  const x = 2 * p - 1;
  const log = Math.log(1 - x * x);
  const t = 2 / (Math.PI * 0.147) + log / 2;
  return Math.SQRT2 * Math.sign(x) * Math.sqrt(Math.sqrt(t * t - log / 0.147) - t);
}

/** Writes a consolidated lake of random walks, full bronze schema, as the consolidator leaves it. Returns its bars. */
export async function generate(lake: FileLake, symbols: number, nights: number): Promise<number> {
  const days = Int32Array.from({ length: LONGEST }, (_, i) => readDay(sessionAt(LAST - LONGEST + 1 + i))!);
  const manifest: Manifest = new Map();
  const tails = Array.from({ length: TAIL + nights }, () => room(symbols));
  const random = generator(42);
  let bars = 0;
  for (const [i, length] of lengths(symbols).entries()) {
    const symbol = `S${i.toString(36).toUpperCase().padStart(4, '0')}`;
    const all = walk(symbol, length + nights, random);
    const history = slice(all, length);
    history.date = days.slice(LONGEST - length);
    put(lake, keys.symbol(symbol), encodeBarColumns(history));
    manifest.set(symbol, { lastDay: days.at(-1)!, rows: length, lastUpdated: INGESTED });
    bars += length;
    for (const [back, tail] of tails.entries()) {
      const row = length - TAIL + back;
      tail.symbol.values.push(symbol);
      tail.symbol.codes[i] = i;
      for (const name of ['open', 'high', 'low', 'close', 'volume'] as const)
        tail[name][i] = all[name][Math.max(0, row)]!;
      tail.date[i] = readDay(sessionAt(LAST - TAIL + 1 + back))!;
    }
  }
  for (const [back, tail] of tails.entries())
    put(lake, keys.session(sessionAt(LAST - TAIL + 1 + back)), encodeBarColumns(tail));
  await lake.write(keys.manifest, manifestBytes(manifest));
  await consolidated(lake, 0);
  return bars;
}

/** Marks so many nights after the histories' last session as consolidated. */
export async function consolidated(lake: FileLake, nights: number): Promise<void> {
  const dates = Array.from({ length: LONGEST + nights }, (_, i) => sessionAt(LAST - LONGEST + 1 + i));
  const entry = (date: string) => ({ etag: date, checksum: createHash('sha256').update(date).digest('hex') });
  const sessions = Object.fromEntries(dates.map((date) => [date, entry(date)]));
  await lake.write(keys.consolidated, checkpointBytes({ ...NOTHING_CONSOLIDATED, sessions }));
}

function walk(symbol: string, length: number, random: () => number): BarColumns {
  const bars = room(length);
  bars.symbol.values.push(symbol);
  let price = 10 + random() * 200;
  for (let row = 0; row < length; row++) {
    const open = rounded(price);
    price *= 1 + (random() - 0.5) * 0.04;
    const close = rounded(price);
    bars.open[row] = open;
    bars.close[row] = close;
    bars.high[row] = rounded(Math.max(open, close) * (1 + random() * 0.01));
    bars.low[row] = rounded(Math.min(open, close) * (1 - random() * 0.01));
    bars.volume[row] = Math.floor(random() * 5e6);
    bars.vwap[row] = rounded((open + close) / 2);
    bars.transactions[row] = Math.floor(random() * 5e4);
  }
  return bars;
}

function room(rows: number): BarColumns {
  const [open, high, low, close, volume, vwap, transactions] = Array.from(
    { length: 7 },
    () => new Float64Array(rows),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array];
  return {
    symbol: { values: [], codes: new Int32Array(rows) },
    date: new Int32Array(rows),
    open,
    high,
    low,
    close,
    volume,
    vwap,
    transactions,
    source: { values: ['bench'], codes: new Int32Array(rows) },
    ingested_at: new BigInt64Array(rows).fill(INGESTED),
  };
}

function slice(bars: BarColumns, rows: number): BarColumns {
  const cut = Object.entries(bars).map(([name, data]) => [
    name,
    'codes' in data ? { values: data.values, codes: data.codes.subarray(0, rows) } : data.subarray(0, rows),
  ]);
  return Object.fromEntries(cut);
}

function put(lake: FileLake, key: string, bytes: Uint8Array): void {
  mkdirSync(dirname(lake.path(key)), { recursive: true });
  writeFileSync(lake.path(key), bytes);
}

function rounded(price: number): number {
  return Math.round(price * 1e4) / 1e4;
}

/** A linear congruential generator (Numerical Recipes): the same market every time. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
