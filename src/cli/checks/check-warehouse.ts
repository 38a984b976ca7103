import pricesPerSession from '../../warehouse/queries/prices-per-session.sql';
import type { Context } from '../context.ts';
import { withWarehouse } from '../read-warehouse.ts';
import { figure } from '../terminal.ts';
import { type Check, refetch } from './check.ts';
import type { Ingests } from './check-sessions.ts';

/** `stock_prices` and watermarks against the sessions held. */
export async function checkWarehouse(ingests: Ingests, context: Context): Promise<Check> {
  const name = 'warehouse';
  const rows = await withWarehouse(context, (warehouse) => warehouse.query(pricesPerSession)).catch(
    (error: Error) => error,
  );
  if (rows instanceof Error) return { name, counted: 'not reached', problems: [rows.message], repairs: [], notes: [] };
  const stored = new Map((rows ?? []).map((row) => [String(row.date), Number(row.row_count)]));
  const problems: string[] = [];
  for (const [date, ingest] of ingests) {
    const found = stored.get(date) ?? 0;
    // A damaged manifest has been named already, and says nothing about rows.
    if (ingest && found !== ingest.rows)
      problems.push(`${date}: ${found} rows in stock_prices, ${ingest.rows} in the session file`);
  }
  for (const date of stored.keys())
    if (!ingests.has(date)) problems.push(`${date}: rows in stock_prices, no session held`);
  const behind = (rows ?? []).reduce((sum, row) => sum + Number(row.behind), 0);
  if (behind > 0) problems.push(`${behind} watermarks are behind stock_prices`);
  const dates = [...ingests]
    .filter(([date, ingest]) => ingest && stored.get(date) !== ingest.rows)
    .map(([date]) => date);
  return {
    name,
    counted: `${figure(stored.size)} sessions in stock_prices`,
    problems,
    repairs: dates.map(refetch),
    notes: [],
  };
}
