import type { Warehouse } from './client.ts';
import { readPaged } from './paged.ts';
import dropMembers from './queries/drop-members.sql';
import knownRunsSql from './queries/known-runs.sql';
import restoreMembersSql from './queries/restore-members.sql';
import storedMembersSql from './queries/stored-members.sql';

/** Symbols a call: far below the 4 MiB at which a request of the Data API ends. */
const WRITE_SYMBOLS = 4000;

/** One row of `index_members`. */
export interface MemberRow {
  symbol: string;
  validFrom: string;
  validTo: string | null;
}

/** Every membership of an index that is stored. */
export async function storedMembers(warehouse: Warehouse, index: string): Promise<MemberRow[]> {
  const rows = await readPaged(warehouse, storedMembersSql, { index }, { key: ['symbol', 'valid_from'] });
  return rows.map(({ symbol, valid_from, valid_to }) => {
    return { symbol: String(symbol), validFrom: String(valid_from), validTo: valid_to ? String(valid_to) : null };
  });
}

/**
 * Puts these symbols' memberships from a day on in the place of what is stored of them. Killed in between, some are
 * missing, and the same call again puts them back.
 */
export async function restoreMembers(
  warehouse: Warehouse,
  { index, first }: { index: string; first: string },
  rows: readonly MemberRow[],
): Promise<void> {
  const symbols = [...new Set(rows.map(({ symbol }) => symbol))];
  for (let start = 0; start < symbols.length; start += WRITE_SYMBOLS) {
    const part = new Set(symbols.slice(start, start + WRITE_SYMBOLS));
    const packed = rows
      .filter(({ symbol }) => part.has(symbol))
      .map(({ symbol, validFrom, validTo }) => [symbol, validFrom, validTo]);
    await warehouse.query(dropMembers, { index, first, symbols: JSON.stringify([...part]) });
    await warehouse.query(restoreMembersSql, { index, rows: JSON.stringify(packed) });
  }
}

/** Which of these runs the ledger has. */
export async function knownRuns(warehouse: Warehouse, runIds: readonly string[]): Promise<Set<string>> {
  const rows = await readPaged(warehouse, knownRunsSql, { runs: JSON.stringify(runIds) }, { key: ['run_id'] });
  return new Set(rows.map(({ run_id }) => String(run_id)));
}
