import { NamedError } from '../../errors.ts';
import { type Sheaf, VALUES } from './sheaf.ts';
import { type SilverColumns, silverRoom } from './silver-columns.ts';

const NUMBERS = ['open', 'high', 'low', 'close', 'volume', 'bars'] as const;

/** Part of a sheaf: the rows of one month file. */
export interface Piece {
  sheaf: Sheaf;
  from: number;
  to: number;
}

/** Pure: the pieces' rows as one table; their symbols must be disjoint and follow one another. */
export function rowsOf(pieces: readonly Piece[]): SilverColumns {
  const symbols: string[] = [];
  const rows = silverRoom(
    pieces.reduce((sum, { from, to }) => sum + to - from, 0),
    symbols,
  );
  let at = 0;
  const { symbol, date, window_end, open, high, low, close, volume, bars, complete } = rows;
  for (const { sheaf, from, to } of pieces) {
    const { slots, values } = sheaf;
    let last = -1;
    for (let row = from; row < to; row++, at++) {
      const [sid, slot, first] = [sheaf.sid[row]!, sheaf.slot[row]!, row * VALUES];
      if (sid !== last) {
        symbols.push(sheaf.symbols[sid]!);
        last = sid;
      }
      symbol.codes[at] = symbols.length - 1;
      date[at] = slots.first[slot]!;
      window_end[at] = slots.end[slot]!;
      open[at] = values[first]!;
      high[at] = values[first + 1]!;
      low[at] = values[first + 2]!;
      close[at] = values[first + 3]!;
      volume[at] = values[first + 4]!;
      bars[at] = sheaf.bars[row]!;
      complete[at] = slots.complete[slot]!;
    }
  }
  return rows;
}

/** Pure: the rows of a table that pass, and those of another whose keys it has not, ordered by symbol and date. */
export function mergeRows(
  old: SilverColumns,
  keeps: (symbol: string, day: number) => boolean,
  fresh: SilverColumns,
): SilverColumns {
  const runs: { source: SilverColumns; from: number; to: number }[] = [];
  const take = (source: SilverColumns, row: number) => {
    const last = runs.at(-1);
    if (last?.source === source && last.to === row) last.to++;
    else runs.push({ source, from: row, to: row + 1 });
  };
  let [o, f] = [0, 0];
  const [olds, news] = [old.date.length, fresh.date.length];
  while (o < olds || f < news) {
    if (o < olds && !keeps(symbolAt(old, o), old.date[o]!)) o++;
    else if (f === news || (o < olds && isBefore(old, o, fresh, f))) take(old, o++);
    else take(fresh, f++);
  }
  const symbols: string[] = [];
  const merged = silverRoom(
    runs.reduce((sum, { from, to }) => sum + to - from, 0),
    symbols,
  );
  let at = 0;
  for (const { source, from, to } of runs) {
    for (const name of ['date', 'window_end', 'complete'] as const) {
      merged[name].set(source[name].subarray(from, to), at);
    }
    for (const name of NUMBERS) merged[name].set(source[name].subarray(from, to), at);
    let last = -1;
    for (let row = from; row < to; row++, at++) {
      const code = source.symbol.codes[row]!;
      if (code !== last && symbols.at(-1) !== source.symbol.values[code]) symbols.push(source.symbol.values[code]!);
      last = code;
      merged.symbol.codes[at] = symbols.length - 1;
    }
  }
  return merged;
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
