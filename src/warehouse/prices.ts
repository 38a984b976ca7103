import type { Bar } from '../records/bar.ts';
import { statement } from '../text.ts';
import type { SqlRow, Warehouse } from './client.ts';
import { readPaged } from './paged.ts';
import sql from './prices.sql';

const upsertStockPricesSql = statement(sql, 'upsert-stock-prices');
const deletePricesSql = statement(sql, 'delete-prices');
const oldPriceSessionsSql = statement(sql, 'old-price-sessions');
const priceRowsSql = statement(sql, 'price-rows');
const priceSymbolsSql = statement(sql, 'price-symbols');

/** A Data API request ends at 4 MiB; escaped JSON within JSON needs room. */
const CHUNK_BYTES = 2.5 * 1024 * 1024;

export interface Stored {
  new: number;
  changed: number;
  removed: number;
}

/**
 * Replaces one session in `stock_prices`: rows that differ are written, rows of symbols no longer there go,
 * unchanged rows are not touched. Watermarks move in the same statement.
 */
export async function storePrices(warehouse: Warehouse, date: string, bars: readonly Bar[]): Promise<Stored> {
  const total: Stored = { new: 0, changed: 0, removed: 0 };
  const chunks = chunked(bars);
  for (const [index, rows] of chunks.entries()) {
    const last = index === chunks.length - 1;
    const keep = last ? JSON.stringify(bars.map((bar) => bar.symbol)) : null;
    const [answer] = await warehouse.query(upsertStockPricesSql, { rows: `[${rows.join(',')}]`, date, keep });
    for (const key of ['new', 'changed', 'removed'] as const) total[key] += Number(answer?.[key] ?? 0);
  }
  return total;
}

function chunked(bars: readonly Bar[]): string[][] {
  const chunks: string[][] = [[]];
  let bytes = 0;
  for (const bar of bars) {
    const row = rowJson(bar);
    if (bytes + row.length * 1.2 > CHUNK_BYTES) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)!.push(row);
    bytes += row.length * 1.2;
  }
  return chunks;
}

/** Numbers as strings, so that PostgreSQL reads the shortest exact decimal and no float creeps in. */
function rowJson(bar: Bar): string {
  return JSON.stringify({
    s: bar.symbol,
    o: String(bar.open),
    h: String(bar.high),
    l: String(bar.low),
    c: String(bar.close),
    v: String(bar.volume),
    w: bar.vwap === null ? null : String(bar.vwap),
    f: bar.source,
    t: bar.ingestedAt.replace('T', ' ').replace('Z', ''),
  });
}

/** Sessions with rows before a date, oldest first. */
export async function oldPriceSessions(warehouse: Warehouse, cutoff: string, limit: number): Promise<string[]> {
  const rows = await warehouse.query(oldPriceSessionsSql, { cutoff, limit });
  return rows.map(({ date }) => String(date));
}

export async function priceSymbols(warehouse: Warehouse, date: string): Promise<string[]> {
  const rows = await readPaged(warehouse, priceSymbolsSql, { date }, { key: ['symbol'] });
  return rows.map(({ symbol }) => String(symbol));
}

/** The stored rows of these symbols as bars; the warehouse keeps no count of transactions. */
export async function priceRows(warehouse: Warehouse, date: string, symbols: readonly string[]): Promise<Bar[]> {
  if (symbols.length === 0) return [];
  const values = { date, symbols: JSON.stringify(symbols) };
  return (await readPaged(warehouse, priceRowsSql, values, { key: ['symbol'] })).map((row) => barOf(row, date));
}

/** How many rows were removed. */
export async function deletePrices(warehouse: Warehouse, date: string, symbols: readonly string[]): Promise<number> {
  const [row] = await warehouse.query(deletePricesSql, { date, symbols: JSON.stringify(symbols) });
  return Number(row?.deleted ?? 0);
}

function barOf(row: SqlRow, date: string): Bar {
  return {
    symbol: String(row.symbol),
    date,
    open: Number(row.open),
    high: Number(row.high),
    low: Number(row.low),
    close: Number(row.close),
    volume: Number(row.volume),
    vwap: row.vwap === null || row.vwap === undefined ? null : Number(row.vwap),
    transactions: null,
    source: String(row.source),
    ingestedAt: String(row.ingested_at),
  };
}
