import { dateOfKey, keys, type Lake, listAll } from '../lake/lake.ts';
import { type Column, type ColumnType, decodeRows, encodeRows, type Row } from '../lake/parquet.ts';
import { statement } from '../text.ts';
import type { Warehouse } from '../warehouse/client.ts';
import sql from '../warehouse/reference.sql';

const listEvidenceSql = statement(sql, 'list-evidence');

/** Every field of a list's records after `symbol`, with its column type in the dated snapshots. */
export type Fields = Readonly<Record<string, ColumnType>>;

/** `primaryExchange` in items is `primary_exchange` in SQL. */
export function columnName(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Columns of `reference/{dataset}/date=….parquet`, in snake case. */
export function columnsOf(fields: Fields): Column[] {
  return [
    { name: 'symbol', type: 'text' },
    ...Object.entries(fields).map(([field, type]) => ({ name: columnName(field), type, nullable: true })),
  ];
}

/** `reference/{dataset}/date=….parquet` of a list's records. */
export function snapshotFile(
  records: readonly object[],
  { dataset, fields, session }: { dataset: string; fields: Fields; session: string },
): [string, Uint8Array][] {
  const names = ['symbol', ...Object.keys(fields)];
  const rows = (records as Record<string, unknown>[]).map((values) =>
    Object.fromEntries(names.map((field) => [columnName(field), cell(values[field])])),
  );
  return [[keys.snapshot(dataset, session), encodeRows(columnsOf(fields), rows)]];
}

function cell(value: unknown): unknown {
  return Array.isArray(value) ? value.join(',') : (value ?? null);
}

/** Rows of a snapshot under the names that records have; what is null is left out, as records do. */
export function recordsOf(rows: readonly Row[], fields: Fields): Record<string, unknown>[] {
  const names = ['symbol', ...Object.keys(fields)];
  return rows.map((row) => {
    const values = names.map((field) => [field, row[columnName(field)]] as const);
    return Object.fromEntries(values.filter(([, value]) => value !== null && value !== undefined));
  });
}

/** Dates of a dataset's lists, oldest first. */
export async function listDates(lake: Lake, dataset: string): Promise<string[]> {
  const entries = await listAll(lake, `reference/${dataset}/date=`);
  return entries.map(({ key }) => dateOfKey(key) ?? '').filter(Boolean);
}

/** @throws Lake.Corrupt */
export async function readList(lake: Lake, dataset: string, date: string): Promise<Row[]> {
  const key = keys.snapshot(dataset, date);
  return decodeRows((await lake.read(key)) ?? new Uint8Array(), key, ['symbol']);
}

/** Rows of the newest list; none where no list was ever stored. @throws Lake.Corrupt */
export async function readNewestList(lake: Lake, dataset: string): Promise<Row[]> {
  const date = (await listDates(lake, dataset)).at(-1);
  return date === undefined ? [] : readList(lake, dataset, date);
}

/**
 * Dates of the lists that brought the rows of the newest list, by key, as nights have them in `first_seen`: a row in the
 * place of one that its list has no longer is that one corrected, and keeps its date. Each list is read once.
 * @throws Lake.Corrupt
 */
export async function firstSeen(
  lake: Lake,
  dataset: string,
  { keyOf, placeOf }: { keyOf: (row: Row) => string; placeOf: (row: Row) => string },
): Promise<Map<string, string>> {
  let before = new Map<string, { date: string; place: string }>();
  for (const date of await listDates(lake, dataset)) {
    const rows = (await readList(lake, dataset, date)).map((row) => ({ key: keyOf(row), place: placeOf(row) }));
    const listed = new Set(rows.map(({ key }) => key));
    const left = new Map<string, string>();
    for (const [key, gone] of before) {
      if (listed.has(key)) continue;
      const other = left.get(gone.place);
      if (other === undefined || gone.date < other) left.set(gone.place, gone.date);
    }
    before = new Map(
      rows.map(({ key, place }) => [key, before.get(key) ?? { place, date: left.get(place) ?? date }] as const),
    );
  }
  return new Map([...before].map(([key, { date }]) => [key, date]));
}

/** First and last session that a list's sync was complete for, by task. */
export type Evidence = ReadonlyMap<string, { first: string; last: string }>;

export async function readEvidence(warehouse: Warehouse): Promise<Evidence> {
  const rows = await warehouse.query(listEvidenceSql);
  return new Map(
    rows.map((row) => [String(row.task_name), { first: String(row.first_session), last: String(row.last_session) }]),
  );
}

/** The newest list by date; undefined when a later sync brought one for an older session, which says more. */
export async function lastList(lake: Lake, dataset: string, evidence: Evidence): Promise<string | undefined> {
  const newest = (await listDates(lake, dataset)).at(-1);
  const known = evidence.get(`sync-${dataset}`);
  return known === undefined || known.last === newest ? newest : undefined;
}
