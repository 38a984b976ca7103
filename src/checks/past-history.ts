import { addDays, readDay } from '../calendar/dates.ts';
import { nextSession, sessionsBetween } from '../calendar/sessions.ts';
import { groupedBy } from '../records/record.ts';
import { type HistoryRow, type Identity, isOther, type Listed, replayHistory } from './symbol-history.ts';

/** A complete list of a day of the past. */
export interface PastList {
  date: string;
  list: readonly Listed[];
}

/** The first list of a night: its day, and who was in it as the lake has it. */
export interface FirstNight {
  until: string;
  list?: readonly Listed[];
}

/** A security that is listed no more, and the last day on which it was traded. */
export interface Delisted extends Listed {
  lastDay: string;
}

/** First and last bar of a symbol between two lists, none of them included. */
export interface BarsBetween {
  first: string;
  last: string;
}

/** What is known of a symbol between the list `after` and the next one. */
export type Evidence = ReadonlyMap<string, BarsBetween>;

export const evidenceKey = (symbol: string, after: string) => `${symbol} ${after}`;

/**
 * Pure: the days on which a list of the past is wanted, oldest first: the first session from `from` on, then the last
 * session of every month, each before the list `until`, which is there.
 */
export function wantedDates(from: string, until: string): string[] {
  const sessions = sessionsBetween(from, addDays(until, -1));
  const ends = sessions.filter((date, place) => date.slice(0, 7) !== (sessions[place + 1] ?? until).slice(0, 7));
  return [...new Set([...sessions.slice(0, 1), ...ends])].sort();
}

/**
 * Pure: what of a history nights have recorded, whatever was put before it: the rows that began before `until`, the
 * first list of a night, are cut off there. So a history that was written half can be made again.
 */
export function nightsPart(stored: readonly HistoryRow[], until: string): HistoryRow[] {
  const rows = stored.flatMap(({ source: _, ...row }): HistoryRow[] => {
    if (row.validFrom > until) return [row];
    if (row.validTo !== null && row.validTo <= until && row.validFrom < until) return [];
    return [{ ...row, validFrom: until, reason: 'first seen' }];
  });
  return [...new Map(rows.map((row) => [`${row.symbol} ${row.validFrom}`, row])).values()];
}

/**
 * Pure: the whole history that lists of the past give together with what nights recorded since `until`. A beginning or an
 * end is dated by the first list that shows it; `datedByEvidence` finds the day between two lists.
 * @param lists oldest first, each before `until`
 * @param first the first list of a night: what the history says of it may know by now who a security of the past was
 */
export function joinedHistory(
  lists: readonly PastList[],
  stored: readonly HistoryRow[],
  { until, list = [] }: FirstNight,
): HistoryRow[] {
  const named = new Map(list.map((one) => [one.symbol, one]));
  const own = nightsPart(stored, until);
  const isOfFirstNight = (row: HistoryRow) => row.validFrom === until && row.validTo !== until;
  const first = new Map(own.filter(isOfFirstNight).map((row) => [row.symbol, row]));
  const dated = [
    ...lists.map(({ date, list }) => [date, list] as const),
    [until, [...first.values()].map((row) => named.get(row.symbol) ?? row)] as const,
  ];
  const past = replayHistory([], dated).map((row): HistoryRow => {
    const goesOn = row.validTo === null ? first.get(row.symbol) : undefined;
    const { symbol, validFrom, reason } = row;
    return { ...row, ...goesOn, symbol, validFrom, reason };
  });
  // What the first night saw is in them, but for a row that its second list took back.
  const there = new Set(past.map(({ symbol, validFrom }) => `${symbol} ${validFrom}`));
  const rest = own.filter((row) => !isOfFirstNight(row) && !there.has(`${row.symbol} ${row.validFrom}`));
  return [...past, ...rest].map((row) => (row.validFrom < until ? { ...row, source: 'backfill' } : row));
}

/** A symbol between a list and the next one. */
interface Gap {
  symbol: string;
  after: string;
  before: string;
}

/** Pure: what is to be looked for between two lists: beginnings and ends, and securities that came and went. */
export function openDates(
  rows: readonly HistoryRow[],
  { dates, delisted }: { dates: readonly string[]; delisted: readonly Delisted[] },
): Gap[] {
  const listBefore = listsBefore(dates);
  const found = new Map<string, Gap>();
  const add = (symbol: string, before: string | null | undefined) => {
    const after = listBefore.get(before ?? '');
    if (after !== undefined) found.set(evidenceKey(symbol, after), { symbol, after, before: before! });
  };
  for (const { symbol, validFrom, validTo } of rows) {
    add(symbol, validFrom);
    add(symbol, validTo);
  }
  for (const { symbol, lastDay } of delisted) add(symbol, listBehind(dates, lastDay));
  return [...found.values()];
}

/** Day of a list → that of the list before it. */
function listsBefore(dates: readonly string[]): Map<string, string> {
  return new Map(dates.slice(1).map((date, place) => [date, dates[place]!]));
}

/** The first list after a day, where another one is before it. */
function listBehind(dates: readonly string[], day: string): string | undefined {
  const [first = ''] = dates;
  return day < first ? undefined : dates.find((date) => date > day);
}

/**
 * Pure: the same history with each beginning and end on its day, as far as that is known: a symbol begins with its first bar
 * after the last list without it, and ends behind its last bar or the day on which the vendor says it was last traded.
 * Without either it is dated by the list.
 * @param dates days of the lists, oldest first, with the first night's at the end
 */
export function datedByEvidence(
  rows: readonly HistoryRow[],
  { dates, bars, delisted }: { dates: readonly string[]; bars: Evidence; delisted: readonly Delisted[] },
): HistoryRow[] {
  const listBefore = listsBefore(dates);
  const gone = new Map<string, Delisted[]>();
  for (const one of delisted) gone.set(one.symbol, [...(gone.get(one.symbol) ?? []), one]);
  const begun = new Set(rows.map(({ symbol, validFrom }) => `${symbol} ${validFrom}`));
  const sorted = [...rows].sort((a, b) =>
    a.symbol === b.symbol ? (a.validFrom < b.validFrom ? -1 : 1) : a.symbol < b.symbol ? -1 : 1,
  );
  let last: HistoryRow | undefined;
  const dated = sorted.map((row) => {
    const free = last?.symbol === row.symbol ? (last.validTo ?? '') : '';
    const own = { ...row };
    const start = listBefore.get(row.validFrom);
    if (start !== undefined) own.validFrom = beginningIn(row, bars.get(evidenceKey(row.symbol, start)), free);
    const end = row.validTo === null ? undefined : listBefore.get(row.validTo);
    if (end !== undefined) {
      // Between two lists a bar may be of the company that took the symbol over.
      const isTaken = begun.has(`${row.symbol} ${row.validTo}`);
      const traded = isTaken ? undefined : bars.get(evidenceKey(row.symbol, end))?.last;
      const said = (gone.get(row.symbol) ?? []).filter((one) => one.lastDay >= end && !isOther(row, one));
      const known = [traded ?? '', ...said.map(({ lastDay }) => lastDay)]
        .filter((date) => date < row.validTo!)
        .sort()
        .at(-1);
      if (known) own.validTo = [nextSession(known), row.validTo!].sort()[0]!;
    }
    if (own.validFrom < row.validFrom) own.source = 'backfill';
    last = own;
    return own;
  });
  const all = [...dated, ...betweenLists(dated, { dates, bars, delisted })];
  // A vendor may name a delisted security twice.
  return [...new Map(all.map((row) => [`${row.symbol} ${row.validFrom}`, row])).values()];
}

/**
 * Securities that no list names, because they came and went between two of them: the vendor knows their last day, and
 * bars the first one. Without a bar nobody knows when they began, and they are left out.
 */
function betweenLists(
  rows: readonly HistoryRow[],
  { dates, bars, delisted }: { dates: readonly string[]; bars: Evidence; delisted: readonly Delisted[] },
): HistoryRow[] {
  const listBefore = listsBefore(dates);
  const bySymbol = groupedBy(rows, ({ symbol }) => symbol);
  return delisted.flatMap(({ lastDay, ...identity }): HistoryRow[] => {
    const after = listBefore.get(listBehind(dates, lastDay) ?? '');
    const found = after === undefined ? undefined : bars.get(evidenceKey(identity.symbol, after));
    if (!found || found.first > lastDay) return [];
    const [validFrom, validTo] = [found.first, nextSession(lastDay)];
    const others = bySymbol.get(identity.symbol) ?? [];
    if (others.some((row) => row.validFrom < validTo && (row.validTo ?? '9') > validFrom)) return [];
    const reason = others.some((row) => row.validFrom < validFrom) ? 'listed again' : 'listed';
    return [{ ...identity, validFrom, validTo, reason, ending: 'no longer listed', source: 'backfill' }];
  });
}

function beginningIn({ validFrom }: HistoryRow, found: BarsBetween | undefined, free: string): string {
  if (!found) return validFrom;
  if (found.first >= free) return found.first;
  // Its first bars are of the company before it.
  return found.last >= free ? free : validFrom;
}

/** Pure: rows to write so that the table holds `wanted` instead of `stored`; one that goes ends where it begins. */
export function historyChanges(stored: readonly HistoryRow[], wanted: readonly HistoryRow[]): HistoryRow[] {
  const key = ({ symbol, validFrom }: HistoryRow) => `${symbol} ${validFrom}`;
  const before = new Map(stored.map((row) => [key(row), row]));
  const after = new Map(wanted.map((row) => [key(row), row]));
  const written = wanted.filter((row) => !isSameRow(before.get(key(row)), row));
  const gone = stored.filter((row) => !after.has(key(row)));
  return [...written, ...gone.map((row) => ({ ...row, validTo: row.validFrom, reason: 'taken out' }))];
}

const FIELDS = ['figi', 'shareClassFigi', 'assetId', 'validTo', 'reason', 'ending', 'source'] as const;

function isSameRow(a: HistoryRow | undefined, b: HistoryRow): boolean {
  return a !== undefined && FIELDS.every((field) => (a[field] ?? null) === (b[field] ?? null));
}

/** Pure: whether a list can be whole beside the next newer one of its market: neither mutilated nor of another market. */
export function isLikeNeighbour(rows: number, newer: number): boolean {
  return newer < SMALL || (rows >= newer * 0.8 && rows <= newer * 1.25);
}

/** Below so many rows one listing more or less is a large share. */
const SMALL = 20;

/** Who a vendor's row of a delisted security is; undefined where it does not say when that was. Pure. */
export function delistedOf(
  identity: Identity & { symbol: string },
  delistedUtc: string | undefined,
): Delisted | undefined {
  const lastDay = /^\d{4}-\d{2}-\d{2}/.exec(delistedUtc ?? '')?.[0];
  return lastDay === undefined || readDay(lastDay) === undefined ? undefined : { ...identity, lastDay };
}
