import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { readDay } from '../../calendar/dates.ts';
import { isNamed } from '../../errors.ts';
import { BAR_COLUMNS } from '../../lake/bar-table.ts';
import { keys, type Lake } from '../../lake/lake.ts';
import { Arena, type ColumnsOf, schemaOf, type Text } from '../../lake/parquet.ts';
import { corruptFile, readColumns } from '../../lake/parquet-columns.ts';
import type { Bars } from './aggregate.ts';

/** A symbol's history as a local file. */
export interface History {
  symbol: string;
  key: string;
  path: string;
}

/** Of the bronze columns those that windows are made of. */
const COLUMNS = schemaOf([
  BAR_COLUMNS[0],
  BAR_COLUMNS[1],
  BAR_COLUMNS[2],
  BAR_COLUMNS[3],
  BAR_COLUMNS[4],
  BAR_COLUMNS[5],
  BAR_COLUMNS[6],
]);

/** Reads histories one after the other into the same memory: the bars of one live until the next is read. */
export class HistoryReader {
  private readonly arena = new Arena();
  private memory = Buffer.allocUnsafeSlow(1 << 20);

  /**
   * @param path the local file behind the key
   * @throws Lake.Corrupt for a file that cannot be read, or holds bars of another symbol
   */
  async read({ symbol, key, path }: History): Promise<Bars> {
    const bars = await readColumns(COLUMNS, this.bytesOf(path), key, { arena: this.arena });
    const foreign = bars.symbol.values.find((value) => value !== symbol);
    if (foreign !== undefined) throw corruptFile(key, `bars of ${JSON.stringify(foreign)}`);
    return bars;
  }

  private bytesOf(path: string): Uint8Array {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      if (size > this.memory.length) this.memory = Buffer.allocUnsafeSlow(size * 2);
      let at = 0;
      for (let read = 1; at < size && read > 0; at += read) read = readSync(file, this.memory, at, size - at, at);
      return this.memory.subarray(0, at);
    } finally {
      closeSync(file);
    }
  }
}

/** Bars of some sessions, to be taken out symbol by symbol. */
export class SessionBars {
  private readonly tables: ColumnsOf<typeof COLUMNS>[] = [];
  /** Of each table symbol's place → its row, counted from 1; 0 = none. */
  private readonly rows: Int32Array[] = [];
  private readonly places: Map<string, number>;
  private room = barsFor(64);

  /** @param symbols whose bars are wanted, in order */
  constructor(private readonly symbols: readonly string[]) {
    this.places = new Map(symbols.map((symbol, place) => [symbol, place]));
  }

  /**
   * Sessions are to be added in order of date.
   * @throws Lake.Corrupt for a file that is missing or damaged, or holds a symbol or a date that it should not
   */
  async add(lake: Lake, date: string): Promise<void> {
    const key = keys.session(date);
    const bytes = await lake.read(key);
    if (!bytes) throw corruptFile(key, 'nothing, although it was consolidated');
    const table = await readColumns(COLUMNS, bytes, key);
    const day = readDay(date);
    if (table.date.some((other) => other !== day)) throw corruptFile(key, 'rows of another date');
    this.rows.push(this.rowsOf(table.symbol, key));
    this.tables.push(table);
  }

  private rowsOf({ values, codes }: Text, key: string): Int32Array {
    const rows = new Int32Array(this.symbols.length);
    let guess = 0;
    for (let row = 0; row < codes.length; row++) {
      const symbol = values[codes[row]!]!;
      // Files are in order of symbol, as we are; to look one up takes longer than the rest.
      const place = this.symbols[guess] === symbol ? guess : this.places.get(symbol);
      if (place === undefined) continue;
      if (rows[place] !== 0) throw corruptFile(key, `two rows of ${symbol}`);
      rows[place] = row + 1;
      guess = place + 1;
    }
    return rows;
  }

  /**
   * A symbol's bars in order of date; without a history they live until the next call.
   * @param history bars of other days, which are not in the sessions
   */
  of(place: number, history?: Bars): Bars {
    const { tables, rows } = this;
    if (tables.length > this.room.date.length) this.room = barsFor(tables.length);
    let count = 0;
    for (let session = 0; session < tables.length; session++) {
      const row = rows[session]![place]! - 1;
      if (row >= 0) copyBar(tables[session]!, row, this.room, count++);
    }
    const bars = firstBars(this.room, count);
    return history ? inOrder(bars, history) : bars;
  }
}

/** Those bars of a history that are of some days. */
export function barsOfDays(bars: Bars, days: ReadonlySet<number>): Bars {
  const some = barsFor(bars.date.length);
  let count = 0;
  for (let row = 0; row < bars.date.length; row++) if (days.has(bars.date[row]!)) copyBar(bars, row, some, count++);
  return firstBars(some, count);
}

function inOrder(some: Bars, others: Bars): Bars {
  const all = barsFor(some.date.length + others.date.length);
  for (let at = 0, s = 0, o = 0; at < all.date.length; at++) {
    const isOther = s === some.date.length || (o < others.date.length && others.date[o]! < some.date[s]!);
    if (isOther) copyBar(others, o++, all, at);
    else copyBar(some, s++, all, at);
  }
  return all;
}

function copyBar(from: Bars, row: number, to: Bars, at: number): void {
  to.date[at] = from.date[row]!;
  to.open[at] = from.open[row]!;
  to.high[at] = from.high[row]!;
  to.low[at] = from.low[row]!;
  to.close[at] = from.close[row]!;
  to.volume[at] = from.volume[row]!;
}

function barsFor(rows: number): Bars {
  const room = () => new Float64Array(rows);
  return { date: new Int32Array(rows), open: room(), high: room(), low: room(), close: room(), volume: room() };
}

function firstBars({ date, open, high, low, close, volume }: Bars, count: number): Bars {
  return {
    date: date.subarray(0, count),
    open: open.subarray(0, count),
    high: high.subarray(0, count),
    low: low.subarray(0, count),
    close: close.subarray(0, count),
    volume: volume.subarray(0, count),
  };
}

/** What is wrong with a file; other errors are thrown on. */
export function faultOf(error: unknown): string {
  if (isNamed(error, 'Lake.Corrupt')) return (error as Error).message;
  throw error;
}
