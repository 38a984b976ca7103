import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import { LIST_VIEWS, snapshotColumns } from '../../src/datasets/registry.ts';
import { csvdir } from '../../src/export/csvdir.ts';
import { type ExportFolder, type ExportSettings, openFolder } from '../../src/export/export-folder.ts';
import { type Exported, exportLake } from '../../src/export/export-lake.ts';
import type { FormatName } from '../../src/export/format.ts';
import { type Asked, openLakeBars } from '../../src/export/lake-bars.ts';
import { lean } from '../../src/export/lean.ts';
import { qlib } from '../../src/export/qlib.ts';
import type { Adjust } from '../../src/export/series.ts';
import { FileLake } from '../../src/lake/file-lake.ts';
import { claimLake, keys } from '../../src/lake/lake.ts';
import { encodeRows } from '../../src/lake/parquet.ts';
import { encodeSymbolHistory } from '../../src/lake/symbol-history-file.ts';
import { openViews } from '../../src/lake/views.ts';
import type { Bar } from '../../src/records/bar.ts';
import { bar, publish } from '../lake/published.ts';
import { temporaryFolder } from '../local/programs.ts';

export const FORMATS = { csvdir, qlib, lean } as const;

/** A month of sessions; the lake begins with all but the last two. */
export const SESSIONS = sessionsBetween('2025-10-20', '2025-12-02');
export const TONIGHT = SESSIONS.at(-2)!;
export const TOMORROW = SESSIONS.at(-1)!;
const FIRST = SESSIONS[0]!;
/** REUSED passes to another company on this day. */
export const TAKEOVER = SESSIONS[12]!;
const ENDED = SESSIONS[20]!;

/** Symbols and the sessions they have bars on. */
const TRADED: Readonly<Record<string, (place: number) => boolean>> = {
  AAPL: () => true,
  'BRK.B': () => true,
  CON: () => true,
  GAPS: (place) => place % 3 !== 1 && place !== SESSIONS.length - 2,
  GONE: (place) => place < 20,
  KIMpL: () => true,
  MSFT: () => true,
  NA: () => true,
  NEW: (place) => place >= 9,
  REUSED: () => true,
  SPLIT: () => true,
  SPY: () => true,
};
export const SYMBOLS = Object.keys(TRADED);

const cents = (price: number) => Math.round(price * 100) / 100;
/** A bar in whole cents and shares, as an exchange has them. */
export function barOf(symbol: string, date: string, variant = 0): Bar {
  const { open, high, low, close, ...rest } = bar(symbol, date, variant);
  const prices = { open: cents(open), high: cents(high), low: cents(low), close: cents(close) };
  return { ...rest, ...prices, vwap: cents((open + close) / 2), volume: 1000 + (Math.round(open * 977) % 50_000) };
}

export const barsOn = (date: string): Bar[] => {
  const place = SESSIONS.indexOf(date);
  return SYMBOLS.filter((symbol) => TRADED[symbol]!(place)).map((symbol) => barOf(symbol, date));
};

interface Dividend {
  symbol: string;
  ex_date: string;
  cash_amount: number;
}

export const DIVIDENDS: readonly Dividend[] = [
  { symbol: 'SPY', ex_date: SESSIONS[5]!, cash_amount: 1.75 },
  { symbol: 'SPY', ex_date: SESSIONS[22]!, cash_amount: 1.81 },
  { symbol: 'AAPL', ex_date: SESSIONS[15]!, cash_amount: 0.26 },
  // On the day of a split, on the new shares.
  { symbol: 'SPLIT', ex_date: SESSIONS[10]!, cash_amount: 0.5 },
  // Its session before has no bar.
  { symbol: 'GAPS', ex_date: SESSIONS[14]!, cash_amount: 0.4 },
  { symbol: 'REUSED', ex_date: SESSIONS[6]!, cash_amount: 0.3 },
  { symbol: 'REUSED', ex_date: SESSIONS[18]!, cash_amount: 0.2 },
];
export const SPLITS = [
  { symbol: 'SPLIT', execution_date: SESSIONS[10]!, split_from: 1, split_to: 2 },
  { symbol: 'AAPL', execution_date: SESSIONS[8]!, split_from: 3, split_to: 1 },
  { symbol: 'REUSED', execution_date: SESSIONS[16]!, split_from: 1, split_to: 4 },
];

function rowsOf(list: string, rows: readonly object[]): Uint8Array {
  const columns = snapshotColumns(list);
  const empty = Object.fromEntries(columns.map(({ name }) => [name, null]));
  return encodeRows(
    columns,
    rows.map((row) => ({ ...empty, ...row })),
  );
}

export function writeDividends(lake: FileLake, rows: readonly Dividend[]): Promise<void> {
  const whole = rows.map((row) => ({ currency: 'USD', distribution_type: 'recurring', ...row }));
  return lake.write(keys.snapshot('dividends', FIRST), rowsOf('dividends', whole));
}

let template = '';

export function writeSplits(lake: FileLake, rows: readonly (typeof SPLITS)[number][]): Promise<void> {
  return lake.write(keys.snapshot('splits', FIRST), rowsOf('splits', rows));
}

/** @param changes a day from which another company carries the symbol, or from which nobody does */
export function writeHistory(
  lake: FileLake,
  changes: Readonly<Record<string, { takenOver?: string; ended?: string }>> = {},
): Promise<void> {
  const known = { REUSED: { takenOver: TAKEOVER }, GONE: { ended: ENDED }, ...changes };
  const rows = SYMBOLS.flatMap((symbol) => {
    const { takenOver, ended = null }: { takenOver?: string; ended?: string | null } =
      known[symbol as keyof typeof known] ?? {};
    const row = (figi: string, validFrom: string, validTo: string | null) => ({
      ...{ symbol, figi, validFrom, validTo, companyFrom: validFrom, reason: 'first seen' },
      ending: validTo && 'no longer listed',
    });
    if (takenOver === undefined) return [row('A', FIRST, ended)];
    return [row('A', FIRST, takenOver), row('B', takenOver, ended)];
  });
  return lake.write(keys.symbolHistory('tickers', FIRST), encodeSymbolHistory(rows));
}

/** A lake of a dozen symbols up to the session before TONIGHT. */
export async function makeLake(): Promise<FileLake> {
  // Files of tests that share a process share the first one's, as long as it is there.
  if (!existsSync(template)) template = await fillLake(join(temporaryFolder(), 'lake'));
  const folder = join(temporaryFolder(), 'lake');
  cpSync(template, folder, { recursive: true });
  return lakeIn(folder);
}

const lakeIn = (folder: string) => new FileLake(pathToFileURL(folder).href, { durable: false });

async function fillLake(folder: string): Promise<string> {
  const lake = lakeIn(folder);
  await claimLake(lake, 'practice');
  for (const date of SESSIONS.slice(0, -2)) await publish(lake, date, barsOn(date));
  await writeDividends(lake, DIVIDENDS);
  await writeSplits(lake, SPLITS);
  await writeHistory(lake);
  return folder;
}

export interface Options extends Asked {
  adjust?: Adjust;
  /** Ends as a killed one does: after so many files. */
  killedAfter?: number;
}

/** What the command does between its arguments and its words. */
export async function exportTo(
  folder: string,
  lake: FileLake,
  name: FormatName,
  { adjust, killedAfter = Number.POSITIVE_INFINITY, ...asked }: Options = {},
): Promise<Exported & { strayBars: number }> {
  const { signal } = new AbortController();
  const format = FORMATS[name];
  const settings: ExportSettings = {
    format: name,
    version: format.version,
    lake: lake.uri,
    adjust: adjust ?? format.adjusts[0]!,
    symbols: asked.symbols ? [...asked.symbols] : null,
    from: asked.from ?? null,
    to: asked.to ?? null,
  };
  const bars = await openLakeBars(lake, asked, { lists: LIST_VIEWS, scratch: temporaryFolder(), signal });
  try {
    const open = await openFolder(folder, settings);
    try {
      const done = await exportLake(bars, killed(open, killedAfter), { format, adjust: settings.adjust, signal });
      return { ...done, strayBars: bars.strayBars };
    } finally {
      open.close();
    }
  } finally {
    bars.close();
  }
}

function killed(folder: ExportFolder, after: number): ExportFolder {
  let files = 0;
  const write = (path: string, bytes: Buffer) => {
    files += 1;
    if (files > after) throw new Error('killed');
    folder.write(path, bytes);
  };
  return { ...folder, write };
}

/** Every file of an export but its manifest and its lock, by path. */
export function filesIn(folder: string): Map<string, { bytes: string; inode: number }> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.filter((name) => !/afterbell-export/.test(name) && statSync(join(folder, name)).isFile());
  return new Map(
    files.map((name) => {
      const path = join(folder, name);
      return [name, { bytes: readFileSync(path).toString('latin1'), inode: statSync(path).ino }];
    }),
  );
}

/** The files that were replaced, made or removed between two looks. */
export function changed(before: ReturnType<typeof filesIn>, after: ReturnType<typeof filesIn>): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => before.get(name)?.inode !== after.get(name)?.inode).sort();
}

export async function ask(lake: FileLake, sql: string): Promise<Record<string, unknown>[]> {
  const views = await openViews(lake, temporaryFolder(), { intervals: [], lists: LIST_VIEWS });
  try {
    return (await views.connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[];
  } finally {
    views.close();
  }
}

export interface ViewRow {
  symbol: string;
  date: string;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  vwap: number;
  split_factor: number;
  dividend_factor: number;
}

/** Rows of a view by the name of a series: former companies apart. */
export async function viewOf(lake: FileLake, view: string): Promise<Map<string, ViewRow[]>> {
  const rows = await ask(lake, `SELECT * REPLACE (date::VARCHAR AS date) FROM ${view} ORDER BY symbol, date`);
  const found = new Map<string, ViewRow[]>();
  for (const row of rows as unknown as ViewRow[]) {
    const name = row.symbol === 'REUSED' && row.date < TAKEOVER ? 'REUSED_1' : row.symbol;
    found.set(name, [...(found.get(name) ?? []), row]);
  }
  return found;
}
