import { sessionAt, sessionNumber, windowFirst, windowIndex, windowsOfMonth } from '../../calendar/sessions.ts';
import type { LakeState } from './lake-state.ts';
import { differingDates, hasSession } from './session-text.ts';
import type { SilverCheckpoint } from './silver-checkpoint.ts';

/** A window whose bars are made anew. */
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
export function windowsHeld(interval: number, state: LakeState): PlannedWindow[] {
  return [...heldWindows(state.tokens.keys(), interval)].map((index) => planWindow(index, interval, state));
}

/** Pure. Incremental without a checkpoint is full. */
export function planInterval(input: PlanInput): IntervalPlan {
  const { interval, mode, state, checkpoint, stored } = input;
  const full = mode === 'full' || checkpoint === undefined;
  const indexes = full ? heldWindows(state.tokens.keys(), interval) : touchedWindows(interval, state, checkpoint);
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

function heldWindows(dates: Iterable<string>, interval: number): Set<number> {
  const indexes = new Set<number>();
  for (const date of dates) indexes.add(windowIndex(sessionNumber(date), interval));
  return indexes;
}

/** Windows with a session that came, changed or went, and those that the newest session completes or reopens. */
function touchedWindows(interval: number, state: LakeState, checkpoint: SilverCheckpoint): Set<number> {
  const { tokens, text, newest } = state;
  const before = checkpoint.sessions;
  const indexes = heldWindows(differingDates(before, text), interval);
  const last = checkpoint.last_processed_date;
  if (last !== null && newest !== undefined && last !== newest) {
    const [from, to] = [sessionNumber(last), sessionNumber(newest)];
    for (let n = Math.min(from, to) + 1; n <= Math.max(from, to); n++) indexes.add(windowIndex(n, interval));
  }
  // A window without bars, now or then, has no row that could be wrong.
  const held = (date: string) => tokens.has(date) || hasSession(before, date);
  return new Set([...indexes].filter((index) => sessionsOf(index, interval).some(held)));
}

function sessionsOf(index: number, interval: number): string[] {
  return Array.from({ length: interval }, (_, i) => sessionAt(index * interval + i));
}
