import { isNamed } from '../../errors.ts';
import { type Text, textOf } from '../columnar/column-data.ts';
import { encodeColumns } from '../columnar/encode.ts';
import { readColumns } from '../columnar/read.ts';
import { keys } from '../keys.ts';
import { type Lake, replace } from '../lake.ts';
import type { Column } from '../parquet.ts';

const COLUMNS: readonly Column[] = [
  { name: 'symbol', type: 'text' },
  { name: 'date', type: 'text' },
  { name: 'bytes', type: 'bigint' },
  { name: 'deleted_at', type: 'timestamp' },
  { name: 'run_id', type: 'text' },
];
/** A clean-up is remembered for so long. */
const REMEMBERED_MICROS = 400n * 86_400_000_000n;
const TRIES = 20;

/** A date file that was deleted: that of a symbol and a date, the last time. */
export interface CleanUp {
  symbol: string;
  /** YYYY-MM-DD */
  date: string;
  bytes: number;
  /** µs since 1970, UTC. */
  deletedAt: bigint;
  runId: string;
}

/**
 * What was deleted, by symbol and date.
 * @throws Lake.Corrupt
 */
export async function readCleanUps(lake: Lake): Promise<CleanUp[]> {
  return cleanUpsIn(await lake.read(keys.cleanups));
}

/** Adds and takes away records; other writers' changes in between are kept. */
export async function changeCleanUps(
  lake: Lake,
  { add = [], drop = [] }: { add?: readonly CleanUp[]; drop?: readonly CleanUp[] },
): Promise<void> {
  if (add.length + drop.length === 0) return;
  for (let attempt = 1; ; attempt++) {
    const opened = await lake.open(keys.cleanups);
    const records = new Map((await cleanUpsIn(opened?.bytes)).map((record) => [nameOf(record), record]));
    for (const record of add) records.set(nameOf(record), record);
    for (const record of drop) records.delete(nameOf(record));
    try {
      await replace(lake, keys.cleanups, bytesOf([...records.values()]), opened);
      return;
    } catch (error) {
      if (!isNamed(error, 'Lake.Conflict') || attempt === TRIES) throw error;
    }
  }
}

function nameOf({ symbol, date }: CleanUp): string {
  return `${date} ${symbol}`;
}

function bytesOf(all: CleanUp[]): Uint8Array {
  let newest = 0n;
  for (const { deletedAt } of all) if (deletedAt > newest) newest = deletedAt;
  const records = all.filter(({ deletedAt }) => deletedAt > newest - REMEMBERED_MICROS);
  records.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  return encodeColumns(COLUMNS, {
    symbol: textOf(records.map(({ symbol }) => symbol)),
    date: textOf(records.map(({ date }) => date)),
    bytes: Float64Array.from(records, ({ bytes }) => bytes),
    deleted_at: BigInt64Array.from(records, ({ deletedAt }) => deletedAt),
    run_id: textOf(records.map(({ runId }) => runId)),
  });
}

async function cleanUpsIn(bytes: Uint8Array | undefined): Promise<CleanUp[]> {
  if (!bytes) return [];
  const columns = await readColumns(COLUMNS, bytes, keys.cleanups);
  const { symbol, date, run_id } = columns as Record<string, Text>;
  const { deleted_at } = columns as Record<string, BigInt64Array>;
  const sizes = columns.bytes as Float64Array;
  return Array.from(sizes, (size, row) => ({
    symbol: symbol!.values[symbol!.codes[row]!]!,
    date: date!.values[date!.codes[row]!]!,
    bytes: size,
    deletedAt: deleted_at![row]!,
    runId: run_id!.values[run_id!.codes[row]!]!,
  }));
}
