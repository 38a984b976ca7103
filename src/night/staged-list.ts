import { NamedError } from '../errors.ts';
import { keys } from '../lake/keys.ts';
import { type Lake, readJson } from '../lake/lake.ts';
import { encodeRows } from '../lake/parquet.ts';
import type { Rejected } from '../records/rejected.ts';
import type { Cursor } from '../tables/runs.ts';
import { columnName, FIELDS, snapshotColumns } from './reference-datasets.ts';
import type { ReferenceSource, StagedPage } from './reference-source.ts';

/** All staged pages as one list by key; what two pages name is kept once, the second is said. */
export async function stagedList<T extends object>(
  { dataset, keyOf, settle }: ReferenceSource<T>,
  cursor: Cursor,
  lake: Lake,
): Promise<Required<StagedPage<T>>> {
  const byKey = new Map<string, T>();
  const rejected: Rejected[] = [];
  const leftOut: string[] = [];
  const unknown = new Set<string>();
  for (let page = 1; page <= cursor.page; page += 1) {
    const key = keys.stagedPage(dataset, cursor.syncId, page);
    const staged = await readJson<StagedPage<T>>(lake, key);
    // A list with a page missing would make its symbols vanish.
    if (!staged) throw new NamedError('Lake.Corrupt', { what: `${key} is gone`, wanted: 'every page of the list' });
    rejected.push(...staged.rejected);
    leftOut.push(...(staged.leftOut ?? []));
    for (const field of staged.unknownFields ?? []) unknown.add(field);
    for (const record of staged.records) {
      const name = keyOf(record);
      if (!byKey.has(name)) byKey.set(name, record);
      else rejected.push({ symbol: name, reason: 'duplicate row', row: record });
    }
  }
  const records = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
  const settled = settle?.(records) ?? { records, rejected: [] };
  const unknownFields = [...unknown].sort();
  return { records: settled.records, rejected: [...rejected, ...settled.rejected], leftOut, unknownFields };
}

/** `reference/{dataset}/date=….parquet` with the columns of FIELDS. */
export function snapshotFile(
  records: readonly object[],
  { dataset, session }: { dataset: string; session: string },
): [string, Uint8Array][] {
  const fields = ['symbol', ...Object.keys(FIELDS[dataset]!)];
  const rows = (records as Record<string, unknown>[]).map((values) =>
    Object.fromEntries(fields.map((field) => [columnName(field), cell(values[field])])),
  );
  return [[keys.snapshot(dataset, session), encodeRows(snapshotColumns(dataset), rows)]];
}

function cell(value: unknown): unknown {
  return Array.isArray(value) ? value.join(',') : (value ?? null);
}
