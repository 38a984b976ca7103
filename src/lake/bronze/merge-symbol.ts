import { readDay } from '../../calendar/dates.ts';
import { NamedError } from '../../errors.ts';
import { corruptFile } from '../columnar/read.ts';
import { keys } from '../keys.ts';
import { type Lake, replace } from '../lake.ts';
import { type BarColumns, decodeBarColumns, decodeHistory, encodeBarColumns } from './bar-columns.ts';
import { pickBars, rowRef } from './gather.ts';
import type { DateFile } from './inventory.ts';
import type { ManifestEntry } from './manifest.ts';
import { type MergeInput, mergeBars } from './merge.ts';
import { type AdoptedPrices, requireUnadjusted } from './original.ts';

export interface SymbolTask extends Pick<MergeInput, 'symbol' | 'sessions' | 'removed' | 'examined' | 'outside'> {
  /** Whether the lake has a data.parquet of it. */
  stored: boolean;
  dateFiles: readonly DateFile[];
  /** What its owner says of files of the original layout, which do not say it themselves. */
  adoptedPrices?: AdoptedPrices;
}

export interface SymbolResult {
  /** Undefined when no row is left and the data.parquet is gone. */
  entry: ManifestEntry | undefined;
  written: boolean;
  added: number;
  revised: number;
  removed: number;
}

/**
 * Brings one symbol's data.parquet up to date: read, merge, write, read back. An unchanged file is not written.
 * @throws Config.Invalid for a file of the original layout whose prices nobody has called unadjusted
 * @throws Lake.Corrupt naming the damaged file, Lake.Conflict when another job has written the symbol in the meantime;
 *   either way with nothing of the symbol touched
 */
export async function mergeSymbol(lake: Lake, task: SymbolTask): Promise<SymbolResult> {
  const { symbol, stored } = task;
  const adopting = (file: string) => requireUnadjusted(task.adoptedPrices, file);
  const key = keys.symbol(symbol);
  const opened = stored ? await lake.open(key) : undefined;
  if (stored && !opened) throw changed(key);
  const bytes = opened?.bytes;
  const existing = bytes && (await decodeHistory(bytes, key, symbol, adopting));
  const dateFiles = await readDateFiles(lake, symbol, task.dateFiles, adopting);
  const { bars, ...changes } = mergeBars({ ...task, existing, dateFiles });
  const rows = bars.date.length;
  if (rows === 0) {
    if (opened && (await lake.removeVersions([{ key, etag: opened.etag }])).length > 0) throw changed(key);
    return { entry: undefined, written: false, ...changes };
  }
  const merged = encodeBarColumns(bars);
  const written = await replace(lake, key, merged, opened);
  if (written) await readBack(lake, key, merged, symbol);
  const lastUpdated = newest(bars.ingested_at);
  return { entry: { lastDay: bars.date[rows - 1]!, rows, lastUpdated }, written, ...changes };
}

/** Compared as numbers, exact for 270 years: every look into a BigInt64Array makes an object. */
function newest(instants: BigInt64Array): bigint {
  const halves = new Int32Array(instants.buffer, instants.byteOffset, instants.length * 2);
  let place = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < instants.length; row++) {
    const at = halves[2 * row + 1]! * 2 ** 32 + (halves[2 * row]! >>> 0);
    if (at > most) {
      most = at;
      place = row;
    }
  }
  return instants[place]!;
}

async function readDateFiles(
  lake: Lake,
  symbol: string,
  files: readonly DateFile[],
  adopting: (key: string) => void,
): Promise<BarColumns | undefined> {
  if (files.length === 0) return undefined;
  const tables: BarColumns[] = [];
  for (const { date, key } of files) {
    const bytes = await lake.read(key);
    if (!bytes) throw corruptFile(key, 'nothing, although it was listed');
    const bars = await decodeBarColumns(bytes, key, adopting);
    const stranger = bars.symbol.values.find((value) => value !== symbol);
    if (stranger !== undefined) throw corruptFile(key, `bars of ${JSON.stringify(stranger)}`);
    const day = readDay(date);
    if (bars.date.length !== 1 || bars.date[0] !== day)
      throw corruptFile(key, `${bars.date.length} rows, or another date`);
    tables.push(bars);
  }
  return pickBars(
    symbol,
    tables,
    tables.map((_, table) => rowRef(table, 0)),
  );
}

function changed(key: string): NamedError {
  return new NamedError('Lake.Conflict', {
    what: `${key} changed while it was being merged`,
    wanted: 'one job at a time',
    todo: 'Run the same command again.',
  });
}

/** What is stored is what was meant, byte for byte, and reads as a history. */
async function readBack(lake: Lake, key: string, meant: Uint8Array, symbol: string): Promise<void> {
  const stored = await lake.read(key);
  if (!stored || Buffer.compare(stored, meant) !== 0) {
    throw corruptFile(key, `${stored?.length ?? 0} bytes read back where ${meant.length} others were written`);
  }
  await decodeHistory(stored, key, symbol);
}
