import { type HistoryRow, historyDate, type Listed, planHistory } from '../../checks/symbol-history.ts';
import { inFlight } from '../../lake/in-flight.ts';
import { dateOfKey, keys } from '../../lake/keys.ts';
import { type Lake, listAll, readJson } from '../../lake/lake.ts';
import { decodeRows, type Row } from '../../lake/parquet.ts';
import type { NightReport } from '../../night/night.ts';
import { columnName } from '../../night/reference-datasets.ts';
import { type Split, splitKey } from '../../records/split.ts';
import type { MemberRow } from '../../warehouse/restore.ts';
import { splitIn } from '../../warehouse/splits.ts';

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
    const report = await readJson<NightReport>(lake, key).catch(() => undefined);
    if (report?.runId && report.completedAt) found.set(key, report);
  });
  return files.flatMap((key) => found.get(key) ?? []);
}
