import { sessionAt, sessionNumber, windowFirst, windowIndex, windowsOfMonth } from '../../calendar/calendar.ts';
import { readDay } from '../../calendar/dates.ts';
import type { SilverCheckpoint } from '../../lake/silver.ts';
import { differingDates, hasSession, type LakeState } from './lake-state.ts';

/** A window whose bars are rebuilt. */
export interface PlannedWindow {
  /** First and last session by the calendar. */
  first: string;
  end: string;
  complete: boolean;
  /** Its sessions that have bars. */
  dates: string[];
}

/** What one interval's run reads and writes; known from the calendar before any bar is read. */
export interface IntervalPlan {
  interval: number;
  full: boolean;
  /** By first session. */
  windows: Map<string, PlannedWindow>;
  /** Month files to write (YYYY-MM) → whether the old file's other windows stay. */
  months: Map<string, { keep: boolean }>;
}

export interface PlanInput {
  interval: number;
  mode: 'full' | 'incremental';
  state: LakeState;
  checkpoint: SilverCheckpoint | undefined;
  /** Months that have a sound file. */
  stored: ReadonlySet<string>;
}

/** Every window with bars, in any order: what the history of a symbol can fall into. Pure. */
export function allWindows(interval: number, state: LakeState): PlannedWindow[] {
  return [...windowsWithBars(state.tokens.keys(), interval)].map((index) => planWindow(index, interval, state));
}

/** Pure. Incremental without a checkpoint is full. */
export function planInterval(input: PlanInput): IntervalPlan {
  const { interval, mode, state, checkpoint, stored } = input;
  const full = mode === 'full' || checkpoint === undefined;
  const indexes = full ? windowsWithBars(state.tokens.keys(), interval) : touchedWindows(interval, state, checkpoint);
  const months = new Map<string, { keep: boolean }>();
  for (const index of indexes) {
    const month = windowFirst(index, interval).slice(0, 7);
    months.set(month, { keep: !full && stored.has(month) });
  }
  for (const [month, { keep }] of months) {
    // A month file that is gone or damaged is made whole again, not only where it changed.
    if (!full && !keep) for (const index of windowsOfMonth(month, interval)) indexes.add(index);
  }
  const windows = new Map<string, PlannedWindow>();
  for (const index of indexes) {
    const window = planWindow(index, interval, state);
    windows.set(window.first, window);
  }
  return { interval, full, windows, months };
}

function planWindow(index: number, interval: number, { tokens, newest }: LakeState): PlannedWindow {
  const sessions = sessionsOf(index, interval);
  const end = sessions.at(-1)!;
  return {
    first: sessions[0]!,
    end,
    complete: newest !== undefined && end <= newest,
    dates: sessions.filter((date) => tokens.has(date)),
  };
}

function windowsWithBars(dates: Iterable<string>, interval: number): Set<number> {
  const indexes = new Set<number>();
  for (const date of dates) indexes.add(windowIndex(sessionNumber(date), interval));
  return indexes;
}

/** Windows with a session that came, changed or went, and those that the newest session completes or reopens. */
function touchedWindows(interval: number, state: LakeState, checkpoint: SilverCheckpoint): Set<number> {
  const { tokens, text, newest } = state;
  const before = checkpoint.sessions;
  const indexes = windowsWithBars(differingDates(before, text), interval);
  const last = checkpoint.last_processed_date;
  if (last !== null && newest !== undefined && last !== newest) {
    const [from, to] = [sessionNumber(last), sessionNumber(newest)];
    for (let n = Math.min(from, to) + 1; n <= Math.max(from, to); n++) indexes.add(windowIndex(n, interval));
  }
  // A window without bars, now or then, has no row that could be wrong.
  const stored = (date: string) => tokens.has(date) || hasSession(before, date);
  return new Set([...indexes].filter((index) => sessionsOf(index, interval).some(stored)));
}

function sessionsOf(index: number, interval: number): string[] {
  return Array.from({ length: interval }, (_, i) => sessionAt(index * interval + i));
}

/** The windows of one month file, as places in a numbering. */
export interface MonthWindows {
  interval: number;
  /** YYYY-MM */
  month: string;
  /** First place, and the one after the last. */
  from: number;
  to: number;
}

/** Windows numbered in order of interval, month and date. Plain arrays, so that threads can have it, too. */
export interface WindowTable {
  intervals: number[];
  months: MonthWindows[];
  /** Days since 1970. */
  first: Int32Array;
  end: Int32Array;
  complete: Uint8Array;
  /** Window → its place in `months`. */
  monthOf: Int32Array;
  /** Days since 1970; where the tables begin. */
  firstDay: number;
  /** Of each interval: day - firstDay → the number of the window the day's bars go to, or -1, as in the last entry. */
  tables: Int32Array[];
  /** Day - firstDay → whether a bar of that day goes to some window. */
  cover: Uint8Array;
}

type Plans = readonly (readonly [interval: number, windows: Iterable<PlannedWindow>])[];

/** Pure. */
export function numberWindows(plans: Plans): WindowTable {
  const windows: PlannedWindow[] = [];
  const months: MonthWindows[] = [];
  for (const [interval, planned] of plans) {
    for (const window of [...planned].sort((a, b) => (a.first < b.first ? -1 : 1))) {
      const month = window.first.slice(0, 7);
      let last = months.at(-1);
      if (last?.interval !== interval || last.month !== month) {
        last = { interval, month, from: windows.length, to: windows.length };
        months.push(last);
      }
      windows.push(window);
      last.to = windows.length;
    }
  }
  const monthOf = new Int32Array(windows.length);
  for (const [place, { from, to }] of months.entries()) monthOf.fill(place, from, to);
  const numbered = {
    monthOf,
    intervals: plans.map(([interval]) => interval),
    months,
    first: Int32Array.from(windows, ({ first }) => readDay(first)!),
    end: Int32Array.from(windows, ({ end }) => readDay(end)!),
    complete: Uint8Array.from(windows, ({ complete }) => Number(complete)),
  };
  return { ...numbered, ...tablesOf(numbered, plans) };
}

/** The same numbers, but bars go to these windows only. Pure. */
export function narrowedTo(table: WindowTable, plans: Plans): WindowTable {
  return { ...table, ...tablesOf(table, plans) };
}

function tablesOf({ months, first }: Pick<WindowTable, 'months' | 'first'>, plans: Plans) {
  const numbers = new Map<string, number>();
  for (const { interval, from, to } of months)
    for (let number = from; number < to; number++) numbers.set(`${interval} ${first[number]}`, number);
  // Every date stands in a window of each interval, and reading it as a day takes longer than looking it up.
  const dayOf = new Map<string, number>();
  for (const [, windows] of plans)
    for (const { dates } of windows) for (const date of dates) if (!dayOf.has(date)) dayOf.set(date, readDay(date)!);
  // A loop, because a spread of so many arguments is an error.
  let [firstDay, end] = dayOf.size === 0 ? [0, 0] : [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
  for (const day of dayOf.values()) {
    firstDay = Math.min(firstDay, day);
    end = Math.max(end, day + 1);
  }
  const cover = new Uint8Array(end - firstDay + 1);
  const tables = plans.map(([interval, windows]) => {
    const table = new Int32Array(end - firstDay + 1).fill(-1);
    for (const window of windows) {
      const number = numbers.get(`${interval} ${readDay(window.first)}`)!;
      for (const date of window.dates) {
        table[dayOf.get(date)! - firstDay] = number;
        cover[dayOf.get(date)! - firstDay] = 1;
      }
    }
    return table;
  });
  return { firstDay, tables, cover };
}
