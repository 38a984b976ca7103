import { createHash } from 'node:crypto';
import { isSession } from '../calendar/calendar.ts';
import { DAY_MS, dateOf, readDay } from '../calendar/dates.ts';
import { KNOWN } from '../calendar/sessions.ts';
import { NamedError } from '../errors.ts';
import { type BarColumns, isDaily, originalBars, pickBars, rowRef } from '../lake/bar-table.ts';
import { keys, type Lake } from '../lake/lake.ts';
import { type ForeignColumns, readForeign } from '../lake/parquet-columns.ts';
import { CONTRADICTION, DUPLICATE, flawOf } from '../records/bar.ts';
import { checkSymbol } from '../records/symbol.ts';
import { figure } from '../text.ts';

/** A file of a lake of the original layout. */
export interface OriginalFile {
  key: string;
  etag: string;
  size: number;
  /** Of a file of one day; absent of a history. */
  date?: string;
}

/** A folder of one symbol: its history first, then its date files in order of date, each of which counts more. */
export interface OriginalFolder {
  name: string;
  files: OriginalFile[];
}

export interface OriginalLake {
  lake: Lake;
  folders: OriginalFolder[];
  /** Names and versions of all its files. */
  digest: string;
}

/** Where its folders of symbols may be, by what of it was named. */
const PREFIXES = ['bronze/raw_ohlcv/', 'raw_ohlcv/', ''];

/** Lists a lake of the original layout, `bronze/raw_ohlcv/symbol=X/{data,date=D}.parquet`. @throws Usage.Invalid for what is none */
export async function openOriginal(lake: Lake): Promise<OriginalLake> {
  const stamped = await reading(lake, () => lake.read(keys.stamp));
  if (stamped) {
    throw new NamedError('Usage.Invalid', {
      what: `${lake.uri} is a lake of afterbell itself`,
      found: keys.stamp,
      wanted: 'a lake of the original layout',
      todo: 'A data directory is copied by backup and restore; docs/upgrade.md says how it gets to a stage.',
    });
  }
  for (const prefix of PREFIXES) {
    const { folders, digest } = await reading(lake, () => foldersBelow(lake, prefix));
    if (folders.length > 0) return { lake, folders, digest };
  }
  throw new NamedError('Usage.Invalid', {
    what: `${lake.uri} is no lake of the original layout`,
    found: 'no file bronze/raw_ohlcv/symbol=…/data.parquet or …/date=YYYY-MM-DD.parquet',
    wanted: 'the folder or bucket that has bronze/raw_ohlcv/ in it',
  });
}

/** What a store says of a place that is not there, or may not be read, in our words. */
async function reading<T>({ uri }: Lake, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NamedError) throw error;
    const { name, message } = error as Error;
    throw new NamedError(
      'Usage.Invalid',
      { what: `${uri} cannot be read`, found: `${name}: ${message}` },
      { cause: error },
    );
  }
}

async function foldersBelow(lake: Lake, prefix: string): Promise<Pick<OriginalLake, 'folders' | 'digest'>> {
  const folders = new Map<string, OriginalFolder>();
  const hash = createHash('sha256');
  for await (const { key, etag, size } of lake.list(`${prefix}symbol=`)) {
    const [, name, file = ''] = /^symbol=([^/]+)\/([^/]+)$/.exec(key.slice(prefix.length)) ?? [];
    const date = /^date=(\d{4}-\d{2}-\d{2})\.parquet$/.exec(file)?.[1];
    if (name === undefined || (date === undefined && file !== 'data.parquet')) continue;
    const folder = folders.get(name) ?? { name, files: [] };
    folders.set(name, folder);
    folder.files.push({ key, etag, size, ...(date !== undefined && { date }) });
    hash.update(`${key} ${size} ${etag}\n`);
  }
  for (const { files } of folders.values()) files.sort((a, b) => ((a.date ?? '') < (b.date ?? '') ? -1 : 1));
  return { folders: [...folders.values()], digest: hash.digest('hex') };
}

/** Rows by the reason why they are not taken. */
export type Refused = Record<string, number>;

/** What one folder has: bars that can be stored, and how many rows cannot. */
export interface OriginalSymbol {
  symbol: string;
  rows: number;
  /** Sorted by date, one row a date, `source` original. */
  bars: BarColumns;
  refused: Refused;
}

/** @throws Data.Invalid naming the file that is damaged or of another form */
export async function readOriginal(lake: Lake, { name, files }: OriginalFolder): Promise<OriginalSymbol> {
  const refused: Refused = {};
  const tables: BarColumns[] = [];
  const refs = new Map<number, number>();
  let symbol: string | undefined;
  let rows = 0;
  for (const { key, etag, date } of files) {
    const opened = await reading(lake, () => lake.open(key));
    if (opened?.etag !== etag) throw changed(lake, key);
    const file = await decodeOriginal(opened.bytes, { key, date, refused });
    rows += file.rows;
    symbol ??= file.symbol;
    if (file.symbol !== undefined && file.symbol !== symbol)
      throw foreignFile(
        key,
        `bars of ${JSON.stringify(file.symbol)}, and of ${JSON.stringify(symbol)} beside it`,
        'one symbol a folder',
      );
    const table = tables.push(file.bars) - 1;
    for (let row = 0; row < file.bars.date.length; row += 1) {
      const day = file.bars.date[row]!;
      const before = refs.get(day);
      if (before !== undefined)
        refuse(refused, sameBar(tables, before, rowRef(table, row)) ? DUPLICATE : CONTRADICTION);
      refs.set(day, rowRef(table, row));
    }
  }
  // A folder whose every row has been refused still has a name.
  symbol ??= name;
  const inOrder = [...refs].sort(([a], [b]) => a - b).map(([, ref]) => ref);
  return { symbol, rows, bars: pickBars(symbol, tables, inOrder), refused };
}

function sameBar(tables: readonly BarColumns[], a: number, b: number): boolean {
  const [one, other] = [a, b].map((ref) => pickBars('', tables, [ref]));
  return VALUES.every((column) => Object.is(one![column][0], other![column][0]));
}

function refuse(refused: Refused, reason: string): void {
  refused[reason] = (refused[reason] ?? 0) + 1;
}

const VALUES = ['open', 'high', 'low', 'close', 'volume'] as const;
const NEEDED = ['symbol', ...VALUES, 'timestamp'];

async function decodeOriginal(
  bytes: Uint8Array,
  { key, date, refused }: { key: string; date: string | undefined; refused: Refused },
): Promise<{ symbol: string | undefined; rows: number; bars: BarColumns }> {
  const foreign = await readForeign(bytes).catch((cause: Error) => {
    throw foreignFile(
      key,
      `${bytes.length} bytes that do not read as Parquet (${cause.message})`,
      'a whole Parquet file',
      cause,
    );
  });
  const { rows, columns } = foreign;
  const missing = NEEDED.filter((name) => !columns.has(name));
  if (missing.length > 0)
    throw foreignFile(key, `columns ${[...columns.keys()].join(', ') || 'of none'}`, NEEDED.join(', '));
  const symbol = symbolIn(columns.get('symbol')!, key);
  const values = VALUES.map((name) => numbersOf(columns.get(name)!, name, key));
  const dayAt = daysOf(foreign, key);
  const intervals = columns.get('interval');
  const own = date === undefined ? undefined : readDay(date);
  const byDay = new Map<number, number>();
  for (let row = 0; row < rows; row += 1) {
    const interval = intervals?.[row];
    const [o, h, l, c, v] = values.map((column) => column[row]!) as [number, number, number, number, number];
    const day = dayAt(row);
    const reason =
      checkSymbol(columns.get('symbol')![row]) ??
      (isDaily(interval) ? undefined : `interval ${String(interval).slice(0, 20)}`) ??
      (typeof day === 'string' ? day : undefined) ??
      (own === undefined || day === own ? undefined : 'the date is not that of its file') ??
      flawOf({ o, h, l, c, v });
    if (reason !== undefined) {
      refuse(refused, reason);
      continue;
    }
    const before = byDay.get(day as number);
    // The last row of a date counts, as in an adopted lake.
    if (before !== undefined)
      refuse(refused, values.every((column) => column[before] === column[row]) ? DUPLICATE : CONTRADICTION);
    byDay.set(day as number, row);
  }
  const order = [...byDay].sort(([a], [b]) => a - b);
  const picked = (column: Float64Array) => Float64Array.from(order, ([, row]) => column[row]!);
  const symbols = order.map(() => symbol ?? '');
  const days = Int32Array.from(order, ([day]) => day);
  return { symbol, rows, bars: originalBars(symbols, days, values.map(picked)) };
}

/** The one symbol of a file; undefined when no row has a usable one. */
function symbolIn(column: readonly unknown[], key: string): string | undefined {
  const found = new Set(column.filter((value) => value !== null));
  const other = [...found].find((value) => typeof value !== 'string');
  if (other !== undefined) throw foreignFile(key, `symbol as ${typeof other}`, 'symbol as text');
  const symbols = [...found].filter((value) => checkSymbol(value) === undefined) as string[];
  if (symbols.length > 1) throw foreignFile(key, `bars of ${symbols.slice(0, 3).join(', ')}`, 'one symbol a file');
  return symbols[0];
}

/** Numbers, NaN for null. */
function numbersOf(column: readonly unknown[], name: string, key: string): Float64Array {
  const wrong = column.find((value) => value !== null && typeof value !== 'number' && typeof value !== 'bigint');
  if (wrong !== undefined) throw foreignFile(key, `${name} as ${typeof wrong}`, `${name} as a number`);
  return Float64Array.from(column, (value) => (value === null ? Number.NaN : Number(value)));
}

const DAY_MICROS = DAY_MS * 1000;
const [FIRST_DAY, LAST_DAY] = [readDay(KNOWN.first)!, readDay(KNOWN.last)!];

/** The day of a row, or why it has none. Midnights without a zone and those of New York in UTC have the session's UTC date. */
function daysOf({ columns, kinds }: ForeignColumns, key: string): (row: number) => number | string {
  const timestamps = columns.get('timestamp')!;
  const kind = kinds.get('timestamp');
  const first = timestamps.find((value) => value !== null);
  if (kind === undefined && first !== undefined && typeof first !== 'string')
    throw foreignFile(key, `timestamp as ${typeof first}, which has no unit`, 'timestamp as a time or a date');
  const known = new Map<number, boolean>();
  return (row) => {
    const value = timestamps[row];
    let day: number | undefined;
    if (typeof value === 'bigint') day = Math.floor(Number(value) / DAY_MICROS);
    else if (typeof value === 'number') day = value;
    else if (typeof value === 'string') day = readDay(value.slice(0, 10));
    if (day === undefined) return 'timestamp is missing or no date';
    if (!(day >= FIRST_DAY && day <= LAST_DAY)) return `date outside of ${KNOWN.first} to ${KNOWN.last}`;
    const held = known.get(day) ?? isSession(dateOf(day));
    known.set(day, held);
    return held ? day : 'date is no trading session';
  };
}

function foreignFile(key: string, found: string, wanted: string, cause?: unknown): NamedError {
  return new NamedError(
    'Data.Invalid',
    {
      what: `${key} is no file of the original layout`,
      found,
      wanted,
      todo: 'Nothing was stored. Move the file away, or put a good version in its place, and run the same command again.',
    },
    { cause },
  );
}

function changed({ uri }: Lake, key: string): NamedError {
  return new NamedError('Lake.Conflict', {
    what: `${key} of ${uri} has changed since it was listed`,
    wanted: 'a lake that nobody writes to',
    todo: 'Run the same command again.',
  });
}

/** What a lake of the original layout comes to. */
export interface Inspection {
  symbols: number;
  files: number;
  bytes: number;
  rows: number;
  /** Rows that can be stored. */
  usable: number;
  refused: Refused;
  first: string | null;
  last: string | null;
  /** Splits within its bars, by what the closes around them look like. */
  splits: { asTraded: number; adjusted: number };
}

/** Pure: adds one symbol. @param splits days on which it split, with new shares for each old one */
export function addInspected(
  to: Inspection,
  { rows, bars, refused }: OriginalSymbol,
  files: readonly OriginalFile[],
  splits: readonly { day: number; ratio: number }[],
): void {
  const dates = bars.date;
  to.symbols += 1;
  to.files += files.length;
  to.bytes += files.reduce((sum, { size }) => sum + size, 0);
  to.rows += rows;
  to.usable += dates.length;
  for (const [reason, count] of Object.entries(refused)) to.refused[reason] = (to.refused[reason] ?? 0) + count;
  if (dates.length === 0) return;
  const [first, last] = [dateOf(dates[0]!), dateOf(dates[dates.length - 1]!)];
  if (to.first === null || first < to.first) to.first = first;
  if (to.last === null || last > to.last) to.last = last;
  for (const { day, ratio } of splits) {
    const next = dates.findIndex((date) => date >= day);
    // Smaller ones are lost in a day's move.
    if (next < 1 || Math.abs(Math.log(ratio)) < 0.4) continue;
    const move = Math.log(bars.close[next - 1]! / bars.close[next]!);
    if (Math.abs(move - Math.log(ratio)) < Math.abs(move)) to.splits.asTraded += 1;
    else to.splits.adjusted += 1;
  }
}

export const NOTHING_INSPECTED = (): Inspection => ({
  symbols: 0,
  files: 0,
  bytes: 0,
  rows: 0,
  usable: 0,
  refused: {},
  first: null,
  last: null,
  splits: { asTraded: 0, adjusted: 0 },
});

/** `2 date is no trading session, 1 close is not a number`, the most frequent first. */
export function refusedText(refused: Refused): string {
  const sorted = Object.entries(refused).sort(([, a], [, b]) => b - a);
  return sorted.map(([reason, rows]) => `${figure(rows)} ${reason}`).join(', ');
}
