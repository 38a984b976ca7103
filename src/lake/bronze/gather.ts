import type { Text } from '../columnar/column-data.ts';
import type { BarColumns } from './bar-columns.ts';

export const BAR_NUMBERS = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'transactions'] as const;

/** More rows than a table of one session can have. */
const TABLE = 2 ** 21;

/** Copies the chosen rows, whole stretches of one source at a time: a usual night appends one row to a long history. */
export function gatherBars(
  symbol: string,
  sources: readonly (BarColumns | undefined)[],
  from: Uint8Array,
  rows: Int32Array,
): BarColumns {
  const count = rows.length;
  const bars = emptyBars(count);
  const source = dictionary(bars.source);
  for (let start = 0; start < count; ) {
    let end = start + 1;
    while (end < count && from[end] === from[start] && rows[end] === rows[end - 1]! + 1) end++;
    copyRows(bars, start, sources[from[start]!]!, rows[start]!, end - start, source);
    start = end;
  }
  bars.symbol.values = count > 0 ? [symbol] : [];
  return bars;
}

/** One table behind another. */
export function joinBars(symbol: string, first: BarColumns, second: BarColumns): BarColumns {
  const [head, tail] = [first.date.length, second.date.length];
  const bars = emptyBars(head + tail);
  const source = dictionary(bars.source);
  copyRows(bars, 0, first, 0, head, source);
  copyRows(bars, head, second, 0, tail, source);
  bars.symbol.values = [symbol];
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
  const bars = emptyBars(refs.length);
  const source = dictionary(bars.source);
  for (let i = 0; i < refs.length; i++) {
    copyRows(bars, i, tables[tableOf(refs[i]!)]!, refs[i]! % TABLE, 1, source);
  }
  bars.symbol.values = refs.length > 0 ? [symbol] : [];
  return bars;
}

function emptyBars(rows: number): BarColumns {
  const numbers = () => new Float64Array(rows);
  return {
    symbol: { values: [], codes: new Int32Array(rows) },
    date: new Int32Array(rows),
    open: numbers(),
    high: numbers(),
    low: numbers(),
    close: numbers(),
    volume: numbers(),
    vwap: numbers(),
    transactions: numbers(),
    source: { values: [], codes: new Int32Array(rows) },
    ingested_at: new BigInt64Array(rows),
  };
}

function copyRows(to: BarColumns, at: number, of: BarColumns, row: number, count: number, source: Dictionary): void {
  to.date.set(of.date.subarray(row, row + count), at);
  for (const name of BAR_NUMBERS) to[name].set(of[name].subarray(row, row + count), at);
  to.ingested_at.set(of.ingested_at.subarray(row, row + count), at);
  const codes = source(of.source);
  for (let i = 0; i < count; i++) to.source.codes[at + i] = codes(of.source.codes[row + i]!);
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
