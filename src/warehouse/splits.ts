import type { Split } from '../records/split.ts';
import type { Warehouse } from './client.ts';
import { readPaged } from './paged.ts';
import read from './queries/read-splits.sql';
import store from './queries/store-splits.sql';

/** Rows a call: far below the 4 MiB at which a request of the Data API ends. */
const WRITE_ROWS = 20_000;

export async function storedSplits(warehouse: Warehouse): Promise<Split[]> {
  const rows = await readPaged(warehouse, read, {}, { key: ['symbol', 'execution_date', 'split_from', 'split_to'] });
  return rows.map(splitIn);
}

/** A split as a row of a table or a list has it; earlier versions stored neither type nor factor. */
export function splitIn(row: Record<string, unknown>): Split {
  const { symbol, execution_date, split_from, split_to, adjustment_type: type } = row;
  const factor = row.historical_adjustment_factor;
  return {
    symbol: String(symbol),
    executionDate: String(execution_date).slice(0, 10),
    splitFrom: Number(split_from),
    splitTo: Number(split_to),
    ...(typeof type === 'string' && { adjustmentType: type }),
    ...(factor !== null && factor !== undefined && { historicalAdjustmentFactor: Number(factor) }),
  };
}

/**
 * Writes splits that came or changed and removes those that are gone; `session` becomes `first_seen` of new ones.
 * Repeating it changes nothing.
 */
export async function storeSplits(
  warehouse: Warehouse,
  session: string,
  { written, gone }: { written: readonly Split[]; gone: readonly Split[] },
): Promise<{ new: number; changed: number; gone: number }> {
  const total = { new: 0, changed: 0, gone: 0 };
  const chunks = Math.max(1, Math.ceil(Math.max(written.length, gone.length) / WRITE_ROWS));
  if (written.length + gone.length === 0) return total;
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const [from, to] = [chunk * WRITE_ROWS, (chunk + 1) * WRITE_ROWS];
    const rows = written.slice(from, to).map((split) => {
      const { adjustmentType: k, historicalAdjustmentFactor: factor } = split;
      return { ...keyOf(split), k, h: factor === undefined ? undefined : String(factor) };
    });
    const left = gone.slice(from, to).map(keyOf);
    const values = { session, rows: JSON.stringify(rows), gone: JSON.stringify(left) };
    const [answer] = await warehouse.query(store, values);
    for (const key of ['new', 'changed', 'gone'] as const) total[key] += Number(answer?.[key] ?? 0);
  }
  return total;
}

/** Numbers as strings, so that PostgreSQL reads the shortest exact decimal. */
function keyOf({ symbol, executionDate, splitFrom, splitTo }: Split) {
  return { s: symbol, d: executionDate, f: String(splitFrom), t: String(splitTo) };
}
