import type { Warehouse } from './client.ts';
import { readPaged } from './paged.ts';
import attemptsSql from './queries/enrichment-attempts.sql';
import skippedSql from './queries/skipped-symbols.sql';

/** When a symbol was last asked for (ms since 1970) and how that ended. */
export interface LastAttempt {
  ending: string;
  at: number;
}

/** Every symbol of a dataset that was ever asked for. */
export async function readAttempts(warehouse: Warehouse, dataset: string): Promise<Map<string, LastAttempt>> {
  const rows = await readPaged(warehouse, attemptsSql, { dataset }, { key: ['symbol'] });
  return new Map(rows.map(({ symbol, ending, at }) => [String(symbol), { ending: String(ending), at: Number(at) }]));
}

/** What the sync of instant `at` (ISO) got no value for, with the reason. */
export async function readSkipped(
  warehouse: Warehouse,
  dataset: string,
  at: string,
): Promise<{ symbol: string; reason: string; row: unknown }[]> {
  const values = { dataset, at: at.replace('T', ' ').replace('Z', '') };
  const rows = await readPaged(warehouse, skippedSql, values, { key: ['symbol'] });
  return rows.map(({ symbol, reason, answer }) => {
    return {
      symbol: String(symbol),
      reason: String(reason ?? ''),
      row: answer === null ? null : JSON.parse(String(answer)),
    };
  });
}
