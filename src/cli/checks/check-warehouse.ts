import { retentionCutoff } from '../../night/apply-retention.ts';
import type { SqlRow, Warehouse } from '../../warehouse/client.ts';
import { readPaged } from '../../warehouse/paged.ts';
import pricesPerSession from '../../warehouse/queries/prices-per-session.sql';
import { figure } from '../terminal.ts';
import type { Check } from './check.ts';
import type { Ingests } from './check-sessions.ts';

/** Rows and watermarks of `stock_prices`, session by session: what prices-per-session.sql answers. */
export type PricesPerSession = readonly SqlRow[];

export function readPricesPerSession(warehouse: Warehouse): Promise<PricesPerSession> {
  return readPaged(warehouse, pricesPerSession, {}, { key: ['date'] });
}

/**
 * Pure: `stock_prices` and watermarks against the sessions held. Of sessions older than the retention some rows or
 * all may be gone.
 * @param now ISO
 */
export function checkPrices(
  rows: PricesPerSession,
  ingests: Ingests,
  { now, years }: { now: string; years: number },
): Check {
  const cutoff = retentionCutoff(now, years);
  const stored = new Map(rows.map((row) => [String(row.date), Number(row.row_count)]));
  const problems: string[] = [];
  const dates = new Set<string>();
  let old = 0;
  for (const [date, ingest] of ingests) {
    const found = stored.get(date) ?? 0;
    // A damaged manifest has been named already, and says nothing about rows.
    if (!ingest || found === ingest.rows) continue;
    if (date < cutoff && found < ingest.rows) old += 1;
    else {
      problems.push(`${date}: ${found} rows in stock_prices, ${ingest.rows} in the session file`);
      dates.add(date);
    }
  }
  const strangers = [...stored.keys()].filter((date) => !ingests.has(date));
  for (const date of strangers) problems.push(`${date}: rows in stock_prices, no session held`);
  const behind = rows.filter((row) => Number(row.behind) > 0 && ingests.get(String(row.date)));
  const symbols = behind.reduce((sum, row) => sum + Number(row.behind), 0);
  if (symbols > 0) problems.push(`${symbols} watermarks are behind stock_prices`);
  for (const { date } of behind) dates.add(String(date));
  return {
    name: 'warehouse',
    counted: `${figure(stored.size)} sessions in stock_prices`,
    problems,
    ...(dates.size > 0 && { rebuild: [{ step: 'load-prices' as const, dates: [...dates].sort() }] }),
    repairs: strangers.map((date) => `npx afterbell backfill --from ${date} --to ${date}`),
    notes: old > 0 ? [`${old} sessions before ${cutoff} are kept in the lake only (RETENTION_YEARS)`] : [],
  };
}
