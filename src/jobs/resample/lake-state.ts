import { calendarFingerprint, sessionNumber, windowIndex } from '../../calendar/calendar.ts';
import { dateOf } from '../../calendar/dates.ts';
import type { SilverCheckpoint } from '../../lake/silver.ts';
import { type PriceSplit, type SplitsList, splitsInForce, splitsText } from '../../lake/splits-list.ts';
import { companyChanges, type SymbolHistory } from '../../lake/symbol-history-file.ts';
import type { ConsolidationCheckpoint, Manifest } from '../consolidate/consolidation-state.ts';

/** What the data files hold, date by date; silver is a function of this. */
export interface LakeState {
  /** Session → a text that changes whenever a bar of that date may have, in date order. */
  tokens: ReadonlyMap<string, string>;
  /** The same as lines, for the checkpoints. */
  text: string;
  /** Sessions of which some bar is in no session file, only in the data files. */
  outside: ReadonlySet<string>;
  /** Newest session held; windows that end by it are complete. */
  newest: string | undefined;
}

/** Enough of a checksum to tell two versions of a session apart; thousands of them stand in every checkpoint. */
const TOKEN_LENGTH = 16;

/** The state behind a consolidation: what was consolidated counts, not what was merely published. */
export function lakeState({ sessions, outside }: Pick<ConsolidationCheckpoint, 'sessions' | 'outside'>): LakeState {
  const dates = [...new Set([...Object.keys(sessions), ...Object.keys(outside)])].sort();
  const token = (date: string) =>
    [sessions[date]?.checksum.slice(0, TOKEN_LENGTH), outside[date]].filter(Boolean).join('+');
  const tokens = new Map(dates.map((date) => [date, token(date)]));
  return {
    tokens,
    text: sessionText(tokens),
    outside: new Set(Object.keys(outside)),
    newest: dates.at(-1),
  };
}

/** Sessions with their tokens as lines, each begun and ended by a line feed, so that a date is found by its line. */
export function sessionText(tokens: ReadonlyMap<string, string>): string {
  let text = '\n';
  for (const [date, token] of tokens) text += `${date} ${token}\n`;
  return text;
}

/** Whether the text has a line for the date. */
export function hasSession(text: string, date: string): boolean {
  return text.includes(`\n${date} `);
}

/**
 * Dates whose line is another in one text than in the other, or only in one. Lines are in date order, and a night
 * changes a few of thousands: nothing is made of those before and behind the first and last difference.
 */
export function differingDates(before: string, now: string): string[] {
  if (before === now) return [];
  const shorter = Math.min(before.length, now.length);
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === now.charCodeAt(start)) start += 1;
  let tail = 0;
  while (
    tail < shorter - start &&
    before.charCodeAt(before.length - 1 - tail) === now.charCodeAt(now.length - 1 - tail)
  )
    tail += 1;
  // Whole lines only: from the feed before the first difference to the one behind the last.
  start = start === 0 ? 0 : now.lastIndexOf('\n', start - 1);
  const old = linesOf(before, start, tail);
  const dates = new Set<string>();
  for (const [date, token] of linesOf(now, start, tail)) {
    if (old.get(date) !== token) dates.add(date);
    old.delete(date);
  }
  return [...dates, ...old.keys()];
}

function linesOf(text: string, start: number, tail: number): Map<string, string> {
  const end = text.indexOf('\n', Math.max(start, text.length - tail));
  const lines = text.slice(start, end < 0 ? text.length : end).split('\n');
  return new Map(lines.filter(Boolean).map((line) => [line.slice(0, 10), line.slice(11)]));
}

/** Everything that N-session bars follow from, besides the calendar. */
export interface Basis {
  state: LakeState;
  /** Symbol → its splits in force. */
  inForce: ReadonlyMap<string, PriceSplit[]>;
  /** Symbol → text of the splits in force. */
  splits: ReadonlyMap<string, string>;
  /** Date of the list they stand in. */
  splitsList: string | undefined;
  /** Symbol → days on which another company took it over. */
  changes: ReadonlyMap<string, number[]>;
  /** Symbol → the same as a text. */
  companies: ReadonlyMap<string, string>;
  /** Symbols whose history is behind their session files. */
  pending: ReadonlySet<string>;
  stored: { has(symbol: string): boolean };
}

/** Pure. */
export function basisOf(
  consolidated: ConsolidationCheckpoint,
  manifest: Manifest,
  list: SplitsList,
  history: SymbolHistory = new Map(),
): Basis {
  const state = lakeState(consolidated);
  const changes = new Map([...companyChanges(history)].filter(([symbol]) => manifest.has(symbol)));
  const inForce = new Map([...splitsInForce(list.splits, state.newest)].filter(([symbol]) => manifest.has(symbol)));
  return {
    state,
    inForce,
    splits: new Map([...inForce].map(([symbol, splits]) => [symbol, splitsText(splits)])),
    splitsList: list.date,
    changes,
    companies: new Map([...changes].map(([symbol, days]) => [symbol, days.map(dateOf).join(' ')])),
    pending: new Set(Object.keys(consolidated.failed ?? {})),
    stored: manifest,
  };
}

/** Pure: symbols whose text in a checkpoint is not the one of now. */
export function differing(before: Readonly<Record<string, string>>, now: ReadonlyMap<string, string>): string[] {
  const then = new Map(Object.entries(before));
  return [...new Set([...then.keys(), ...now.keys()])].filter((symbol) => then.get(symbol) !== now.get(symbol));
}
/** Pure: the checkpoint of an interval whose month files are written. */
export function nextCheckpoint(
  interval: number,
  rows: ReadonlyMap<string, number>,
  { text, tokens, newest }: LakeState,
  manifest: Manifest,
  {
    splits,
    splitsList,
    companies,
    failed,
  }: {
    splits: ReadonlyMap<string, string>;
    splitsList: string | undefined;
    companies: ReadonlyMap<string, string>;
    failed: ReadonlySet<string>;
  },
): SilverCheckpoint {
  let updated: bigint | undefined;
  for (const { lastUpdated } of manifest.values())
    if (updated === undefined || lastUpdated > updated) updated = lastUpdated;
  const months = Object.fromEntries([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    interval,
    last_processed_date: newest ?? null,
    last_run_timestamp: updated === undefined ? null : new Date(Number(updated / 1000n)).toISOString(),
    total_records_processed: Object.values(months).reduce((sum, count) => sum + count, 0),
    status: 'success',
    sessions: text,
    months,
    splits: sorted(splits),
    splits_list: splitsList ?? null,
    ...(companies.size > 0 && { companies: sorted(companies) }),
    calendar: windowsCalendar(interval, tokens.keys().next().value, newest),
    failed: [...failed].sort(),
  };
}

export function sorted(texts: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries([...texts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * What the calendar says about the windows over these sessions. Their numbers are counted from 1990-01-02, so that a
 * closure anywhere between that day and the windows shifts them; one behind the end of the last window, which may lie
 * ahead of today, or before both moves none and is not in it.
 */
export function windowsCalendar(interval: number, oldest: string | undefined, newest: string | undefined) {
  if (oldest === undefined || newest === undefined) return calendarFingerprint(0, 0);
  const index = (session: string) => windowIndex(sessionNumber(session), interval);
  const from = Math.min(0, index(oldest) * interval);
  return calendarFingerprint(from, Math.max(0, (index(newest) + 1) * interval - 1));
}
