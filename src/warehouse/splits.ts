import type { Split } from '../records/split.ts';
import type { Warehouse } from './client.ts';
import read from './queries/read-splits.sql';
import store from './queries/store-splits.sql';

/** Rows a call: far below the megabyte at which an answer of the Data API ends, and the four of a request. */
const PAGE_ROWS = 4000;
const WRITE_ROWS = 20_000;

export async function storedSplits(warehouse: Warehouse): Promise<Split[]> {
  const splits: Split[] = [];
  for (;;) {
    const last = splits.at(-1);
    const after = { symbol: last?.symbol ?? '', execution_date: last?.executionDate ?? '0001-01-01' };
    const rows = await warehouse.query(read, { ...after, limit: PAGE_ROWS });
    for (const { symbol, execution_date, split_from, split_to } of rows) {
      const ratio = { splitFrom: Number(split_from), splitTo: Number(split_to) };
      splits.push({ symbol: String(symbol), executionDate: String(execution_date), ...ratio });
    }
    if (rows.length < PAGE_ROWS) return splits;
  }
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
