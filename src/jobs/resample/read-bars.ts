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
const NUMBERS = ['open', 'high', 'low', 'close', 'volume'] as const;

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
  /** Of each table its symbols' rows. */
  private readonly rows: Map<string, number>[] = [];

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
    const rows = rowsBySymbol(table.symbol);
    if (rows.size !== table.date.length) throw corruptFile(key, 'a symbol with two rows');
    this.tables.push(table);
    this.rows.push(rows);
  }

  /** @param history bars of other days, which are not in the sessions */
  of(symbol: string, history?: Bars): Bars {
    const found: [bars: Bars, row: number][] = [];
    for (const [i, rows] of this.rows.entries()) {
      const row = rows.get(symbol);
      if (row !== undefined) found.push([this.tables[i]!, row]);
    }
    if (history) {
      for (let row = 0; row < history.date.length; row++) found.push([history, row]);
      found.sort(([a, i], [b, j]) => a.date[i]! - b.date[j]!);
    }
    return taken(found);
  }
}

/** Those bars of a history that are of some days. */
export function barsOfDays(bars: Bars, days: ReadonlySet<number>): Bars {
  const rows = [...bars.date.keys()].filter((row) => days.has(bars.date[row]!));
  return taken(rows.map((row) => [bars, row]));
}

function taken(rows: readonly (readonly [bars: Bars, row: number])[]): Bars {
  const bars: Bars = { date: new Int32Array(rows.length), ...numbers(rows.length) };
  for (const [at, [from, row]] of rows.entries()) {
    bars.date[at] = from.date[row]!;
    for (const name of NUMBERS) bars[name][at] = from[name][row]!;
  }
  return bars;
}

function numbers(rows: number): Omit<Bars, 'date'> {
  const room = () => new Float64Array(rows);
  return { open: room(), high: room(), low: room(), close: room(), volume: room() };
}

function rowsBySymbol({ values, codes }: Text): Map<string, number> {
  const rows = new Map<string, number>();
  for (let row = 0; row < codes.length; row++) rows.set(values[codes[row]!]!, row);
  return rows;
}

/** What is wrong with a file; other errors are thrown on. */
export function faultOf(error: unknown): string {
  if (isNamed(error, 'Lake.Corrupt')) return (error as Error).message;
  throw error;
}
