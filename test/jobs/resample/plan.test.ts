import { describe, expect, test } from 'vitest';
import { sessionAt, sessionNumber, sessionsBetween } from '../../../src/calendar/calendar.ts';
import { lakeState } from '../../../src/jobs/resample/lake-state.ts';
import { planInterval } from '../../../src/jobs/resample/window-plan.ts';
import type { SilverCheckpoint } from '../../../src/lake/silver.ts';

const YEAR = sessionsBetween('2024-12-01', '2025-11-19');
const state = (dates: readonly string[], more: Record<string, string> = {}, outside: Record<string, string> = {}) =>
  lakeState({
    sessions: Object.fromEntries(dates.map((date) => [date, { etag: 'e', checksum: more[date] ?? 'c' }])),
    outside,
  });
const checkpoint = (interval: number, of: ReturnType<typeof state>): SilverCheckpoint => ({
  interval,
  last_processed_date: of.newest ?? null,
  last_run_timestamp: null,
  total_records_processed: 0,
  status: 'success',
  sessions: of.text,
  months: Object.fromEntries(YEAR.map((date) => [date.slice(0, 7), 1])),
  splits: {},
  failed: [],
});
const months = new Set(YEAR.map((date) => date.slice(0, 7)));
const incremental = (
  interval: number,
  before: ReturnType<typeof state>,
  now: ReturnType<typeof state>,
  stored = months,
) => planInterval({ interval, mode: 'incremental', state: now, checkpoint: checkpoint(interval, before), stored });

describe('planInterval', () => {
  test('a usual night touches one window and one month file an interval, and reads the sessions of that window', () => {
    const before = state(YEAR.slice(0, -1));
    const night = YEAR.at(-1)!;
    for (const n of [3, 5, 8, 13, 21, 34]) {
      const plan = incremental(n, before, state(YEAR));
      expect([plan.windows.size, plan.months.size, plan.full]).toEqual([1, 1, false]);
      const [window] = [...plan.windows.values()];
      expect(window!.dates.at(-1)).toBe(night);
      expect(sessionNumber(window!.first) % n).toBe(0);
      expect(window!.end).toBe(sessionAt(sessionNumber(window!.first) + n - 1));
      expect(window!.complete).toBe(window!.end === night);
    }
  });

  test('nothing new touches nothing; a correction, a withdrawn session and bars from elsewhere touch their own window', () => {
    const now = state(YEAR);
    const date = YEAR[100]!;
    expect(incremental(5, now, now).windows.size).toBe(0);
    for (const other of [
      state(YEAR, { [date]: 'corrected' }),
      state(YEAR.filter((day) => day !== date)),
      state(YEAR, {}, { [date]: 'f' }),
    ]) {
      for (const plan of [incremental(5, now, other), incremental(5, other, now)]) {
        expect(plan.windows.size).toBe(1);
        expect(plan.windows.keys().next().value! <= date).toBe(true);
      }
    }
  });

  test('a session that lies beyond a gap completes the windows before it', () => {
    const early = YEAR.slice(0, sessionNumber(YEAR[0]!) % 5 === 0 ? 3 : 8);
    const plan = incremental(5, state(early), state([...early, YEAR.at(-1)!]));
    const [old, fresh] = [...plan.windows.values()].sort((a, b) => (a.first < b.first ? -1 : 1));
    expect(plan.windows.size).toBe(2);
    expect(old!.complete).toBe(true);
    expect(fresh!.dates).toEqual([YEAR.at(-1)]);
  });

  test('a month file that is gone is planned whole, one that is there keeps its other windows', () => {
    const before = state(YEAR.slice(0, -1));
    const plan = incremental(3, before, state(YEAR), new Set());
    const [month] = [...plan.months.keys()];
    expect(plan.months.get(month!)).toEqual({ keep: false });
    expect(plan.windows.size).toBeGreaterThan(1);
    expect([...plan.windows.keys()].every((first) => first.startsWith(month!))).toBe(true);
    expect([...incremental(3, before, state(YEAR)).months.values()]).toEqual([{ keep: true }]);
  });

  test('a full plan has every held window once and keeps nothing of the stored files', () => {
    const plan = planInterval({
      interval: 8,
      mode: 'full',
      state: state(YEAR),
      checkpoint: undefined,
      stored: new Set(['1999-01', YEAR[40]!.slice(0, 7)]),
    });
    expect([...plan.windows.values()].flatMap(({ dates }) => dates).sort()).toEqual(YEAR);
    expect([...plan.months.values()].some(({ keep }) => keep)).toBe(false);
  });

  test('sessions before 1990 fall into windows of negative number, each of full length', () => {
    const old = sessionsBetween('1989-12-01', '1990-01-10');
    for (const { first, end } of planInterval({
      interval: 5,
      mode: 'full',
      state: state(old),
      checkpoint: undefined,
      stored: new Set(),
    }).windows.values()) {
      expect(sessionNumber(end) - sessionNumber(first)).toBe(4);
      expect(sessionNumber(first) % 5 === 0).toBe(true);
    }
  });
});
