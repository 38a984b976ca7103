import { NamedError } from '../../errors.ts';
import { roomFor, type Text } from '../../lake/parquet.ts';
import { SILVER_COLUMNS, type SilverColumns } from '../../lake/silver.ts';
import { VALUES, type Windows } from './aggregate.ts';
import type { WindowTable } from './window-plan.ts';

/** Takes the rows of month files out of windows; each month's lie in memory that the next one uses again. */
export class MonthRows {
  private room = roomFor(SILVER_COLUMNS, 0);

  constructor(private readonly table: WindowTable) {}

  /**
   * A month's rows in order of symbol and date.
   * @param all of disjoint symbols that follow one another
   * @param month place in the window table
   */
  of(all: readonly Windows[], month: number): SilverColumns {
    const count = all.reduce((sum, { starts }) => sum + starts[month + 1]! - starts[month]!, 0);
    if (count > this.room.date.length) this.room = roomFor(SILVER_COLUMNS, count * 2);
    const symbols: string[] = [];
    let at = 0;
    for (const windows of all) {
      const [from, to] = [windows.starts[month]!, windows.starts[month + 1]!];
      if (from < to) this.take(windows, from, to, at, symbols);
      at += to - from;
    }
    return firstRows({ ...this.room, symbol: { values: symbols, codes: this.room.symbol.codes } }, count);
  }

  private take(
    { symbols: names, sid, window, bars: counts, values }: Windows,
    from: number,
    to: number,
    start: number,
    symbols: string[],
  ): void {
    const { first: firsts, end: ends, complete: completes } = this.table;
    const { symbol, date, window_end, open, high, low, close, volume, bars, complete } = this.room;
    let last = -1;
    for (let row = from, at = start; row < to; row++, at++) {
      const [number, place] = [window[row]!, row * VALUES];
      if (sid[row] !== last) {
        last = sid[row]!;
        symbols.push(names[last]!);
      }
      symbol.codes[at] = symbols.length - 1;
      date[at] = firsts[number]!;
      window_end[at] = ends[number]!;
      open[at] = values[place]!;
      high[at] = values[place + 1]!;
      low[at] = values[place + 2]!;
      close[at] = values[place + 3]!;
      volume[at] = values[place + 4]!;
      bars[at] = counts[row]!;
      complete[at] = completes[number]!;
    }
  }
}

function firstRows(rows: SilverColumns, count: number): SilverColumns {
  const cut = Object.entries(rows).map(([name, data]) => [
    name,
    'codes' in data ? { values: data.values, codes: data.codes.subarray(0, count) } : data.subarray(0, count),
  ]);
  return Object.fromEntries(cut);
}

/** Pure: the rows of a table that pass, and those of another whose keys it has not, ordered by symbol and date. */
export function mergeRows(
  old: SilverColumns,
  keeps: (symbol: string, day: number) => boolean,
  fresh: SilverColumns,
): SilverColumns {
  const [olds, news] = [old.date.length, fresh.date.length];
  // An old row as its number, a fresh one as -1 - its number.
  const order = new Int32Array(olds + news);
  let count = 0;
  for (let o = 0, f = 0; o < olds || f < news; ) {
    if (o < olds && !keeps(symbolAt(old, o), old.date[o]!)) o++;
    else if (f === news || (o < olds && isBefore(old, o, fresh, f))) order[count++] = o++;
    else order[count++] = -1 - f++;
  }
  const rows = order.subarray(0, count);
  const merged = roomFor(SILVER_COLUMNS, count);
  for (const { name } of SILVER_COLUMNS)
    if (name === 'symbol') pickTexts(old.symbol, fresh.symbol, rows, merged.symbol);
    else pick(old[name], fresh[name], rows, merged[name]);
  return merged;
}

type Numbers = Int32Array | Float64Array | Uint8Array;

function pick<T extends Numbers>(old: T, fresh: T, rows: Int32Array, merged: T): void {
  for (let at = 0; at < rows.length; at++) merged[at] = rows[at]! < 0 ? fresh[-1 - rows[at]!]! : old[rows[at]!]!;
}

function pickTexts(old: Text, fresh: Text, rows: Int32Array, merged: Text): void {
  const { values, codes } = merged;
  let before = -1;
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!;
    const code = row < 0 ? -2 - fresh.codes[-1 - row]! : old.codes[row]!;
    if (code !== before) {
      const text = code < 0 ? fresh.values[-2 - code]! : old.values[code]!;
      if (values.at(-1) !== text) values.push(text);
      before = code;
    }
    codes[at] = values.length - 1;
  }
}

/**
 * The last look before a month file is written: keys strictly increase, so none is doubled.
 * @throws Job.Failed
 */
export function checkOrder({ symbol, date }: SilverColumns, key: string): void {
  const { values, codes } = symbol;
  let [before, code] = ['', -1];
  for (let row = 0; row < codes.length; row++) {
    const next = codes[row]!;
    const inOrder = next === code ? date[row]! > date[row - 1]! : code < 0 || values[next]! > before;
    if (!inOrder) {
      throw new NamedError('Job.Failed', {
        what: `${key} was not written`,
        found: `${values[next]} on day ${date[row]} after ${before} on day ${date[row - 1]}`,
        wanted: 'rows whose symbol and date strictly increase',
      });
    }
    if (next !== code) [before, code] = [values[next]!, next];
  }
}

function isBefore(a: SilverColumns, i: number, b: SilverColumns, j: number): boolean {
  const [left, right] = [symbolAt(a, i), symbolAt(b, j)];
  return left === right ? a.date[i]! < b.date[j]! : left < right;
}

function symbolAt({ symbol }: SilverColumns, row: number): string {
  return symbol.values[symbol.codes[row]!]!;
}
