import type { Bar } from '../records/bar.ts';
import type { SqlRow, Warehouse } from './client.ts';
import deleteSql from './queries/delete-prices.sql';
import sessionsSql from './queries/old-price-sessions.sql';
import rowsSql from './queries/price-rows.sql';
import symbolsSql from './queries/price-symbols.sql';

/** Rows an answer is asked for at once; the Data API ends at 1 MiB. */
const ROWS = 1000;

/** Sessions with rows before a date, oldest first. */
export async function oldPriceSessions(warehouse: Warehouse, cutoff: string, limit: number): Promise<string[]> {
  const rows = await warehouse.query(sessionsSql, { cutoff, limit });
  return rows.map(({ date }) => String(date));
}

export async function priceSymbols(warehouse: Warehouse, date: string): Promise<string[]> {
  const [row] = await warehouse.query(symbolsSql, { date });
  return JSON.parse(String(row?.symbols ?? '[]')) as string[];
}

/** The stored rows of these symbols as bars; the warehouse keeps no count of transactions. */
export async function priceRows(warehouse: Warehouse, date: string, symbols: readonly string[]): Promise<Bar[]> {
  const bars: Bar[] = [];
  for (let start = 0; start < symbols.length; start += ROWS) {
    const names = JSON.stringify(symbols.slice(start, start + ROWS));
    for (const row of await warehouse.query(rowsSql, { date, symbols: names })) bars.push(barOf(row, date));
  }
  return bars;
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
