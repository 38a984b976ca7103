import { createHash } from 'node:crypto';
import { sessionAt } from '../../src/calendar/calendar.ts';
import { readDay } from '../../src/calendar/dates.ts';
import { inFlight } from '../../src/concurrency.ts';
import {
  checkpointBytes,
  type Manifest,
  manifestBytes,
  NOTHING_CONSOLIDATED,
} from '../../src/jobs/consolidate/consolidation-state.ts';
import { type BarColumns, encodeBarColumns } from '../../src/lake/bar-table.ts';
import { keys, type Lake } from '../../src/lake/lake.ts';
import { type Column, textOf } from '../../src/lake/parquet.ts';
import { writeIngest } from '../../src/lake/session-files.ts';

const NEWEST = 9000;

/** Columns of a file of the original layout. */
export const ORIGINAL_COLUMNS: readonly Column[] = [
  { name: 'symbol', type: 'text' },
  { name: 'open', type: 'double' },
  { name: 'high', type: 'double' },
  { name: 'low', type: 'double' },
  { name: 'close', type: 'double' },
  { name: 'volume', type: 'bigint' },
  { name: 'timestamp', type: 'timestamp' },
  { name: 'interval', type: 'text' },
];

/** Symbols of a generated market: `S00000` … */
export function symbolsOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `S${String(i).padStart(5, '0')}`);
}

/** Date of the n-th session after the generated histories. */
export function newSession(n: number): string {
  return sessionAt(NEWEST + n);
}

/** A random walk of `rows` sessions ending at `NEWEST - 1`, prices with four decimals. */
function history(symbol: string, rows: number): BarColumns {
  let seed = [...symbol].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) >>> 0;
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
  const numbers = () => new Float64Array(rows);
  const bars: BarColumns = {
    symbol: { values: [symbol], codes: new Int32Array(rows) },
    date: new Int32Array(rows),
    open: numbers(),
    high: numbers(),
    low: numbers(),
    close: numbers(),
    volume: numbers(),
    vwap: numbers(),
    transactions: numbers(),
    source: { values: ['polygon'], codes: new Int32Array(rows) },
    ingested_at: new BigInt64Array(rows),
  };
  let price = 20 + random() * 200;
  const round = (value: number) => Math.round(value * 10_000) / 10_000;
  for (let row = 0; row < rows; row++) {
    const day = readDay(sessionAt(NEWEST - rows + row))!;
    const next = Math.max(1, price * (0.98 + random() * 0.04));
    bars.date[row] = day;
    bars.open[row] = round(price);
    bars.close[row] = round(next);
    bars.high[row] = round(Math.max(price, next) * 1.01);
    bars.low[row] = round(Math.min(price, next) * 0.99);
    bars.volume[row] = Math.floor(random() * 1e7);
    bars.vwap[row] = round((price + next) / 2);
    bars.transactions[row] = Math.floor(random() * 1e5);
    bars.ingested_at[row] = BigInt(day + 1) * 86_400_000_000n;
    price = next;
  }
  return bars;
}

/** Consolidated histories, with the manifest and the checkpoint that say so. */
export async function writeHistories(
  lake: Lake,
  symbols: readonly string[],
  rows: number,
  inFlightAtOnce = 1,
): Promise<void> {
  const manifest: Manifest = new Map();
  await inFlight(symbols, inFlightAtOnce, async (symbol) => {
    const bars = history(symbol, rows);
    await lake.write(keys.symbol(symbol), encodeBarColumns(bars));
    manifest.set(symbol, { lastDay: bars.date[rows - 1]!, rows, lastUpdated: bars.ingested_at[rows - 1]! });
  });
  await lake.write(keys.manifest, manifestBytes(manifest));
  await lake.write(keys.consolidated, checkpointBytes(NOTHING_CONSOLIDATED));
}

function sessionBars(symbols: readonly string[], date: string): BarColumns {
  const day = readDay(date)!;
  const column = (of: (i: number) => number) => Float64Array.from(symbols, (_, i) => of(i));
  return {
    symbol: textOf(symbols),
    date: new Int32Array(symbols.length).fill(day),
    open: column((i) => 20 + i / 100),
    high: column((i) => 22 + i / 100),
    low: column((i) => 19 + i / 100),
    close: column((i) => 21 + i / 100),
    volume: column((i) => 1000 + i),
    vwap: column((i) => 20.5 + i / 100),
    transactions: column((i) => 10 + i),
    source: { values: ['polygon'], codes: new Int32Array(symbols.length) },
    ingested_at: new BigInt64Array(symbols.length).fill(BigInt(day + 1) * 86_400_000_000n),
  };
}

/** Publishes a session of all symbols, as a night does. */
export async function publishSession(lake: Lake, symbols: readonly string[], date: string): Promise<void> {
  const bytes = encodeBarColumns(sessionBars(symbols, date));
  await lake.write(keys.session(date), bytes);
  await writeIngest(lake, {
    date,
    rows: symbols.length,
    rejected: 0,
    checksum: createHash('sha256').update(bytes).digest('hex'),
    removed: [],
    source: 'polygon',
    runId: 'bench',
    ingestedAt: `${date}T23:00:00.000Z`,
  });
}
