import { corruptFile } from '../columnar/read.ts';
import type { Lake } from '../lake.ts';
import { checkOrder, mergeRows } from './month-rows.ts';
import { decodeSilver, encodeSilver, type SilverColumns } from './silver-columns.ts';

/** Which rows of the stored file stay; undefined = none, so that it need not be decoded. */
export type Keeps = ((symbol: string, day: number) => boolean) | undefined;

/**
 * Writes one month file: the new rows and the stored ones that stay. Unchanged bytes are not written, a month without
 * rows is removed, what is written is read back.
 * @param decoded the stored rows, when the caller has read them already
 * @returns rows in the file, and whether it changed
 * @throws Lake.Corrupt when the stored file cannot be read and rows of it have to stay, or what is read back differs;
 *   Job.Failed when the rows are not in order
 */
export async function writeMonth(
  lake: Lake,
  key: string,
  rows: SilverColumns,
  keeps: Keeps,
  { missing, decoded }: { missing: 'fine' | 'wrong'; decoded?: SilverColumns } = { missing: 'fine' },
): Promise<{ rows: number; written: boolean }> {
  const bytes = await lake.read(key);
  if (!bytes && missing === 'wrong') throw corruptFile(key, 'nothing, although the checkpoint counts rows in it');
  const merged = bytes && keeps ? mergeRows(decoded ?? (await decodeSilver(bytes, key)), keeps, rows) : rows;
  const count = merged.date.length;
  if (count === 0) {
    if (bytes) await lake.remove([key]);
    return { rows: 0, written: bytes !== undefined };
  }
  checkOrder(merged, key);
  const meant = encodeSilver(merged);
  if (bytes && Buffer.compare(bytes, meant) === 0) return { rows: count, written: false };
  await lake.write(key, meant);
  const stored = await lake.read(key);
  if (!stored || Buffer.compare(stored, meant) !== 0) {
    throw corruptFile(key, `${stored?.length ?? 0} bytes read back where ${meant.length} others were written`);
  }
  return { rows: count, written: true };
}
