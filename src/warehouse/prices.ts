import type { Bar } from '../records/bar.ts';
import type { Warehouse } from './client.ts';
import upsert from './queries/upsert-stock-prices.sql';

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
    const [answer] = await warehouse.query(upsert, { rows: `[${rows.join(',')}]`, date, keep });
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
