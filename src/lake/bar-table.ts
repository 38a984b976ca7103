import { isSession } from '../calendar/calendar.ts';
import { DAY_MS, dateOf, readDay } from '../calendar/dates.ts';
import { NamedError } from '../errors.ts';
import { type Arena, type ColumnsOf, roomFor, schemaOf, type Text, textOf } from './parquet.ts';
import { corruptFile, type ForeignColumns, readColumns, readOwnColumns } from './parquet-columns.ts';
import { encodeColumns } from './parquet-encode.ts';

/** Bronze columns (docs/data-dictionary.md); `ingested_at` is UTC. */
export const BAR_COLUMNS = schemaOf([
  { name: 'symbol', type: 'text' },
  { name: 'date', type: 'date' },
  { name: 'open', type: 'double' },
  { name: 'high', type: 'double' },
  { name: 'low', type: 'double' },
  { name: 'close', type: 'double' },
  { name: 'volume', type: 'double' },
  { name: 'vwap', type: 'double', nullable: true },
  { name: 'transactions', type: 'bigint', nullable: true },
  { name: 'source', type: 'text' },
  { name: 'ingested_at', type: 'timestamp' },
]);

/** Bronze bars by column; vwap and transactions are NaN where there is none. */
export type BarColumns = ColumnsOf<typeof BAR_COLUMNS>;

export function encodeBarColumns(bars: BarColumns): Uint8Array {
  return encodeColumns(BAR_COLUMNS, bars);
}

/**
 * Bars of a bronze file of any origin: ours, another Parquet writer's, or the original layout.
 * @param adopting called with the key of a file of the original layout, before anything is made of it
 * @throws Lake.Corrupt, naming the key; what `adopting` throws
 */
export async function decodeBarColumns(
  bytes: Uint8Array,
  key: string,
  adopting?: (key: string) => void,
): Promise<BarColumns> {
  const adopt = (foreign: ForeignColumns) => {
    const bars = adoptOriginal(foreign, key);
    if (bars) adopting?.(key);
    return bars;
  };
  return readColumns(BAR_COLUMNS, bytes, key, { adopt });
}

/**
 * Bars of a file that holds one symbol only.
 * @throws Lake.Corrupt when it is unreadable, holds another symbol, or its dates do not strictly increase
 */
export async function decodeHistory(
  bytes: Uint8Array,
  key: string,
  symbol: string,
  adopting?: (key: string) => void,
): Promise<BarColumns> {
  return checkHistory(await decodeBarColumns(bytes, key, adopting), key, symbol);
}

/**
 * The same of a file of our own, at once and into memory that the next call uses again; undefined for any other file.
 * @throws Lake.Corrupt as above
 */
export function ownHistory(bytes: Uint8Array, key: string, symbol: string, arena: Arena): BarColumns | undefined {
  const bars = readOwnColumns(BAR_COLUMNS, bytes, key, arena);
  return bars && checkHistory(bars, key, symbol);
}

function checkHistory(bars: BarColumns, key: string, symbol: string): BarColumns {
  const foreign = bars.symbol.values.find((value) => value !== symbol);
  if (foreign !== undefined) throw corruptFile(key, `bars of ${JSON.stringify(foreign)}`);
  for (let row = 1; row < bars.date.length; row++) {
    if (bars.date[row]! <= bars.date[row - 1]!) throw corruptFile(key, `dates that do not increase at row ${row}`);
  }
  return bars;
}

/** `source` of bars that came from a lake of the original layout. */
export const ORIGINAL = 'original';

/** What the owner of a lake says of its prices (ADOPTED_PRICES). */
export type AdoptedPrices = 'unadjusted' | 'adjusted';

/**
 * Bronze is unadjusted and splits are applied to all of it: adjusted bars would be adjusted twice.
 * @throws Config.Invalid unless the owner has called the prices unadjusted
 */
export function requireUnadjusted(prices: AdoptedPrices | undefined, key: string): void {
  if (prices === 'unadjusted') return;
  throw new NamedError('Config.Invalid', {
    what: prices
      ? `${key} is of an adopted lake with split-adjusted prices, and splits would be applied to them a second time`
      : `${key} is of an adopted lake, and nothing tells whether its prices are split-adjusted`,
    found: `ADOPTED_PRICES=${prices ?? ''}`,
    wanted: 'ADOPTED_PRICES=unadjusted, for prices as they were traded',
    todo: 'The file is as it was. If they are adjusted, move the files away and fetch unadjusted bars: `npx afterbell backfill`.',
  });
}

const DAY_MICROS = DAY_MS * 1000;
const [FIRST_DAY, LAST_DAY] = [readDay('1962-01-02')!, readDay('2050-12-31')!];
const PRICES = ['open', 'high', 'low', 'close', 'volume'] as const;

/**
 * Bars of the original layout (`symbol, open, high, low, close, volume, timestamp, interval`) in ours, sorted by date,
 * the last of several rows of one date kept. Undefined for a file that is not of that layout.
 *
 * `ingested_at` becomes 1970-01-01: nothing tells when the original's values were fetched, and a constant older than
 * any fetch of ours makes every later fetch the newer one, however often and in whatever order files are adopted.
 * @throws Lake.Corrupt for bars that are not daily, not on a session, or without a price
 */
export function adoptOriginal({ rows, columns, kinds }: ForeignColumns, key: string): BarColumns | undefined {
  const timestamps = columns.get('timestamp');
  const symbols = columns.get('symbol');
  if (!timestamps || !symbols || columns.has('ingested_at') || columns.has('date')) return undefined;
  const interval = columns.get('interval')?.find((value) => !isDaily(value));
  if (interval !== undefined) throw corruptFile(key, `bars of interval ${JSON.stringify(String(interval))}`);
  const days = timestamps.map((timestamp) => dayOf(timestamp, kinds.get('timestamp'), key));
  const byDate = new Map(days.map((day, row) => [`${day} ${symbols[row]}`, row]));
  const order = [...byDate.values()].sort((a, b) => days[a]! - days[b]! || a - b);
  const price = (name: (typeof PRICES)[number]): Float64Array => {
    const values = columns.get(name);
    return Float64Array.from(order, (row) => {
      const value = values?.[row];
      if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
      throw corruptFile(key, `${name} ${String(value)} in row ${row} of ${rows}`);
    });
  };
  return originalBars(
    order.map((row) => String(symbols[row])),
    Int32Array.from(order, (row) => days[row]!),
    PRICES.map(price),
  );
}

/**
 * Bars of the original layout in our columns: it has no vwap, no transactions and no time of a fetch.
 * @param values open, high, low, close and volume
 */
export function originalBars(
  symbols: readonly string[],
  date: Int32Array,
  [open, high, low, close, volume]: readonly Float64Array[],
): BarColumns {
  return {
    symbol: textOf(symbols),
    date,
    open: open!,
    high: high!,
    low: low!,
    close: close!,
    volume: volume!,
    vwap: new Float64Array(date.length).fill(Number.NaN),
    transactions: new Float64Array(date.length).fill(Number.NaN),
    source: textOf(symbols.map(() => ORIGINAL)),
    ingested_at: new BigInt64Array(date.length),
  };
}

/** Whether an interval of the original layout is a day's; none is. */
export function isDaily(interval: unknown): boolean {
  return interval === undefined || interval === null || /^1?\s*d(ay)?$/i.test(String(interval));
}

/** Timestamps there are midnights without a zone, or midnights of New York in UTC: the UTC date is the session. */
function dayOf(timestamp: unknown, kind: 'date' | 'timestamp' | undefined, key: string): number {
  let day: number | undefined;
  if (kind === 'timestamp' && typeof timestamp === 'bigint') day = Math.floor(Number(timestamp) / DAY_MICROS);
  else if (kind === 'date' && typeof timestamp === 'number') day = timestamp;
  else if (typeof timestamp === 'string') day = readDay(timestamp.slice(0, 10));
  // Bounds first: the calendar refuses to answer beyond its years.
  if (day !== undefined && day >= FIRST_DAY && day <= LAST_DAY && isSession(dateOf(day))) return day;
  throw corruptFile(key, `timestamp ${String(timestamp)}, which is no session${kind ? '' : ' and has no unit'}`);
}

export const BAR_NUMBERS = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'transactions'] as const;

/** More rows than a table of one session can have. */
const TABLE = 2 ** 21;

/** Copies the chosen rows, whole stretches of one source at a time: a usual night appends one row to a long history. */
export function gatherBars(
  symbol: string,
  sources: readonly (BarColumns | undefined)[],
  from: Uint8Array,
  rows: Int32Array,
  arena?: Arena,
): BarColumns {
  const count = rows.length;
  const bars = roomFor(BAR_COLUMNS, count, arena);
  const source = dictionary(bars.source);
  for (let start = 0; start < count; ) {
    let end = start + 1;
    while (end < count && from[end] === from[start] && rows[end] === rows[end - 1]! + 1) end++;
    copyRows(bars, start, sources[from[start]!]!, rows[start]!, end - start, source);
    start = end;
  }
  bars.symbol.values = count > 0 ? [symbol] : [];
  bars.symbol.codes.fill(0);
  return bars;
}

/** One table behind another. */
export function joinBars(symbol: string, first: BarColumns, second: BarColumns, arena?: Arena): BarColumns {
  const [head, tail] = [first.date.length, second.date.length];
  const bars = roomFor(BAR_COLUMNS, head + tail, arena);
  const source = dictionary(bars.source);
  copyRows(bars, 0, first, 0, head, source);
  copyRows(bars, head, second, 0, tail, source);
  bars.symbol.values = [symbol];
  bars.symbol.codes.fill(0);
  return bars;
}

/** A row of one of several tables as one number, because a rebuild holds millions of them. */
export function rowRef(table: number, row: number): number {
  return table * TABLE + row;
}

/** The table that a reference points into. */
export function tableOf(ref: number): number {
  return Math.floor(ref / TABLE);
}

/** The rows behind these references as one table of one symbol, in the order given. */
export function pickBars(symbol: string, tables: readonly BarColumns[], refs: readonly number[]): BarColumns {
  const bars = roomFor(BAR_COLUMNS, refs.length);
  const source = dictionary(bars.source);
  for (let i = 0; i < refs.length; i++) {
    copyRows(bars, i, tables[tableOf(refs[i]!)]!, refs[i]! % TABLE, 1, source);
  }
  bars.symbol.values = refs.length > 0 ? [symbol] : [];
  return bars;
}

function copyRows(to: BarColumns, at: number, of: BarColumns, row: number, count: number, source: Dictionary): void {
  to.date.set(of.date.subarray(row, row + count), at);
  for (const name of BAR_NUMBERS) to[name].set(of[name].subarray(row, row + count), at);
  to.ingested_at.set(of.ingested_at.subarray(row, row + count), at);
  const codes = source(of.source);
  const [old, fresh] = [of.source.codes, to.source.codes];
  for (let i = 0, last = -1, code = 0; i < count; i++) {
    if (old[row + i] !== last) {
      last = old[row + i]!;
      code = codes(last);
    }
    fresh[at + i] = code;
  }
}

type Dictionary = (text: Text) => (code: number) => number;

/** Gives the codes of several dictionaries their places in one, by first use: the same rows, the same dictionary. */
function dictionary(into: Text): Dictionary {
  const known = new Map<Text, number[]>();
  return (text) => {
    const codes = known.get(text) ?? [];
    known.set(text, codes);
    return (code) => {
      let place = codes[code];
      if (place === undefined) {
        place = into.values.indexOf(text.values[code]!);
        if (place < 0) place = into.values.push(text.values[code]!) - 1;
        codes[code] = place;
      }
      return place;
    };
  };
}
