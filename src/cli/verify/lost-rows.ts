import { type HistoryRow, historyDate, type Listed, planHistory } from '../../checks/symbol-history.ts';
import { inFlight } from '../../concurrency.ts';
import { INDEX } from '../../datasets/index-members.ts';
import { columnName } from '../../datasets/registry.ts';
import { dateOfKey, keys, type Lake, listAll } from '../../lake/lake.ts';
import { decodeRows, type Row } from '../../lake/parquet.ts';
import { readReport } from '../../lake/reports.ts';
import { SYMBOL_LISTS } from '../../lake/revisions.ts';
import { contentHash } from '../../records/record.ts';
import type { NightReport } from '../../records/run.ts';
import { type Split, splitKey } from '../../records/split.ts';
import { statement } from '../../text.ts';
import type { Warehouse } from '../../warehouse/client.ts';
import sql from '../../warehouse/reference.sql';
import {
  knownRuns,
  type MemberRow,
  readHistory,
  splitIn,
  storedMembers,
  storedSplits,
} from '../../warehouse/reference.ts';

const listEvidenceSql = statement(sql, 'list-evidence');

const READERS = 16;

/** Dates of a dataset's lists, oldest first. */
export async function listDates(lake: Lake, dataset: string): Promise<string[]> {
  const entries = await listAll(lake, `reference/${dataset}/date=`);
  return entries.map(({ key }) => dateOfKey(key) ?? '').filter(Boolean);
}

export async function readList(lake: Lake, dataset: string, date: string): Promise<Row[]> {
  const key = keys.snapshot(dataset, date);
  return decodeRows((await lake.read(key)) ?? new Uint8Array(), key, ['symbol']);
}

/** Splits of one list. */
export async function listedSplits(lake: Lake, date: string): Promise<Split[]> {
  return (await readList(lake, 'splits', date)).map(splitIn);
}

/** Which list brought a split first, by splitKey. */
export async function firstSeenSplits(lake: Lake): Promise<Map<string, string>> {
  const first = new Map<string, string>();
  for (const date of await listDates(lake, 'splits')) {
    for (const split of await listedSplits(lake, date)) {
      if (!first.has(splitKey(split))) first.set(splitKey(split), date);
    }
  }
  return first;
}

/** Every membership that the index' lists tell of. */
export async function listedMembers(lake: Lake): Promise<MemberRow[]> {
  const dates = await listDates(lake, 'index_members');
  const lists = new Map<string, string[]>();
  await inFlight(dates, READERS, async (date) => {
    lists.set(
      date,
      (await readList(lake, 'index_members', date)).map(({ symbol }) => String(symbol)),
    );
  });
  return membershipsOf(dates.map((date) => [date, lists.get(date)!]));
}

/** Pure: from the first list that names a symbol to the first that does not. Lists in order of date. */
export function membershipsOf(lists: readonly (readonly [date: string, symbols: readonly string[]])[]): MemberRow[] {
  const open = new Map<string, string>();
  const ended: MemberRow[] = [];
  for (const [date, symbols] of lists) {
    const now = new Set(symbols);
    for (const [symbol, validFrom] of open) {
      if (now.has(symbol)) continue;
      ended.push({ symbol, validFrom, validTo: date });
      open.delete(symbol);
    }
    for (const symbol of now) if (!open.has(symbol)) open.set(symbol, date);
  }
  return [...ended, ...[...open].map(([symbol, validFrom]) => ({ symbol, validFrom, validTo: null }))];
}

/** Who a row of a list is, as the sync of that list says. */
export function identityOf(row: Row): Listed {
  const text = (field: string) => (row[columnName(field)] ? String(row[columnName(field)]) : undefined);
  const [figi, shareClassFigi, assetId] = [text('compositeFigi'), text('shareClassFigi'), text('id')];
  return {
    symbol: String(row.symbol),
    ...(figi && { figi }),
    ...(shareClassFigi && { shareClassFigi }),
    ...(assetId && { assetId }),
  };
}

/** Pure: the history that lists give one after another, on top of the newest row of each symbol from before them. */
export function replayHistory(
  before: readonly HistoryRow[],
  lists: readonly (readonly [date: string, list: readonly Listed[]])[],
): HistoryRow[] {
  const latest = new Map(before.map((row) => [row.symbol, row]));
  const rows = new Map<string, HistoryRow>();
  for (const [session, list] of lists) {
    const known = [...latest.values()];
    const date = historyDate(known, session);
    for (const row of planHistory(known, list, { date, isFirst: latest.size === 0 })) {
      rows.set(`${row.symbol} ${row.validFrom}`, row);
      latest.set(row.symbol, row);
    }
  }
  return [...rows.values()];
}

/** The reports of runs that were closed, in order of key. */
export async function closedRuns(lake: Lake): Promise<NightReport[]> {
  const files = (await listAll(lake, 'reports/date='))
    .map(({ key }) => key)
    .filter((key) => /\/(night|run=[^/]*)\.json$/.test(key));
  const found = new Map<string, NightReport>();
  await inFlight(files, READERS, async (key) => {
    const report = await readReport(lake, key).catch(() => undefined);
    if (report) found.set(key, report);
  });
  return files.flatMap((key) => found.get(key) ?? []);
}

/** What the lake has for a table, and what of it the table lacks. */
export interface Lost<T> {
  listed: number;
  lost: T[];
}

/** First and last session that a list's sync was complete for, by task. */
type Evidence = ReadonlyMap<string, { first: string; last: string }>;

async function readEvidence(warehouse: Warehouse): Promise<Evidence> {
  const rows = await warehouse.query(listEvidenceSql);
  return new Map(
    rows.map((row) => [String(row.task_name), { first: String(row.first_session), last: String(row.last_session) }]),
  );
}

/** The newest list by date; undefined when a later sync brought one for an older session, which says more. */
async function lastList(lake: Lake, dataset: string, evidence: Evidence): Promise<string | undefined> {
  const newest = (await listDates(lake, dataset)).at(-1);
  const known = evidence.get(`sync-${dataset}`);
  return known === undefined || known.last === newest ? newest : undefined;
}

/** Runs that left a report: the ledger has them too. */
export async function lostRuns(lake: Lake, warehouse: Warehouse): Promise<Lost<NightReport>> {
  const runs = await closedRuns(lake);
  const ids = runs.map(({ runId }) => runId);
  const known = await knownRuns(warehouse, ids);
  return { listed: runs.length, lost: runs.filter(({ runId }) => !known.has(runId)) };
}

export async function lostSplits(lake: Lake, warehouse: Warehouse): Promise<Lost<Split>> {
  const newest = await lastList(lake, 'splits', await readEvidence(warehouse));
  const listed = newest === undefined ? [] : await listedSplits(lake, newest);
  const stored = new Map((await storedSplits(warehouse)).map((split) => [splitKey(split), split]));
  const lost = listed.filter((split) => {
    const row = stored.get(splitKey(split));
    return row === undefined || contentHash(row) !== contentHash(split);
  });
  return { listed: listed.length, lost };
}

/** Every membership of the symbols that lack one. */
export async function lostMemberships(lake: Lake, warehouse: Warehouse): Promise<Lost<MemberRow>> {
  const listed = await listedMembers(lake);
  const lacking = new Set(lostMembers(listed, await storedMembers(warehouse, INDEX)).map(({ symbol }) => symbol));
  return { listed: listed.length, lost: listed.filter(({ symbol }) => lacking.has(symbol)) };
}

/** Pure: memberships the table lacks. It may know of a time before the oldest list that is left. */
export function lostMembers(listed: readonly MemberRow[], stored: readonly MemberRow[]): MemberRow[] {
  const first = listed.map(({ validFrom }) => validFrom).sort()[0] ?? '';
  const key = ({ symbol, validFrom, validTo }: MemberRow) => {
    return `${symbol} ${validFrom < first ? first : validFrom} ${validTo ?? ''}`;
  };
  const known = new Set(stored.map(key));
  return listed.filter((one) => !known.has(key(one)));
}

/** Datasets whose history of symbols lacks something, and what. */
export async function lostHistories(lake: Lake, warehouse: Warehouse): Promise<Lost<[dataset: string, what: string]>> {
  const evidence = await readEvidence(warehouse);
  const lost: [string, string][] = [];
  let symbols = 0;
  for (const dataset of SYMBOL_LISTS) {
    const newest = await lastList(lake, dataset, evidence);
    const listed = newest === undefined ? [] : await readList(lake, dataset, newest);
    const stored = await readHistory(warehouse, dataset);
    symbols += stored.length;
    const open = new Set(stored.filter(({ validTo }) => validTo === null).map(({ symbol }) => symbol));
    const lacking = listed.filter(({ symbol }) => !open.has(String(symbol))).length;
    const begins = stored.map(({ validFrom }) => validFrom).sort()[0];
    const first = evidence.get(`sync-${dataset}`)?.first ?? '9999';
    if (lacking > 0) lost.push([dataset, `${lacking} symbols of the list of ${newest} have no open row`]);
    else if (begins !== undefined && begins > first && (await listDates(lake, dataset)).includes(first))
      lost.push([dataset, `begins ${begins}, the first list is of ${first}`]);
  }
  return { listed: symbols, lost };
}
