import type { LakeReader } from './lake-reader.ts';
import { type Bar, barOf, difference, keyOf, type Served, sameBar } from './oracle-bar.ts';
import { numberOf, SESSIONS, sessionNumbered } from './sessions.ts';

/** Every served bar by symbol and then by date. */
export function bySymbol(served: Served): Map<string, Map<string, Bar>> {
  const found = new Map<string, Map<string, Bar>>();
  for (const date of [...served.keys()].sort()) {
    for (const [symbol, bar] of served.get(date)!) {
      const own = found.get(symbol) ?? new Map<string, Bar>();
      found.set(symbol, own.set(date, bar));
    }
  }
  return found;
}

/** One history file a symbol has the rows of the session files, and the manifest tells of them. */
export async function checkHistories(lake: LakeReader, served: Served): Promise<string[]> {
  const problems: string[] = [];
  const wanted = bySymbol(served);
  const manifest = new Map<string, Record<string, unknown>>();
  for (const row of await lake.rows('processing_metadata/consolidation_manifest.parquet')) {
    if (manifest.has(String(row.symbol))) problems.push(`the manifest has ${row.symbol} twice`);
    manifest.set(String(row.symbol), row);
  }
  const keys = new Set<string>();
  for (const [symbol, bars] of wanted) {
    const key = `bronze/raw_ohlcv/symbol=${keyOf(symbol)}/data.parquet`;
    keys.add(key);
    const rows = await lake.rows(key);
    const found = new Map(rows.map((row) => [String(row.date), barOf(row)]));
    const wrong = difference(bars, found, sameBar);
    if (wrong) problems.push(`the history of ${symbol} ${wrong}`);
    if (found.size !== rows.length) problems.push(`the history of ${symbol} has a date twice`);
    if (rows.some((row) => row.symbol !== symbol)) problems.push(`the history of ${symbol} has rows of another`);
    if (rows.some((row, place) => place > 0 && String(row.date) <= String(rows[place - 1]!.date)))
      problems.push(`the history of ${symbol} is not in order`);
    const entry = manifest.get(symbol);
    const updated = rows
      .map((row) => String(row.ingested_at))
      .sort()
      .at(-1);
    const told = [entry?.row_count, entry?.last_consolidated_date, entry?.last_updated].join(' ');
    if (!wrong && told !== [rows.length, rows.at(-1)?.date, updated].join(' '))
      problems.push(
        `the manifest says of ${symbol}: ${told}, its history has ${rows.length} rows to ${rows.at(-1)?.date}, ${updated}`,
      );
  }
  for (const symbol of manifest.keys())
    if (!wanted.has(symbol)) problems.push(`the manifest has ${symbol}, which is not served`);
  for (const key of lake.keys('bronze/raw_ohlcv/'))
    if (key.endsWith('/data.parquet') && !keys.has(key) && (await lake.rows(key)).length > 0)
      problems.push(`${key} is the history of nothing that is served`);
  return problems;
}

interface Split {
  symbol: string;
  date: string;
  from: number;
  to: number;
}

interface WindowBar {
  end: string;
  complete: boolean;
  bars: number;
  o: number;
  h: number;
  l: number;
  c: number;
  v: number;
}

/** N-session bars, naively: each window of each symbol from its daily bars. */
export async function checkWindows(lake: LakeReader, served: Served, intervals: readonly number[]): Promise<string[]> {
  const newest = [...served.keys()].sort().at(-1);
  if (newest === undefined) return [];
  const splits = await readSplits(lake, newest);
  const takeovers = await readTakeovers(lake);
  const problems: string[] = [];
  for (const interval of intervals) {
    const wanted = new Map<string, WindowBar>();
    for (const [symbol, bars] of bySymbol(served)) {
      const own = splits.filter((split) => split.symbol === symbol);
      for (const [start, window] of windowsOf(bars, own, takeovers.get(symbol) ?? [], interval))
        wanted.set(`${symbol} ${start}`, { ...window, complete: window.end <= newest });
    }
    const found = new Map<string, WindowBar>();
    for (const key of lake.keys(`silver/silver_${interval}d/`)) {
      const [, year, month] = /year=(\d+)\/month=(\d+)\//.exec(key) ?? [];
      for (const row of await lake.rows(key)) {
        const { symbol, date, window_end: end, complete, bars } = row as Record<string, string> & { bars: number };
        const name = `${symbol} ${date}`;
        if (found.has(name)) problems.push(`${interval} sessions: ${name} is there twice`);
        if (!String(date).startsWith(`${year}-${String(month).padStart(2, '0')}`))
          problems.push(`${key} holds ${date}`);
        const { o, h, l, c, v } = barOf(row);
        found.set(name, { end: String(end), complete: complete as unknown as boolean, bars, o, h, l, c, v });
      }
    }
    const wrong = difference(wanted, found, sameWindow);
    if (wrong) problems.push(`bars of ${interval} sessions: ${wrong}`);
  }
  return problems;
}

function windowsOf(
  bars: ReadonlyMap<string, Bar>,
  splits: readonly Split[],
  takeovers: readonly string[],
  interval: number,
): Map<string, Omit<WindowBar, 'complete'>> {
  const found = new Map<string, Omit<WindowBar, 'complete'> & { company: number }>();
  for (const [date, bar] of bars) {
    const index = Math.floor(numberOf(date) / interval);
    const start = sessionNumbered(index * interval)!;
    const end = sessionNumbered(index * interval + interval - 1)!;
    const company = takeovers.filter((day) => day <= date).length;
    const until = takeovers[company] ?? '9999';
    const since = takeovers[company - 1] ?? '0000';
    let factor = 1;
    for (const split of splits)
      if (split.date > date && split.date > since && split.date < until) factor *= split.from / split.to;
    const before = found.get(start);
    const [o, h, l, c, v] = [bar.o * factor, bar.h * factor, bar.l * factor, bar.c * factor, bar.v / factor];
    // A window is of the company that has the symbol in its last bar.
    if (!before || before.company !== company) found.set(start, { company, end, bars: 1, o, h, l, c, v });
    else {
      const [high, low] = [Math.max(before.h, h), Math.min(before.l, l)];
      found.set(start, { company, end, bars: before.bars + 1, o: before.o, h: high, l: low, c, v: before.v + v });
    }
  }
  return found;
}

function sameWindow(a: WindowBar, b: WindowBar): boolean {
  if (a.end !== b.end || a.complete !== b.complete || a.bars !== b.bars) return false;
  const near = (x: number, y: number) =>
    Math.abs(x - y) <= 1e-9 * Math.max(Math.abs(x), Math.abs(y)) + 1e-5 * Number(x > 100);
  return near(a.o, b.o) && near(a.h, b.h) && near(a.l, b.l) && near(a.c, b.c) && near(a.v, b.v);
}

/** Those in force on a day, each ratio of a day once. */
async function readSplits(lake: LakeReader, newest: string): Promise<Split[]> {
  const rows = await newestRows(lake, 'splits');
  const found = new Map<string, Split>();
  for (const { symbol, execution_date, split_from, split_to } of rows) {
    const split = {
      symbol: String(symbol),
      date: String(execution_date),
      from: Number(split_from),
      to: Number(split_to),
    };
    if (split.date <= newest) found.set(`${split.symbol} ${split.date} ${split.from}:${split.to}`, split);
  }
  return [...found.values()];
}

/** Symbol → days on which another company took it over, in order. */
async function readTakeovers(lake: LakeReader): Promise<Map<string, string[]>> {
  const companies = new Map<string, Set<string>>();
  for (const { symbol, company_from } of await newestRows(lake, 'tickers_history')) {
    const own = companies.get(String(symbol)) ?? new Set<string>();
    companies.set(String(symbol), own.add(String(company_from)));
  }
  return new Map([...companies].map(([symbol, days]) => [symbol, [...days].sort().slice(1)]));
}

/** Rows of a list's newest file in `reference/`. */
export async function newestRows(lake: LakeReader, dataset: string): Promise<Record<string, unknown>[]> {
  const key = lake.keys(`reference/${dataset}/date=`).at(-1);
  return key === undefined ? [] : lake.rows(key);
}

/** Sessions of the calendar in a range, both ends included. */
export function sessionsFrom(from: string, to: string): string[] {
  return SESSIONS.filter((date) => date >= from && date <= to);
}
