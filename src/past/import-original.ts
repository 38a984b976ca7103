import { dateOf, readDay } from '../calendar/dates.ts';
import { inFlight } from '../concurrency.ts';
import { isNamed, NamedError } from '../errors.ts';
import { type Manifest, readManifest } from '../jobs/consolidate/consolidation-state.ts';
import { Tally } from '../jobs/consolidate/inventory.ts';
import { mergeBars } from '../jobs/consolidate/merge.ts';
import { type BarColumns, decodeHistory, encodeBarColumns, ORIGINAL } from '../lake/bar-table.ts';
import { claimLake, jsonBytes, keys, type Lake, readJson, replace } from '../lake/lake.ts';
import { readSplits } from '../lake/splits-list.ts';
import { figure } from '../text.ts';
import {
  addInspected,
  type Inspection,
  NOTHING_INSPECTED,
  type OriginalFolder,
  type OriginalLake,
  openOriginal,
  readOriginal,
} from './original-lake.ts';

/** What is remembered of an import, so that one which was stopped goes on: `processing_metadata/import.json`. */
interface ImportState {
  from: string;
  /** Names and versions of all files: another lake, or one that has changed, is read from its start. */
  digest: string;
  inspected: Inspection;
  /** Folder → what became of it. */
  done: Record<string, Stored>;
  /** Whether the jobs have followed. */
  complete?: true;
}

/** What became of the usable rows of one folder, and the symbol and rows of the history that has them. */
export interface Stored {
  symbol: string;
  history: number;
  /** Rows that the lake has from there. */
  stored: number;
  /** Rows of days that the lake had a row of its own of. */
  own: number;
}

const STATE = 'processing_metadata/import.json';
/** Symbols after which the state is written. */
const SAVED_AFTER = 250;

export interface Importing {
  workers: number;
  signal?: AbortSignal;
  onProgress?: (done: number, of: number, what: string) => void;
}

/** An import with what is known of it already. */
export interface Import {
  original: OriginalLake;
  inspected: Inspection;
  state: ImportState;
}

/**
 * Reads every file of a lake of the original layout to its end; nothing is written. One that was begun from there and has
 * not changed since is known already.
 * @param target the lake it is to be stored in, for its splits and for what was begun
 * @throws Usage.Invalid for what is no such lake, Data.Invalid for a file that is none of it
 */
export async function inspectOriginal(
  from: Lake,
  target: Lake,
  { workers, signal, onProgress }: Importing,
): Promise<Import> {
  if (isWithin(from.uri, target.uri) || isWithin(target.uri, from.uri)) {
    throw new NamedError('Usage.Invalid', {
      what: 'a lake is not imported into itself',
      found: `${from.uri} and ${target.uri}`,
      wanted: 'two places apart',
      todo: 'Files of the original layout that lie in the lake already are adopted: ADOPTED_PRICES=unadjusted npx afterbell run consolidate',
    });
  }
  const original = await openOriginal(from);
  const begun = await readState(target);
  if (begun?.from === from.uri && begun.digest === original.digest)
    return { original, inspected: begun.inspected, state: begun };
  const splits = await splitsBySymbol(target);
  const inspected = NOTHING_INSPECTED();
  const symbols = new Map<string, string>();
  let read = 0;
  const one = async (folder: OriginalFolder) => {
    const found = await readOriginal(from, folder);
    const other = symbols.get(found.symbol);
    if (other !== undefined) throw twoFolders(found.symbol, other, folder.name);
    symbols.set(found.symbol, folder.name);
    addInspected(inspected, found, folder.files, splits.get(found.symbol) ?? []);
    read += 1;
    onProgress?.(read, original.folders.length, 'symbols read');
  };
  await inFlight(original.folders, workers, one, signal);
  if (inspected.usable === 0) {
    throw new NamedError('Data.Invalid', {
      what: `${from.uri} has no row that could be stored`,
      found: `${figure(inspected.rows)} rows: ${Object.keys(inspected.refused).join(', ') || 'none'}`,
      wanted: 'daily bars',
    });
  }
  const refused = Object.fromEntries(Object.entries(inspected.refused).sort(([a], [b]) => (a < b ? -1 : 1)));
  const state: ImportState = {
    from: from.uri,
    digest: original.digest,
    inspected: { ...inspected, refused },
    done: {},
  };
  return { original, inspected: state.inspected, state };
}

/** Where nobody can read it the import starts again: storing a symbol twice changes nothing. */
async function readState(target: Lake): Promise<ImportState | undefined> {
  return readJson<ImportState>(target, STATE).catch((error: Error) => {
    if (isNamed(error, 'Lake.Corrupt')) return undefined;
    throw error;
  });
}

async function splitsBySymbol(target: Lake): Promise<Map<string, { day: number; ratio: number }[]>> {
  const found = new Map<string, { day: number; ratio: number }[]>();
  for (const { symbol, execution_date, split_from, split_to } of await readSplits(target)) {
    const day = readDay(execution_date)!;
    found.set(symbol, [...(found.get(symbol) ?? []), { day, ratio: split_to / split_from }]);
  }
  return found;
}

export interface Imported {
  /** Symbols that had been stored by an earlier run. */
  resumed: number;
  stored: number;
  own: number;
}

/**
 * Stores the bars in the histories, symbol by symbol, each read back and compared; rows of the lake's own stay. What is
 * stored is remembered, and a run that was stopped goes on behind it. Histories, manifest and N-session bars follow by a
 * full consolidation and a resample, which are the caller's.
 */
export async function storeOriginal(
  { original, state }: Import,
  target: Lake,
  { workers, signal, onProgress }: Importing,
): Promise<Imported> {
  await claimLake(target, 'real');
  const todo = original.folders.filter(({ name }) => !(name in state.done));
  const resumed = original.folders.length - todo.length;
  let unsaved = 0;
  const save = async () => {
    unsaved = 0;
    await target.write(STATE, jsonBytes(state));
  };
  if (todo.length > 0) await save();
  const one = async (folder: OriginalFolder) => {
    state.done[folder.name] = await storeSymbol(original.lake, folder, target);
    unsaved += 1;
    onProgress?.(Object.keys(state.done).length, original.folders.length, 'symbols stored');
    if (unsaved >= SAVED_AFTER) await save();
  };
  try {
    await inFlight(todo, workers, one, signal);
  } finally {
    if (unsaved > 0) await save();
  }
  const done = Object.values(state.done);
  const sum = (of: (one: Stored) => number) => done.reduce((total, entry) => total + of(entry), 0);
  return { resumed, stored: sum(({ stored }) => stored), own: sum(({ own }) => own) };
}

/** Another job may write the history meanwhile; then it is read and merged again. */
const TRIES = 5;

async function storeSymbol(from: Lake, folder: OriginalFolder, target: Lake): Promise<Stored> {
  const { symbol, bars } = await readOriginal(from, folder);
  const key = keys.symbol(symbol);
  for (let attempt = 1; ; attempt += 1) {
    const opened = await target.open(key);
    const existing = opened && (await decodeHistory(opened.bytes, key, symbol));
    if (bars.date.length === 0) return { symbol, history: existing?.date.length ?? 0, stored: 0, own: 0 };
    const merged = mergeBars({
      symbol,
      existing,
      dateFiles: bars,
      sessions: undefined,
      removed: new Set(),
      outside: new Tally(),
    });
    try {
      await replace(target, key, encodeBarColumns(merged.bars), opened);
    } catch (error) {
      if (!isNamed(error, 'Lake.Conflict') || attempt === TRIES) throw error;
      continue;
    }
    return { symbol, ...(await readBack(target, key, symbol, bars)) };
  }
}

/** Every row that was to be stored is there: as it came, or the lake's own of that day. @throws Lake.Corrupt */
async function readBack(target: Lake, key: string, symbol: string, meant: BarColumns): Promise<Omit<Stored, 'symbol'>> {
  const bytes = await target.read(key);
  const found = bytes && (await decodeHistory(bytes, key, symbol));
  const rowOf = new Map(found ? Array.from(found.date, (day, row) => [day, row] as const) : []);
  let [stored, own] = [0, 0];
  for (let row = 0; row < meant.date.length; row += 1) {
    const at = rowOf.get(meant.date[row]!);
    const isOriginal = at !== undefined && found!.source.values[found!.source.codes[at]!] === ORIGINAL;
    const isSame = isOriginal && VALUES.every((name) => found![name][at] === meant[name][row]);
    if (at === undefined || (isOriginal && !isSame)) {
      throw new NamedError('Lake.Corrupt', {
        what: `${key} is not what was written`,
        found: `${at === undefined ? 'no bar' : 'another bar'} of ${dateOf(meant.date[row]!)}`,
        todo: 'Run the same command again.',
      });
    }
    if (isSame) stored += 1;
    else own += 1;
  }
  return { history: found?.date.length ?? 0, stored, own };
}

const VALUES = ['open', 'high', 'low', 'close', 'volume'] as const;

/** Whether the jobs have followed what was stored, as far as this import knows. */
export function isComplete({ state }: Import): boolean {
  return state.complete === true;
}

/**
 * The last step: the manifest counts what was stored. Then the import is complete.
 * @throws Job.Failed naming symbols whose history is not what was stored
 */
export async function completeImport({ state }: Import, target: Lake): Promise<void> {
  const manifest: Manifest = (await readManifest(target)) ?? new Map();
  const short = Object.values(state.done).filter(
    ({ symbol, history, stored }) => stored > 0 && (manifest.get(symbol)?.rows ?? 0) < history,
  );
  if (short.length > 0) {
    throw new NamedError('Job.Failed', {
      what: `the histories of ${short.length} symbols are not what was stored`,
      found: short
        .slice(0, 3)
        .map(({ symbol, history }) => `${symbol}: ${manifest.get(symbol)?.rows ?? 0} of ${history} rows`)
        .join(', '),
      todo: 'Run the same command again; npx afterbell verify names what is damaged.',
    });
  }
  state.complete = true;
  await target.write(STATE, jsonBytes(state));
}

function isWithin(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`);
}

function twoFolders(symbol: string, one: string, other: string): NamedError {
  return new NamedError('Data.Invalid', {
    what: `two folders have bars of ${symbol}`,
    found: `symbol=${one} and symbol=${other}`,
    wanted: 'one folder a symbol',
    todo: 'Nothing was stored. Move one of them away, and run the same command again.',
  });
}
