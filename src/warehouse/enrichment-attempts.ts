import type { Warehouse } from './client.ts';
import attemptsSql from './queries/enrichment-attempts.sql';
import skippedSql from './queries/skipped-symbols.sql';

/** When a symbol was last asked for (ms since 1970) and how that ended. */
export interface LastAttempt {
  ending: string;
  at: number;
}

/** Every symbol of a dataset that was ever asked for. */
export async function readAttempts(warehouse: Warehouse, dataset: string): Promise<Map<string, LastAttempt>> {
  const [row] = await warehouse.query(attemptsSql, { dataset });
  const attempts = JSON.parse(String(row?.attempts ?? '[]')) as [string, string, number][];
  return new Map(attempts.map(([symbol, ending, at]) => [symbol, { ending, at }]));
}

/** What the sync of instant `at` (ISO) got no value for, with the reason; at most 2,000 of them. */
export async function readSkipped(
  warehouse: Warehouse,
  dataset: string,
  at: string,
): Promise<{ symbol: string; reason: string; row: unknown }[]> {
  const rows = await warehouse.query(skippedSql, { dataset, at: at.replace('T', ' ').replace('Z', '') });
  return rows.map(({ symbol, reason, answer }) => {
    return {
      symbol: String(symbol),
      reason: String(reason ?? ''),
      row: answer === null ? null : JSON.parse(String(answer)),
    };
  });
}
