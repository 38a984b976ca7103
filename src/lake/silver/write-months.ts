import { readDay } from '../../calendar/dates.ts';
import { isNamed } from '../../errors.ts';
import { inFlight } from '../in-flight.ts';
import { keys } from '../keys.ts';
import type { Lake } from '../lake.ts';
import type { Made, Met } from './make-windows.ts';
import { type Keeps, writeMonth } from './month-file.ts';
import { mergeRows, type Piece, rowsOf } from './month-rows.ts';
import type { Interval, Prepared } from './prepare.ts';
import type { Sheaf } from './sheaf.ts';

/** Month files written or compared at once: enough to keep the disk busy, few enough to stay small. */
const FILES_AT_ONCE = 8;

export interface MonthWork {
  interval: Interval;
  month: string;
}

/** Month files of a pass: those with new rows, those planned, and those where rows of a symbol made anew may lie. Pure. */
export function monthsOf({ intervals, sheaves, apart }: Made, { full, anywhere }: Prepared): MonthWork[] {
  return intervals.flatMap((interval) => {
    const { plan, stored } = interval;
    const months = new Set([...plan.months.keys(), ...(full || anywhere ? stored : [])]);
    for (const sheaf of full ? [] : [...sheaves, ...apart]) {
      for (const [index, slots] of sheaf.slots.months.entries()) {
        const some = sheaf.starts[index]! < sheaf.starts[index + 1]!;
        if (some && slots.interval === plan.interval) months.add(slots.month);
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
  made: Made,
  {
    prepared,
    met,
    signal,
    wrote,
  }: { prepared: Prepared; met: Met; signal?: AbortSignal; wrote: (changed: boolean) => void },
): Promise<void> {
  const pieces = [piecesOf(made.sheaves), piecesOf(made.apart)];
  const write = async ({ interval, month }: MonthWork) => {
    const { plan, rows } = interval;
    const key = keys.silver(plan.interval, month);
    const place = `${plan.interval} ${month}`;
    const [fresh, apart] = pieces.map((found) => rowsOf(found.get(place) ?? [])) as [
      ReturnType<typeof rowsOf>,
      ReturnType<typeof rowsOf>,
    ];
    const all = apart.date.length === 0 ? fresh : mergeRows(fresh, () => true, apart);
    const result = await writeMonth(lake, key, all, keeps(interval, month, prepared, met), {
      missing: prepared.full || !interval.stored.has(month) ? 'fine' : 'wrong',
      decoded: interval.decoded.get(month),
    }).catch((error) => {
      // A full run makes a damaged file anew; only rows that could not be made anew are lost with it.
      if (!prepared.full || !isNamed(error, 'Lake.Corrupt')) throw error;
      return writeMonth(lake, key, all, undefined);
    });
    interval.decoded.delete(month);
    if (result.rows > 0) rows.set(month, result.rows);
    else rows.delete(month);
    wrote(result.written);
  };
  await inFlight(monthsOf(made, prepared), FILES_AT_ONCE, write, signal);
}

function keeps({ plan }: Interval, month: string, { full, whole }: Prepared, { damaged }: Met): Keeps {
  if (full) return damaged.size === 0 ? undefined : (symbol) => damaged.has(symbol);
  // A planned month whose file was lost has every window made anew.
  if (plan.months.get(month)?.keep === false && damaged.size === 0) return undefined;
  const anew = new Set([...plan.windows.keys()].map((first) => readDay(first)!));
  return (symbol, day) => damaged.has(symbol) || !(whole.has(symbol) || anew.has(day));
}

/** `interval month` → the rows of that file in each sheaf that has some. */
function piecesOf(sheaves: readonly Sheaf[]): Map<string, Piece[]> {
  const found = new Map<string, Piece[]>();
  for (const sheaf of sheaves) {
    for (const [index, { interval, month }] of sheaf.slots.months.entries()) {
      const [from, to] = [sheaf.starts[index]!, sheaf.starts[index + 1]!];
      if (from === to) continue;
      const place = `${interval} ${month}`;
      const list = found.get(place);
      if (list) list.push({ sheaf, from, to });
      else found.set(place, [{ sheaf, from, to }]);
    }
  }
  return found;
}
