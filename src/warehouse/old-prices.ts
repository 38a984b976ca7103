import type { Bar } from '../records/bar.ts';
import type { SqlRow, Warehouse } from './client.ts';
import { readPaged } from './paged.ts';
import deleteSql from './queries/delete-prices.sql';
import sessionsSql from './queries/old-price-sessions.sql';
import rowsSql from './queries/price-rows.sql';
import symbolsSql from './queries/price-symbols.sql';

/** Sessions with rows before a date, oldest first. */
export async function oldPriceSessions(warehouse: Warehouse, cutoff: string, limit: number): Promise<string[]> {
  const rows = await warehouse.query(sessionsSql, { cutoff, limit });
  return rows.map(({ date }) => String(date));
}

export async function priceSymbols(warehouse: Warehouse, date: string): Promise<string[]> {
  const rows = await readPaged(warehouse, symbolsSql, { date }, { key: ['symbol'] });
  return rows.map(({ symbol }) => String(symbol));
}

/** The stored rows of these symbols as bars; the warehouse keeps no count of transactions. */
export async function priceRows(warehouse: Warehouse, date: string, symbols: readonly string[]): Promise<Bar[]> {
  if (symbols.length === 0) return [];
  const values = { date, symbols: JSON.stringify(symbols) };
  return (await readPaged(warehouse, rowsSql, values, { key: ['symbol'] })).map((row) => barOf(row, date));
}

/** How many rows were removed. */
export async function deletePrices(warehouse: Warehouse, date: string, symbols: readonly string[]): Promise<number> {
  const [row] = await warehouse.query(deleteSql, { date, symbols: JSON.stringify(symbols) });
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
