import type { Split } from '../records/split.ts';
import type { Warehouse } from './client.ts';
import { readPaged } from './paged.ts';
import read from './queries/read-splits.sql';
import store from './queries/store-splits.sql';

/** Rows a call: far below the 4 MiB at which a request of the Data API ends. */
const WRITE_ROWS = 20_000;

export async function storedSplits(warehouse: Warehouse): Promise<Split[]> {
  const rows = await readPaged(warehouse, read, {}, { key: ['symbol', 'execution_date'] });
  return rows.map(({ symbol, execution_date, split_from, split_to }) => {
    const ratio = { splitFrom: Number(split_from), splitTo: Number(split_to) };
    return { symbol: String(symbol), executionDate: String(execution_date), ...ratio };
  });
}

/**
 * Writes splits that came or changed and removes those that are gone; `session` becomes `first_seen` of new ones.
 * Repeating it changes nothing.
 */
export async function storeSplits(
  warehouse: Warehouse,
  session: string,
  { written, gone }: { written: readonly Split[]; gone: readonly Pick<Split, 'symbol' | 'executionDate'>[] },
): Promise<{ new: number; changed: number; gone: number }> {
  const total = { new: 0, changed: 0, gone: 0 };
  const chunks = Math.max(1, Math.ceil(Math.max(written.length, gone.length) / WRITE_ROWS));
  if (written.length + gone.length === 0) return total;
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const [from, to] = [chunk * WRITE_ROWS, (chunk + 1) * WRITE_ROWS];
    const rows = written.slice(from, to).map(({ symbol, executionDate, splitFrom, splitTo }) => {
      // As strings, so that PostgreSQL reads the shortest exact decimal.
      return { s: symbol, d: executionDate, f: String(splitFrom), t: String(splitTo) };
    });
    const left = gone.slice(from, to).map(({ symbol, executionDate }) => ({ s: symbol, d: executionDate }));
    const values = { session, rows: JSON.stringify(rows), gone: JSON.stringify(left) };
    const [answer] = await warehouse.query(store, values);
    for (const key of ['new', 'changed', 'gone'] as const) total[key] += Number(answer?.[key] ?? 0);
  }
  return total;
}
