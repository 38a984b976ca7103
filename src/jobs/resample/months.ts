import { readDay } from '../../calendar/dates.ts';
import { inFlight } from '../../concurrency.ts';
import { isNamed, NamedError } from '../../errors.ts';
import { keys, type Lake } from '../../lake/lake.ts';
import { roomFor } from '../../lake/parquet.ts';
import { corruptFile } from '../../lake/parquet-columns.ts';
import { decodeSilver, encodeSilver, SILVER_COLUMNS, type SilverColumns } from '../../lake/silver.ts';
import type { Interval, Prepared } from './prepare.ts';
import { type Batch, VALUES } from './window-plan.ts';
import type { Findings, WindowBatches } from './windows.ts';

/** Month files written or compared at once: enough to keep the disk busy, few enough to stay small. */
const FILES_AT_ONCE = 8;

export interface MonthWork {
  interval: Interval;
  month: string;
}

/** Month files of a pass: those with new rows, those planned, and those where rows of a rebuilt symbol may lie. Pure. */
export function monthsOf({ intervals, passes }: WindowBatches, { full, anywhere }: Prepared): MonthWork[] {
  return intervals.flatMap((interval) => {
    const { plan, stored } = interval;
    const months = new Set([...plan.months.keys(), ...(full || anywhere ? stored : [])]);
    for (const batch of full ? [] : passes.flat()) {
      for (const [index, monthWindows] of batch.windowTable.months.entries()) {
        const some = batch.starts[index]! < batch.starts[index + 1]!;
        if (some && monthWindows.interval === plan.interval) months.add(monthWindows.month);
      }
    }
    return [...months].sort().map((month) => ({ interval, month }));
  });
}

/**
 * Writes the month files of a pass and counts their rows.
 * @throws Lake.Corrupt when a stored file that must keep rows is damaged or gone and the run is not a full one
 */
export async function writeMonths(
  lake: Lake,
  produced: WindowBatches,
  {
    prepared,
    findings,
    signal,
    wrote,
  }: { prepared: Prepared; findings: Findings; signal?: AbortSignal; wrote: (changed: boolean) => void },
): Promise<void> {
  const pieces = produced.passes.map(piecesOf);
  const write = async ({ interval, month }: MonthWork) => {
    const { plan, rows } = interval;
    const key = keys.silver(plan.interval, month);
    const place = `${plan.interval} ${month}`;
    const made = pieces.map((found) => rowsOf(found.get(place) ?? [])).filter(({ date }) => date.length > 0);
    const all = made.length === 0 ? rowsOf([]) : made.reduce((some, more) => mergeRows(some, () => true, more));
    const result = await writeMonth(lake, key, all, keeps(interval, month, prepared, findings), {
      missing: prepared.full || !interval.stored.has(month) ? 'fine' : 'wrong',
      decoded: interval.decoded.get(month),
    }).catch((error) => {
      // A full run rebuilds a damaged file; only rows that could not be rebuilt are lost with it.
      if (!prepared.full || !isNamed(error, 'Lake.Corrupt')) throw error;
      return writeMonth(lake, key, all, undefined);
    });
    interval.decoded.delete(month);
    if (result.rows > 0) rows.set(month, result.rows);
    else rows.delete(month);
    wrote(result.written);
  };
  await inFlight(monthsOf(produced, prepared), FILES_AT_ONCE, write, signal);
}

function keeps({ plan }: Interval, month: string, { full, whole }: Prepared, { damaged }: Findings): Keeps {
  if (full) return damaged.size === 0 ? undefined : (symbol) => damaged.has(symbol);
  // A planned month whose file was lost has every window rebuilt.
  if (plan.months.get(month)?.keep === false && damaged.size === 0) return undefined;
  const rebuilt = new Set([...plan.windows.keys()].map((first) => readDay(first)!));
  return (symbol, day) => damaged.has(symbol) || !(whole.has(symbol) || rebuilt.has(day));
}

/** `interval month` → the rows of that file in each batch that has some. */
function piecesOf(batches: readonly Batch[]): Map<string, Piece[]> {
  const found = new Map<string, Piece[]>();
  for (const batch of batches) {
    for (const [index, { interval, month }] of batch.windowTable.months.entries()) {
      const [from, to] = [batch.starts[index]!, batch.starts[index + 1]!];
      if (from === to) continue;
      const place = `${interval} ${month}`;
      const list = found.get(place);
      if (list) list.push({ batch, from, to });
      else found.set(place, [{ batch, from, to }]);
    }
  }
  return found;
}

/** Which rows of the stored file stay; undefined = none, so that it need not be decoded. */
export type Keeps = ((symbol: string, day: number) => boolean) | undefined;

/**
 * Writes one month file: the new rows and the stored ones that stay. Unchanged bytes are not written, a month without
 * rows is removed, what is written is read back.
 * @param decoded the stored rows, when the caller has read them already
 * @returns rows in the file, and whether it changed
 * @throws Lake.Corrupt when the stored file cannot be read and rows of it have to stay, or what is read back differs;
 *   Job.Failed when the rows are not in order
 */
export async function writeMonth(
  lake: Lake,
  key: string,
  rows: SilverColumns,
  keeps: Keeps,
  { missing, decoded }: { missing: 'fine' | 'wrong'; decoded?: SilverColumns } = { missing: 'fine' },
): Promise<{ rows: number; written: boolean }> {
  const bytes = await lake.read(key);
  if (!bytes && missing === 'wrong') throw corruptFile(key, 'nothing, although the checkpoint counts rows in it');
  const merged = bytes && keeps ? mergeRows(decoded ?? (await decodeSilver(bytes, key)), keeps, rows) : rows;
  const count = merged.date.length;
  if (count === 0) {
    if (bytes) await lake.remove([key]);
    return { rows: 0, written: bytes !== undefined };
  }
  checkOrder(merged, key);
  const meant = encodeSilver(merged);
  if (bytes && Buffer.compare(bytes, meant) === 0) return { rows: count, written: false };
  await lake.write(key, meant);
  const stored = await lake.read(key);
  if (!stored || Buffer.compare(stored, meant) !== 0) {
    throw corruptFile(key, `${stored?.length ?? 0} bytes read back where ${meant.length} others were written`);
  }
  return { rows: count, written: true };
}

const NUMBERS = ['open', 'high', 'low', 'close', 'volume', 'bars'] as const;

/** Part of a batch: the rows of one month file. */
export interface Piece {
  batch: Batch;
  from: number;
  to: number;
}

/** Pure: the pieces' rows as one table; their symbols must be disjoint and follow one another. */
export function rowsOf(pieces: readonly Piece[]): SilverColumns {
  const rows = roomFor(SILVER_COLUMNS, lengthOf(pieces));
  const symbols = rows.symbol.values;
  let at = 0;
  const { symbol, date, window_end, open, high, low, close, volume, bars, complete } = rows;
  for (const { batch, from, to } of pieces) {
    const { windowTable: monthWindows, values } = batch;
    let last = -1;
    for (let row = from; row < to; row++, at++) {
      const [sid, windowIndex, first] = [batch.sid[row]!, batch.windowIndex[row]!, row * VALUES];
      if (sid !== last) {
        symbols.push(batch.symbols[sid]!);
        last = sid;
      }
      symbol.codes[at] = symbols.length - 1;
      date[at] = monthWindows.first[windowIndex]!;
      window_end[at] = monthWindows.end[windowIndex]!;
      open[at] = values[first]!;
      high[at] = values[first + 1]!;
      low[at] = values[first + 2]!;
      close[at] = values[first + 3]!;
      volume[at] = values[first + 4]!;
      bars[at] = batch.bars[row]!;
      complete[at] = monthWindows.complete[windowIndex]!;
    }
  }
  return rows;
}

function lengthOf(stretches: readonly { from: number; to: number }[]): number {
  return stretches.reduce((sum, { from, to }) => sum + to - from, 0);
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
  const merged = roomFor(SILVER_COLUMNS, lengthOf(runs));
  const symbols = merged.symbol.values;
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
