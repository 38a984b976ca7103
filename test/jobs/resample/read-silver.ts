import { keys, type Lake, listAll } from '../../../src/lake/lake.ts';
import { decodeRows } from '../../../src/lake/parquet.ts';
import type { NaiveBar } from './naive.ts';

/** Every row of an interval with the month of the file it lies in, in order of file and row. */
export async function readSilver(lake: Lake, n: number): Promise<(NaiveBar & { month: string })[]> {
  const rows: (NaiveBar & { month: string })[] = [];
  for (const { key } of await listAll(lake, keys.silverOf(n))) {
    const [, year, month] = /year=(\d{4})\/month=(\d{2})\/data_\d+d_\1\2\.parquet$/.exec(key)!;
    for (const row of await decodeRows<NaiveBar>((await lake.read(key))!, key, []))
      rows.push({ ...row, month: `${year}-${month}` });
  }
  return rows;
}
