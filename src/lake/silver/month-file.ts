import { readDay } from '../../calendar/dates.ts';
import { corruptFile } from '../columnar/read.ts';
import { keys } from '../keys.ts';
import type { Lake } from '../lake.ts';
import type { IntervalPlan } from './plan.ts';
import { decodeSilver, encodeSilver, type SilverColumns, silverRoom } from './silver-columns.ts';

/**
 * Writes one month file: the new rows of the planned windows, and the old file's rows of all others when the plan
 * keeps them. Unchanged bytes are not written, a month without rows is removed, what is written is read back.
 * @returns rows in the file, and whether it changed
 */
export async function writeMonth(
  lake: Lake,
  plan: IntervalPlan,
  month: string,
  rows: SilverColumns,
): Promise<{ rows: number; written: boolean }> {
  const key = keys.silver(plan.interval, month);
  const bytes = await lake.read(key);
  const merged = bytes && plan.months.get(month)?.keep ? mergeMonth(await decodeSilver(bytes, key), rows, plan) : rows;
  const count = merged.date.length;
  if (count === 0) {
    if (bytes) await lake.remove([key]);
    return { rows: 0, written: bytes !== undefined };
  }
  const meant = encodeSilver(merged);
  if (bytes && Buffer.compare(bytes, meant) === 0) return { rows: count, written: false };
  await lake.write(key, meant);
  const stored = await lake.read(key);
  if (!stored || Buffer.compare(stored, meant) !== 0) {
    throw corruptFile(key, `${stored?.length ?? 0} bytes read back where ${meant.length} others were written`);
  }
  return { rows: count, written: true };
}

/** Old rows of windows that are not made anew, and the new rows, ordered by symbol and date. */
export function mergeMonth(old: SilverColumns, fresh: SilverColumns, { windows }: IntervalPlan): SilverColumns {
  const anew = new Set([...windows.keys()].map((first) => readDay(first)!));
  const kept: number[] = [];
  for (let row = 0; row < old.date.length; row++) if (!anew.has(old.date[row]!)) kept.push(row);
  const symbols: string[] = [];
  const merged = silverRoom(kept.length + fresh.date.length, symbols);
  let [k, f] = [0, 0];
  for (let at = 0; at < merged.date.length; at++) {
    const useOld = k < kept.length && (f === fresh.date.length || isBefore(old, kept[k]!, fresh, f));
    const [source, row] = useOld ? [old, kept[k++]!] : [fresh, f++];
    const symbol = symbolAt(source, row);
    if (symbols.at(-1) !== symbol) symbols.push(symbol);
    merged.symbol.codes[at] = symbols.length - 1;
    for (const name of ['date', 'window_end', 'bars', 'complete', 'open', 'high', 'low', 'close', 'volume'] as const) {
      merged[name][at] = source[name][row]!;
    }
  }
  return merged;
}

function isBefore(a: SilverColumns, i: number, b: SilverColumns, j: number): boolean {
  const [left, right] = [symbolAt(a, i), symbolAt(b, j)];
  return left === right ? a.date[i]! < b.date[j]! : left < right;
}

function symbolAt({ symbol }: SilverColumns, row: number): string {
  return symbol.values[symbol.codes[row]!]!;
}
