import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { isSession } from '../calendar/calendar.ts';
import { DAY_MS, dateOf } from '../calendar/dates.ts';
import { sqlText, textList } from '../lake/exact-paths.ts';
import type { Lake } from '../lake/lake.ts';
import { publishedSessions } from '../lake/session-files.ts';
import { allBars, type ListView, openViews } from '../lake/views.ts';
import { statement } from '../text.ts';
import texts from './lake-bars.sql';
import type { Action, SymbolBars, SymbolFacts } from './series.ts';

/** Bars in memory at once, of some 60 bytes each. */
const BARS_AT_ONCE = 2_500_000;

export interface Asked {
  symbols?: readonly string[];
  from?: string;
  to?: string;
}

/** What there is of a symbol's bars: how many, from when to when (days since 1970), and a checksum of all of them. */
export interface BarSummary {
  symbol: string;
  rows: number;
  first: number;
  last: number;
  checksum: string;
  /** The same of its bars up to the day that was asked about. */
  before: { rows: number; checksum: string };
}

/** The bars and corporate actions of a lake, as an export asks for them. */
export interface LakeBars {
  /** Sessions there are bars of, in order. */
  days: readonly string[];
  /** Bars on days that are no sessions: they are left out. */
  strayBars: number;
  summaries(upTo: string): Promise<BarSummary[]>;
  facts(): Promise<Map<string, SymbolFacts>>;
  /** Of all symbols, whatever was asked for. */
  symbols(): Promise<string[]>;
  /** Bars of these symbols, one symbol after another. @param since only bars of this day or later */
  bars(summaries: readonly Pick<BarSummary, 'symbol' | 'rows'>[], since?: number): AsyncIterable<[string, SymbolBars]>;
  close(): void;
}

/** @throws Lake.Corrupt, naming the file, as `openViews` and every query of it */
export async function openLakeBars(
  lake: Lake,
  { symbols, from, to }: Asked,
  { lists, scratch, signal }: { lists: readonly ListView[]; scratch: string; signal: AbortSignal },
): Promise<LakeBars> {
  const all = await allBars(lake);
  const wanted = new Set([all, 'corporate_actions', 'symbol_history']);
  const views = await openViews(lake, scratch, { intervals: [], lists, signal, isWanted: (name) => wanted.has(name) });
  const { connection } = views;
  const blamed = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw await views.blame(error as Error);
    }
  };
  const rows = (sql: string) =>
    blamed(async () => (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[]);
  try {
    await connection.run(`SET temp_directory = ${sqlText(`${scratch}/spill`)}`);
    const conditions = [
      ...(symbols ? [`list_contains(${textList(symbols)}, symbol)`] : []),
      ...(from === undefined ? [] : [`date >= DATE '${from}'`]),
      ...(to === undefined ? [] : [`date <= DATE '${to}'`]),
    ];
    const chosen = `SELECT symbol, date, open, high, low, close, volume, vwap FROM ${all} WHERE ${['true', ...conditions].join(' AND ')}`;
    // Sessions are known from their manifests; what an adopted history has, only from its bars.
    const isIn = (date: string) => date >= (from ?? '') && date <= (to ?? '9999');
    const dates =
      all === 'sessions'
        ? (await publishedSessions(lake)).map(({ date }) => date).filter(isIn)
        : (await rows(`SELECT DISTINCT date::VARCHAR AS date FROM (${chosen}) ORDER BY date`)).map(({ date }) =>
            String(date),
          );
    const strays = dates.filter((date) => !isKnownSession(date));
    const isStray = `list_contains(${textList(strays)}::DATE[], date)`;
    const [counted] =
      strays.length === 0 ? [] : await rows(`SELECT count(*)::INTEGER AS bars FROM (${chosen}) WHERE ${isStray}`);
    await connection.run(`CREATE TEMP VIEW asked_bars AS ${chosen}${strays.length === 0 ? '' : ` AND NOT ${isStray}`}`);
    return {
      days: dates.filter((date) => !strays.includes(date)),
      strayBars: Number(counted?.bars ?? 0),
      summaries: async (upTo) => (await rows(statement(texts, 'summaries').replaceAll('{up_to}', upTo))).map(summaryOf),
      facts: async () => factsOf(await rows(statement(texts, 'facts'))),
      symbols: async () => (await rows(`SELECT DISTINCT symbol FROM ${all}`)).map(({ symbol }) => String(symbol)),
      async *bars(summaries, since) {
        for (const batch of batches(summaries)) {
          signal.throwIfAborted();
          yield* await blamed(() => readBars(connection, batch, since));
        }
      },
      close: views.close,
    };
  } catch (error) {
    const { blame, close } = views;
    const cause = await blame(error as Error);
    close();
    throw cause;
  }
}

/** An adopted history may reach further back than the calendar. */
function isKnownSession(date: string): boolean {
  try {
    return isSession(date);
  } catch {
    return false;
  }
}

function summaryOf(row: Record<string, unknown>): BarSummary {
  const { symbol, rows, first, last, checksum, rows_before, checksum_before } = row;
  return {
    symbol: String(symbol),
    rows: Number(rows),
    first: Number(first),
    last: Number(last),
    checksum: String(checksum),
    before: { rows: Number(rows_before), checksum: String(checksum_before) },
  };
}

const dayOf = (date: unknown) => (date === null ? null : Date.parse(String(date)) / DAY_MS);

function factsOf(rows: readonly Record<string, unknown>[]): Map<string, SymbolFacts> {
  const facts = new Map<string, { takeovers: number[]; actions: Action[]; endedOn: number | null }>();
  for (const row of rows) {
    const symbol = String(row.symbol);
    const own = facts.get(symbol) ?? { takeovers: [], actions: [], endedOn: null };
    facts.set(symbol, own);
    const day = dayOf(row.day)!;
    if (row.kind === 'takeover') own.takeovers.push(day);
    else if (row.kind === 'end') own.endedOn = day;
    else
      own.actions.push({
        day,
        sharesFrom: Number(row.shares_from),
        sharesTo: Number(row.shares_to),
        cash: Number(row.cash),
        dividendFactor: Number(row.dividend_factor),
        companyFrom: dayOf(row.company_from),
      });
  }
  return facts;
}

/** Pure: symbols in order, as many as give a good number of bars. */
function batches<T extends { rows: number }>(summaries: readonly T[]): T[][] {
  const found: T[][] = [];
  let bars = Number.POSITIVE_INFINITY;
  for (const one of summaries) {
    if (bars + one.rows > BARS_AT_ONCE) {
      found.push([]);
      bars = 0;
    }
    found.at(-1)!.push(one);
    bars += one.rows;
  }
  return found;
}

const COLUMNS = ['open', 'high', 'low', 'close', 'volume', 'vwap'] as const;

async function readBars(
  connection: DuckDBConnection,
  batch: readonly { symbol: string; rows: number }[],
  since: number | undefined,
): Promise<[string, SymbolBars][]> {
  await connection.run(`SET VARIABLE batch = ${textList(batch.map(({ symbol }) => symbol))}`);
  const later = since === undefined ? 'true' : `date >= DATE '${dateOf(since)}'`;
  const result = await connection.run(statement(texts, 'bars').replaceAll('{later}', later));
  const found = new Map<number, { at: number; bars: SymbolBars }>();
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) break;
    const [sid, day, ...values] = columnsOf(chunk);
    for (let row = 0; row < chunk.rowCount; ) {
      let end = row + 1;
      while (end < chunk.rowCount && sid![end] === sid![row]) end += 1;
      const place = sid![row]!;
      const own = found.get(place) ?? { at: 0, bars: room(batch[place]!.rows) };
      found.set(place, own);
      // A session may have got a row of it since its rows were counted.
      if (own.at + end - row > own.bars.day.length) own.bars = resized(own.bars, 2 * (own.at + end - row));
      own.bars.day.set(day!.subarray(row, end) as Int32Array, own.at);
      for (const [index, name] of COLUMNS.entries()) own.bars[name].set(values[index]!.subarray(row, end), own.at);
      own.at += end - row;
      row = end;
    }
  }
  return [...found].map(([place, { at, bars }]) => [batch[place]!.symbol, resized(bars, at)]);
}

/** The typed arrays behind columns without nulls: the typings hide them, and a call a value would take ten times as long. */
function columnsOf(chunk: DuckDBDataChunk): (Int32Array | Float64Array)[] {
  return Array.from({ length: chunk.columnCount }, (_, place) => {
    return (chunk.getColumnVector(place) as unknown as { items: Int32Array | Float64Array }).items;
  });
}

function room(rows: number): SymbolBars {
  const values = () => new Float64Array(rows);
  return {
    day: new Int32Array(rows),
    open: values(),
    high: values(),
    low: values(),
    close: values(),
    volume: values(),
    vwap: values(),
  };
}

function resized(bars: SymbolBars, rows: number): SymbolBars {
  if (bars.day.length === rows) return bars;
  const found = room(rows);
  for (const name of ['day', ...COLUMNS] as const) found[name].set(bars[name].subarray(0, rows));
  return found;
}
