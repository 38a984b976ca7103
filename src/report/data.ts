import { previousSession } from '../calendar/calendar.ts';
import { dateOf } from '../calendar/dates.ts';
import { inFlight } from '../concurrency.ts';
import { SYMBOL_LISTS } from '../datasets/registry.ts';
import { decodeBarColumns } from '../lake/bar-table.ts';
import { openHistory } from '../lake/histories.ts';
import { dateOfKey, keys, type Lake, listAll } from '../lake/lake.ts';
import { decodeRows, type Row } from '../lake/parquet.ts';
import { quarantined } from '../lake/quarantine-file.ts';
import { readReport } from '../lake/reports.ts';
import { publishedSessions, usableIngest } from '../lake/session-files.ts';
import { decodeSilver, type SilverColumns } from '../lake/silver.ts';
import type { NightReport } from '../records/run.ts';
import { wellFormed } from '../text.ts';
import {
  type Candle,
  type CandleSeries,
  type Extract,
  type History,
  NO_HISTORY,
  type ReportedRun,
  type Revision,
  type SymbolCandles,
} from './model.ts';
import { partReader } from './unread.ts';

const YEAR_SESSIONS = 252;
const NIGHTS = 60;
const READERS = 16;

/**
 * What a report shows besides its own run, from the lake alone. A damaged or missing file costs its own part of the
 * page and is named in `unread`, never the page.
 * @param symbols whose bars are drawn; the most traded of the session fill up to as many. None: nothing of earlier
 *   sessions is read, for the chunks of a long backfill
 */
export async function readHistory(lake: Lake, run: ReportedRun, symbols: readonly string[]): Promise<History> {
  const unread: string[] = [];
  const attempt = partReader(unread);
  const held = await attempt('sessions', () => sessionsUpTo(lake, run.session), []);
  const quarantine = await attempt('quarantine', () => readQuarantine(lake, sessionsOf(run)), null);
  if (symbols.length === 0) return { ...NO_HISTORY, held, quarantine, unread };
  const last = held.at(-1);
  return {
    held,
    quarantine,
    rows: await attempt('rows', () => readRows(lake, held.slice(-YEAR_SESSIONS)), []),
    nights: await attempt('nights', () => readNights(lake, run), []),
    revisions: await attempt('revisions', () => readRevisions(lake, run), NO_HISTORY.revisions),
    symbols: await attempt('symbols', () => readSymbolChanges(lake, run.session, previousSession(run.session)), null),
    listings: await attempt('listings', () => readListings(lake, run.session), null),
    candles: last ? await attempt('candles', () => readCandles(lake, last, symbols), []) : [],
    reconcile: await attempt('reconcile', () => readReconcile(lake, run.session), null),
    unread,
  };
}

/** Sessions published up to one, oldest first. */
export async function sessionsUpTo(lake: Lake, session: string): Promise<string[]> {
  return (await publishedSessions(lake)).map(({ date }) => date).filter((date) => date <= session);
}

async function readRows(lake: Lake, dates: readonly string[]): Promise<History['rows']> {
  const rows = new Map<string, number>();
  await inFlight(dates, READERS, async (date) => {
    const ingest = await usableIngest(lake, date);
    if (ingest) rows.set(date, ingest.rows);
  });
  return dates.filter((date) => rows.has(date)).map((date) => ({ date, rows: rows.get(date)! }));
}

/** The newest report of each session; a run of its own kind that has no night.json counts for its session too. */
async function readNights(lake: Lake, run: ReportedRun): Promise<History['nights']> {
  const keys = (await listAll(lake, 'reports/date='))
    .map(({ key }) => key)
    .filter((key) => key.endsWith('/night.json') && (dateOfKey(key) ?? '') < run.session)
    .slice(-NIGHTS);
  const reports = new Map<string, NightReport>();
  await inFlight(keys, READERS, async (key) => {
    const report = await readReport(lake, key).catch(() => undefined);
    if (report) reports.set(key, report);
  });
  const earlier = keys.flatMap((key) => reports.get(key) ?? []);
  return [...earlier, run].map(({ session, status, seconds, datasets }) => ({
    session,
    status,
    seconds,
    datasets: datasets.map((set) => ({ name: set.name, status: set.status, seconds: set.seconds })),
  }));
}

const LARGEST = 15;
const PRICES = ['open', 'high', 'low', 'close'] as const;

/** Symbols with a bar in one of two sessions only; null unless both are held. */
export async function readSymbolChanges(lake: Lake, session: string, before: string): Promise<History['symbols']> {
  const [now, then] = [await symbolsOf(lake, session), await symbolsOf(lake, before)];
  if (!now || !then) return null;
  return { before, added: except(now, then), vanished: except(then, now) };
}

async function symbolsOf(lake: Lake, session: string): Promise<Set<string> | undefined> {
  const bytes = await lake.read(keys.session(session));
  return bytes && new Set((await decodeBarColumns(bytes, keys.session(session))).symbol.values);
}

function except(symbols: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  return [...symbols].filter((symbol) => !others.has(symbol)).sort();
}

/** What this run found changed in bars that were served already: how many, and the largest moves of a price. */
export async function readRevisions(lake: Lake, run: ReportedRun): Promise<History['revisions']> {
  const found: Revision[] = [];
  let total = 0;
  for (const date of run.sessions.published) {
    for (const { key } of await listAll(lake, `${keys.revisionsOf}date=${date}/`)) {
      const rows = await decodeRows((await lake.read(key)) ?? new Uint8Array(), key, ['run_id', 'symbol', 'kind']);
      for (const row of rows) {
        if (row.run_id !== run.runId) continue;
        total += 1;
        if (row.kind === 'changed') found.push(...changedPrices(row, date));
      }
    }
  }
  const size = ({ before, after }: Revision) => Math.abs((after ?? 0) / (before || 1) - 1);
  return { total, largest: found.sort((a, b) => size(b) - size(a)).slice(0, LARGEST) };
}

function changedPrices(row: Row, date: string): Revision[] {
  return PRICES.flatMap((field) => {
    const [before, after] = [row[`${field}_before`] as number | null, row[`${field}_after`] as number | null];
    return before === after ? [] : [{ symbol: String(row.symbol), date, field, before, after }];
  });
}

const SHOWN = 20;

/** Refused rows of sessions by dataset and reason; null when none was refused. */
export async function readQuarantine(lake: Lake, sessions: readonly string[]): Promise<Extract | null> {
  const refused = await quarantined(lake, { sessions });
  if (refused.length === 0) return null;
  return extract(
    ['session', 'dataset', 'symbol', 'reason', 'row'],
    refused.map((one) => {
      return [one.session, one.dataset, one.symbol, one.reason, wellFormed(JSON.stringify(one.row), 200)];
    }),
    ([, dataset, , reason]) => [dataset!, reason!],
  );
}

/** The sessions a run is about, in order; not those it found as they are served. */
export function sessionsOf({ session, sessions }: Pick<ReportedRun, 'session' | 'sessions'>): string[] {
  return [...new Set([session, ...sessions.published, ...sessions.held, ...sessions.failed])].sort();
}

/** Where lists of symbols disagree, by reason; null when the night left no such table. */
export async function readReconcile(lake: Lake, session: string): Promise<Extract | null> {
  const key = keys.report(session, 'reconcile.parquet');
  const bytes = await lake.read(key);
  if (!bytes) return null;
  const rows = await decodeRows(bytes, key, ['symbol', 'reason']);
  const differing = rows.filter(({ reason }) => reason !== null && reason !== '');
  const head = Object.keys(rows[0] ?? { symbol: '', reason: '' });
  const reasonAt = head.indexOf('reason');
  return extract(
    head,
    differing.map((row) => head.map((name) => String(row[name] ?? ''))),
    (row) => [row[reasonAt]!],
  );
}

/** What was listed, delisted, renamed or reused on a session, by list; null when nothing was. */
export async function readListings(lake: Lake, session: string): Promise<Extract | null> {
  const head = ['dataset', 'change', 'symbol', 'former_symbol', 'reason'];
  const rows: string[][] = [];
  for (const dataset of SYMBOL_LISTS) {
    const key = keys.symbolChanges(dataset, session);
    const bytes = await lake.read(key);
    if (!bytes) continue;
    for (const row of await decodeRows(bytes, key, head)) rows.push(head.map((name) => String(row[name] ?? '')));
  }
  return rows.length === 0 ? null : extract(head, rows, ([dataset, change]) => [dataset!, change!]);
}

/** Counts by the words that `kind` picks, the most frequent first, and some rows of each so that all kinds are seen. */
function extract(head: string[], rows: string[][], kind: (row: readonly string[]) => string[]): Extract {
  const kinds = new Map<string, { words: string[]; rows: string[][] }>();
  for (const row of rows) {
    const words = kind(row);
    const same = kinds.get(words.join('\n')) ?? { words, rows: [] };
    same.rows.push(row);
    kinds.set(words.join('\n'), same);
  }
  const sorted = [...kinds.values()].sort((a, b) => b.rows.length - a.rows.length);
  const each = Math.max(Math.floor(SHOWN / Math.max(sorted.length, 1)), 1);
  return {
    total: rows.length,
    counts: sorted.map((one) => ({ words: one.words, count: one.rows.length })),
    head,
    rows: sorted.flatMap((one) => one.rows.slice(0, each)).slice(0, SHOWN),
  };
}

const DAILY = 60;
const WINDOWS = 16;
/** A month has at least so many sessions. */
const MONTH_SESSIONS = 19;
const CANDLE_READERS = 8;

type Prices = Pick<SilverColumns, 'date' | 'open' | 'high' | 'low' | 'close'>;

/**
 * The last bars of each symbol: daily ones from its history file, N-session ones from the newest month files.
 * @param session of which the most traded symbols take the places of those the lake does not hold
 * @throws Lake.Corrupt
 */
export async function readCandles(lake: Lake, session: string, wanted: readonly string[]): Promise<SymbolCandles[]> {
  return symbolCandles(lake, await namedSymbols(lake, session, wanted));
}

/** The same of exactly these symbols; those without a bar are left out. @throws Lake.Corrupt */
async function symbolCandles(lake: Lake, symbols: readonly string[]): Promise<SymbolCandles[]> {
  const series = new Map<string, CandleSeries[]>(symbols.map((symbol) => [symbol, []]));
  await inFlight(symbols, CANDLE_READERS, async (symbol) => {
    const stored = await openHistory(lake, symbol);
    if (!stored) return;
    const bars = await decodeBarColumns(stored.bytes, stored.key);
    const from = Math.max(bars.date.length - DAILY, 0);
    const candles = Array.from({ length: bars.date.length - from }, (_, row) => candle(bars, from + row, true));
    series.get(symbol)!.push({ sessions: 1, candles });
  });
  for (const [interval, files] of await silverFiles(lake)) {
    const bars = await windowsOf(lake, files, new Set(symbols));
    for (const [symbol, candles] of bars) {
      series.get(symbol)!.push({ sessions: interval, candles: candles.slice(-WINDOWS) });
    }
  }
  return symbols.map((symbol) => ({ symbol, series: series.get(symbol)! })).filter((one) => one.series.length > 0);
}

/** Those of the list that traded, in its order, then the most traded ones by value. */
async function namedSymbols(lake: Lake, session: string, wanted: readonly string[]): Promise<string[]> {
  const bytes = await lake.read(keys.session(session));
  if (!bytes) return [];
  const { symbol, close, volume } = await decodeBarColumns(bytes, keys.session(session));
  const traded = new Map(Array.from(symbol.codes, (code, row) => [symbol.values[code]!, close[row]! * volume[row]!]));
  const named = wanted.filter((name) => traded.has(name));
  const others = [...traded].filter(([name]) => !named.includes(name)).sort(([, a], [, b]) => b - a);
  return [...named, ...others.slice(0, wanted.length - named.length).map(([name]) => name)];
}

/** Month files of each interval, oldest first; only as many as the windows drawn can reach back. */
async function silverFiles(lake: Lake): Promise<[interval: number, files: string[]][]> {
  const found = new Map<number, string[]>();
  for (const { key } of await listAll(lake, 'silver/')) {
    const interval = Number(/^silver\/silver_(\d+)d\/.*\.parquet$/.exec(key)?.[1]);
    if (interval > 0) found.set(interval, [...(found.get(interval) ?? []), key]);
  }
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([interval, files]) => [interval, files.sort().slice(-Math.ceil((WINDOWS * interval) / MONTH_SESSIONS) - 1)]);
}

async function windowsOf(lake: Lake, files: readonly string[], symbols: ReadonlySet<string>) {
  const months = new Map<string, SilverColumns>();
  await inFlight(files, CANDLE_READERS, async (key) => {
    const bytes = await lake.read(key);
    if (bytes) months.set(key, await decodeSilver(bytes, key));
  });
  const found = new Map<string, Candle[]>();
  for (const columns of files.flatMap((key) => months.get(key) ?? [])) {
    const codes = new Map<number, string>();
    for (const [code, value] of columns.symbol.values.entries()) if (symbols.has(value)) codes.set(code, value);
    for (let row = 0; row < columns.date.length; row++) {
      const symbol = codes.get(columns.symbol.codes[row]!);
      if (symbol === undefined) continue;
      const candles = found.get(symbol) ?? [];
      if (candles.length === 0) found.set(symbol, candles);
      candles.push(candle(columns, row, columns.complete[row] === 1));
    }
  }
  return found;
}

function candle({ date, open, high, low, close }: Prices, row: number, complete: boolean): Candle {
  return {
    date: dateOf(date[row]!),
    open: open[row]!,
    high: high[row]!,
    low: low[row]!,
    close: close[row]!,
    complete,
  };
}
