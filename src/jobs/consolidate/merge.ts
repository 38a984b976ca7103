import { readDay } from '../../calendar/dates.ts';
import { isNamed, NamedError } from '../../errors.ts';
import {
  type AdoptedPrices,
  BAR_NUMBERS,
  type BarColumns,
  decodeBarColumns,
  decodeHistory,
  encodeBarColumns,
  gatherBars,
  joinBars,
  ORIGINAL,
  ownHistory,
  pickBars,
  requireUnadjusted,
  rowRef,
} from '../../lake/bar-table.ts';
import { isStored, keys, type Lake, replace } from '../../lake/lake.ts';
import { Arena } from '../../lake/parquet.ts';
import { corruptFile } from '../../lake/parquet-columns.ts';
import { BAR_SOURCES } from '../../records/bar.ts';
import type { ManifestEntry } from './consolidation-state.ts';
import { type DateFile, rowHash, Tally } from './inventory.ts';

/** What one symbol's history is made of; every source is sorted by date with one row a date. */
export interface MergeInput {
  symbol: string;
  /** The stored data.parquet. */
  existing: BarColumns | undefined;
  /** Its date files of the original layout. */
  dateFiles: BarColumns | undefined;
  /** Its rows in the session files. */
  sessions: BarColumns | undefined;
  /**
   * Days on which a session is known to have it no longer: the stored row goes, unless it came from the original
   * layout, whose file may have been cleaned up long ago.
   */
  removed: ReadonlySet<number>;
  /**
   * Days whose stored rows are checked for having a session behind them; undefined when only rows that are new to
   * the history are.
   */
  examined?: { from: number; to: number };
  /** Where rows that no session file accounts for are tallied by day. */
  outside: Tally;
  /** Memory for the result. */
  arena?: Arena;
}

export interface Merged {
  bars: BarColumns;
  added: number;
  revised: number;
  removed: number;
}

const [EXISTING, DATE_FILE, SESSION] = [0, 1, 2];
const AT_END = 2 ** 31;

/**
 * One row a date. The session file wins over every row of our own sources, whatever their `ingested_at`: it is replaced
 * as a whole, and a clock may have been ahead when the older version was fetched. Of rows from elsewhere the newest
 * `ingested_at` wins; on a tie the session file, then the date file. The result depends on the rows alone, so merging again changes nothing.
 */
export function mergeBars(input: MergeInput): Merged {
  const { existing, removed } = input;
  const appended = append(input);
  if (appended) return appended;
  const sources = [existing, input.dateFiles, input.sessions];
  const at = [0, 0, 0];
  const capacity = sources.reduce((sum, source) => sum + (source?.date.length ?? 0), 0);
  const from = new Uint8Array(capacity);
  const rows = new Int32Array(capacity);
  let count = 0;
  const changes = { added: 0, revised: 0, removed: 0 };
  const dayAt = (source: number) => sources[source]?.date[at[source]!] ?? AT_END;
  const isOver = (source: number, day: number, hasSession: boolean) => {
    if (source === SESSION) return false;
    if (hasSession) return isOurs(sources[source]!, at[source]!);
    return source === EXISTING && removed.has(day) && !isOriginal(existing!, at[EXISTING]!);
  };
  for (;;) {
    const days = [dayAt(EXISTING), dayAt(DATE_FILE), dayAt(SESSION)];
    const day = Math.min(...days);
    if (day === AT_END) break;
    const had = days[EXISTING] === day;
    let winner = -1;
    for (const source of [EXISTING, DATE_FILE, SESSION]) {
      if (days[source] !== day || isOver(source, day, days[SESSION] === day)) continue;
      if (winner < 0 || ingested(sources, at, source) >= ingested(sources, at, winner)) winner = source;
    }
    if (winner < 0) changes.removed++;
    else {
      from[count] = winner;
      rows[count] = at[winner]!;
      count++;
      if (!had) changes.added++;
      else if (winner !== EXISTING && differ(existing!, at[EXISTING]!, sources[winner]!, at[winner]!))
        changes.revised++;
      if (winner !== SESSION && isBetweenSessions(input, day, winner, days[SESSION] === day)) {
        input.outside.add(day, rowHash(input.symbol, sources[winner]!, at[winner]!));
      }
    }
    for (const source of [EXISTING, DATE_FILE, SESSION]) if (days[source] === day) at[source]!++;
  }
  const bars = gatherBars(input.symbol, sources, from.subarray(0, count), rows.subarray(0, count), input.arena);
  return { bars, ...changes };
}

/** The usual night: the session files go on where the history ends. */
function append({ symbol, existing, dateFiles, sessions, removed, examined, arena }: MergeInput): Merged | undefined {
  if (!existing || !sessions || dateFiles || removed.size > 0 || examined) return undefined;
  const [had, added] = [existing.date.length, sessions.date.length];
  if (had === 0 || added === 0 || sessions.date[0]! <= existing.date[had - 1]!) return undefined;
  return { bars: joinBars(symbol, existing, sessions, arena), added, revised: 0, removed: 0 };
}

function isOurs({ source }: BarColumns, row: number): boolean {
  return (BAR_SOURCES as readonly string[]).includes(source.values[source.codes[row]!]!);
}

function isOriginal({ source }: BarColumns, row: number): boolean {
  return source.values[source.codes[row]!] === ORIGINAL;
}

function ingested(sources: (BarColumns | undefined)[], at: number[], source: number): bigint {
  return sources[source]!.ingested_at[at[source]!]!;
}

/** A stored row counts only when it is examined, or when it has just beaten a session's row. */
function isBetweenSessions({ examined }: MergeInput, day: number, winner: number, hasSession: boolean): boolean {
  if (winner === DATE_FILE || hasSession) return true;
  return examined !== undefined && day >= examined.from && day <= examined.to;
}

function differ(a: BarColumns, i: number, b: BarColumns, j: number): boolean {
  return (
    BAR_NUMBERS.some((name) => !Object.is(a[name][i], b[name][j])) ||
    a.ingested_at[i] !== b.ingested_at[j] ||
    a.source.values[a.source.codes[i]!] !== b.source.values[b.source.codes[j]!]
  );
}

export interface SymbolTask extends Pick<MergeInput, 'symbol' | 'sessions' | 'removed' | 'examined' | 'outside'> {
  /** Whether the lake has a data.parquet of it. */
  stored: boolean;
  /** Whether it has one under the name an earlier version gave it. */
  oldName: boolean;
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

/** Only another copy of the same job writes this symbol, and it writes it once. */
const TRIES = 5;

/**
 * Brings one symbol's data.parquet up to date: read, merge, write, read back. An unchanged file is not written. One that
 * another job has written meanwhile is read and merged again.
 * @throws Config.Invalid for a file of the original layout whose prices nobody has called unadjusted
 * @throws Lake.Corrupt naming the damaged file, Lake.Conflict when another job writes the symbol again and again;
 *   either way with nothing of the symbol touched
 */
export async function mergeSymbol(lake: Lake, task: SymbolTask): Promise<SymbolResult> {
  for (let attempt = 1; ; attempt++) {
    // Of its own, so that what an attempt saw is counted once.
    const outside = new Tally();
    try {
      const result = await mergeOnce(lake, { ...task, outside }, attempt > 1);
      for (const [day, digest] of outside.entries()) task.outside.addDigest(day, digest);
      return result;
    } catch (error) {
      if (!isNamed(error, 'Lake.Conflict') || attempt === TRIES) throw error;
    }
  }
}

/** @param again the inventory is out of date: another job has written the symbol since, or removed its files */
async function mergeOnce(lake: Lake, task: SymbolTask, again: boolean): Promise<SymbolResult> {
  const { symbol, stored } = task;
  const adopting = (file: string) => requireUnadjusted(task.adoptedPrices, file);
  const key = keys.symbol(symbol);
  const oldKey = keys.oldSymbol(symbol);
  const old = task.oldName ? await lake.open(oldKey) : undefined;
  const opened = stored || again ? await lake.open(key) : undefined;
  const found = opened ? { key, bytes: opened.bytes } : old && { key: oldKey, bytes: old.bytes };
  if (stored && !found && !again) throw changed(key);
  const dateFiles = await readDateFiles(lake, symbol, task.dateFiles, adopting, again);
  const merged = found && mergeOwn({ ...task, dateFiles }, found);
  const existing = merged || !found ? undefined : await decodeHistory(found.bytes, found.key, symbol, adopting);
  const { bytes, entry, changes } = merged ?? merge({ ...task, existing, dateFiles });
  // Last, so that a kill leaves both and the next run goes by the new one.
  const removeOld = async () => {
    if (old && (await lake.removeVersions([{ key: oldKey, etag: old.etag }])).length > 0) throw changed(oldKey);
  };
  if (!entry) {
    if (opened && (await lake.removeVersions([{ key, etag: opened.etag }])).length > 0) throw changed(key);
    await removeOld();
    return { entry, written: false, ...changes };
  }
  const written = await replace(lake, key, bytes, opened);
  if (written && !(await isStored(lake, key, bytes)))
    throw corruptFile(key, `other bytes read back than the ${bytes.length} that were written`);
  await removeOld();
  return { entry, written, ...changes };
}

/**
 * Memory of the history that is being merged, and of what it becomes: thousands of them one after the other would be
 * most of a job's garbage. Nothing waits between the first and the last use of it.
 */
const [STORED, RESULT] = [new Arena(), new Arena()];

/** Merges into a history that is a file of our own; undefined for any other. */
function mergeOwn(input: Omit<MergeInput, 'existing'>, found: { key: string; bytes: Uint8Array }) {
  const existing = ownHistory(found.bytes, found.key, input.symbol, STORED);
  return existing && merge({ ...input, existing });
}

function merge(input: MergeInput) {
  const { bars, ...changes } = mergeBars({ ...input, arena: RESULT });
  const rows = bars.date.length;
  const entry = rows === 0 ? undefined : { lastDay: bars.date[rows - 1]!, rows, lastUpdated: newest(bars.ingested_at) };
  const bytes = encodeBarColumns(bars);
  // What is written is read back byte for byte; that the bytes read as a history is seen here.
  if (entry) ownHistory(bytes, keys.symbol(input.symbol), input.symbol, STORED);
  return { bytes, entry, changes };
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
  again: boolean,
): Promise<BarColumns | undefined> {
  if (files.length === 0) return undefined;
  const tables: BarColumns[] = [];
  for (const { date, key } of files) {
    const bytes = await lake.read(key);
    // Deleted since it was listed, as only a file is whose row the history has.
    if (!bytes && !again) throw changed(key);
    if (!bytes) continue;
    const bars = await decodeBarColumns(bytes, key, adopting);
    const foreign = bars.symbol.values.find((value) => value !== symbol);
    if (foreign !== undefined) throw corruptFile(key, `bars of ${JSON.stringify(foreign)}`);
    const day = readDay(date);
    if (bars.date.length !== 1 || bars.date[0] !== day)
      throw corruptFile(key, `${bars.date.length} rows, or another date`);
    tables.push(bars);
  }
  if (tables.length === 0) return undefined;
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
