import { readDay } from '../../calendar/dates.ts';
import type { PlannedWindow } from './plan.ts';

/** The windows of one month file, as places in a numbering. */
export interface MonthSlots {
  interval: number;
  /** YYYY-MM */
  month: string;
  /** First place, and the one after the last. */
  from: number;
  to: number;
}

/** Windows numbered in order of interval, month and date. */
export interface Slots {
  windows: PlannedWindow[];
  months: MonthSlots[];
  interval: Int32Array;
  /** Days since 1970. */
  first: Int32Array;
  end: Int32Array;
  complete: Uint8Array;
  /** Slot → index into `months`. */
  monthOf: Int32Array;
  /** Days since 1970; where the tables begin. */
  firstDay: number;
  /** Of each interval: day - firstDay → the slot of the window the day's bars go to, or -1, as in the last entry. */
  tables: Int32Array[];
  /** Day - firstDay → in how many of the tables it has a slot. */
  cover: Uint8Array;
}

/** Pure. */
export function numberSlots(plans: Iterable<readonly [interval: number, windows: Iterable<PlannedWindow>]>): Slots {
  const windows: PlannedWindow[] = [];
  const months: MonthSlots[] = [];
  const intervals: number[] = [];
  for (const [interval, planned] of plans) {
    for (const window of [...planned].sort((a, b) => (a.first < b.first ? -1 : 1))) {
      const month = window.first.slice(0, 7);
      let last = months.at(-1);
      if (last?.interval !== interval || last.month !== month) {
        last = { interval, month, from: windows.length, to: windows.length };
        months.push(last);
      }
      windows.push(window);
      intervals.push(interval);
      last.to = windows.length;
    }
  }
  const monthOf = new Int32Array(windows.length);
  for (const [index, { from, to }] of months.entries()) monthOf.fill(index, from, to);
  return {
    ...tablesOf(windows, intervals),
    windows,
    months,
    interval: Int32Array.from(intervals),
    first: Int32Array.from(windows, ({ first }) => readDay(first)!),
    end: Int32Array.from(windows, ({ end }) => readDay(end)!),
    complete: Uint8Array.from(windows, ({ complete }) => Number(complete)),
    monthOf,
  };
}

function tablesOf(windows: readonly PlannedWindow[], intervals: readonly number[]) {
  // Every date stands in a window of each interval, and reading it as a day takes longer than looking it up.
  const dayOf = new Map<string, number>();
  for (const { dates } of windows) for (const date of dates) if (!dayOf.has(date)) dayOf.set(date, readDay(date)!);
  // A loop, because a spread of so many arguments is an error.
  let [firstDay, end] = dayOf.size === 0 ? [0, 0] : [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  for (const day of dayOf.values()) {
    firstDay = Math.min(firstDay, day);
    end = Math.max(end, day + 1);
  }
  const some = [...new Set(intervals)];
  const byInterval = new Map(some.map((interval) => [interval, new Int32Array(end - firstDay + 1).fill(-1)]));
  const cover = new Uint8Array(end - firstDay + 1);
  for (const [slot, { dates }] of windows.entries()) {
    const table = byInterval.get(intervals[slot]!)!;
    for (const date of dates) {
      const place = dayOf.get(date)! - firstDay;
      table[place] = slot;
      cover[place]!++;
    }
  }
  return { firstDay, tables: [...byInterval.values()], cover };
}
