import { dateOf } from '../../calendar/dates.ts';
import { decodeBarColumns } from '../../lake/bronze/bar-columns.ts';
import { inFlight } from '../../lake/in-flight.ts';
import { keys } from '../../lake/keys.ts';
import { type Lake, listAll } from '../../lake/lake.ts';
import { decodeSilver, type SilverColumns } from '../../lake/silver/silver-columns.ts';
import type { Candle, CandleSeries, SymbolCandles } from './history.ts';

const DAILY = 60;
const WINDOWS = 16;
/** A month has at least so many sessions. */
const MONTH_SESSIONS = 19;
const READERS = 8;

type Prices = Pick<SilverColumns, 'date' | 'open' | 'high' | 'low' | 'close'>;

/**
 * The last bars of each symbol: daily ones from its history file, N-session ones from the newest month files.
 * @param session of which the most traded symbols take the places of those the lake does not hold
 * @throws Lake.Corrupt
 */
export async function readCandles(lake: Lake, session: string, wanted: readonly string[]): Promise<SymbolCandles[]> {
  return symbolCandles(lake, await namedSymbols(lake, session, wanted));
}

/** The same of exactly these symbols; those without a bar are left out. @throws Lake.Corrupt */
export async function symbolCandles(lake: Lake, symbols: readonly string[]): Promise<SymbolCandles[]> {
  const series = new Map<string, CandleSeries[]>(symbols.map((symbol) => [symbol, []]));
  await inFlight(symbols, READERS, async (symbol) => {
    const bytes = await lake.read(keys.symbol(symbol));
    if (!bytes) return;
    const bars = await decodeBarColumns(bytes, keys.symbol(symbol));
    const from = Math.max(bars.date.length - DAILY, 0);
    const candles = Array.from({ length: bars.date.length - from }, (_, row) => candle(bars, from + row, true));
    series.get(symbol)!.push({ sessions: 1, candles });
  });
  for (const [interval, files] of await silverFiles(lake)) {
    const bars = await windowsOf(lake, files, new Set(symbols));
    for (const [symbol, candles] of bars) {
      series.get(symbol)!.push({ sessions: interval, candles: candles.slice(-WINDOWS) });
    }
  }
  return symbols.map((symbol) => ({ symbol, series: series.get(symbol)! })).filter((one) => one.series.length > 0);
}

/** Those of the list that traded, in its order, then the most traded ones by value. */
async function namedSymbols(lake: Lake, session: string, wanted: readonly string[]): Promise<string[]> {
  const bytes = await lake.read(keys.session(session));
  if (!bytes) return [];
  const { symbol, close, volume } = await decodeBarColumns(bytes, keys.session(session));
  const traded = new Map(Array.from(symbol.codes, (code, row) => [symbol.values[code]!, close[row]! * volume[row]!]));
  const named = wanted.filter((name) => traded.has(name));
  const others = [...traded].filter(([name]) => !named.includes(name)).sort(([, a], [, b]) => b - a);
  return [...named, ...others.slice(0, wanted.length - named.length).map(([name]) => name)];
}

/** Month files of each interval, oldest first; only as many as the windows drawn can reach back. */
async function silverFiles(lake: Lake): Promise<[interval: number, files: string[]][]> {
  const found = new Map<number, string[]>();
  for (const { key } of await listAll(lake, 'silver/')) {
    const interval = Number(/^silver\/silver_(\d+)d\/.*\.parquet$/.exec(key)?.[1]);
    if (interval > 0) found.set(interval, [...(found.get(interval) ?? []), key]);
  }
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([interval, files]) => [interval, files.sort().slice(-Math.ceil((WINDOWS * interval) / MONTH_SESSIONS) - 1)]);
}

async function windowsOf(lake: Lake, files: readonly string[], symbols: ReadonlySet<string>) {
  const months = new Map<string, SilverColumns>();
  await inFlight(files, READERS, async (key) => {
    const bytes = await lake.read(key);
    if (bytes) months.set(key, await decodeSilver(bytes, key));
  });
  const found = new Map<string, Candle[]>();
  for (const columns of files.flatMap((key) => months.get(key) ?? [])) {
    const codes = new Map<number, string>();
    for (const [code, value] of columns.symbol.values.entries()) if (symbols.has(value)) codes.set(code, value);
    for (let row = 0; row < columns.date.length; row++) {
      const symbol = codes.get(columns.symbol.codes[row]!);
      if (symbol === undefined) continue;
      const candles = found.get(symbol) ?? [];
      if (candles.length === 0) found.set(symbol, candles);
      candles.push(candle(columns, row, columns.complete[row] === 1));
    }
  }
  return found;
}

function candle({ date, open, high, low, close }: Prices, row: number, complete: boolean): Candle {
  return {
    date: dateOf(date[row]!),
    open: open[row]!,
    high: high[row]!,
    low: low[row]!,
    close: close[row]!,
    complete,
  };
}
