import type { Warehouse } from './client.ts';
import dropMembers from './queries/drop-members.sql';
import restoreMembersSql from './queries/restore-members.sql';
import runsById from './queries/runs-by-id.sql';
import storedMembersSql from './queries/stored-members.sql';

/** Rows a call: far below the megabyte at which an answer of the Data API ends, and the four of a request. */
const PAGE_ROWS = 4000;
const RUNS = 100;

/** One row of `index_members`. */
export interface MemberRow {
  symbol: string;
  validFrom: string;
  validTo: string | null;
}

/** Every membership of an index that is stored. */
export async function storedMembers(warehouse: Warehouse, index: string): Promise<MemberRow[]> {
  const members: MemberRow[] = [];
  for (;;) {
    const last = members.at(-1);
    const after = { symbol: last?.symbol ?? '', valid_from: last?.validFrom ?? '0001-01-01' };
    const rows = await warehouse.query(storedMembersSql, { index, ...after, limit: PAGE_ROWS });
    for (const { symbol, valid_from, valid_to } of rows)
      members.push({
        symbol: String(symbol),
        validFrom: String(valid_from),
        validTo: valid_to ? String(valid_to) : null,
      });
    if (rows.length < PAGE_ROWS) return members;
  }
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
  for (let start = 0; start < symbols.length; start += PAGE_ROWS) {
    const part = new Set(symbols.slice(start, start + PAGE_ROWS));
    const packed = rows
      .filter(({ symbol }) => part.has(symbol))
      .map(({ symbol, validFrom, validTo }) => [symbol, validFrom, validTo]);
    await warehouse.query(dropMembers, { index, first, symbols: JSON.stringify([...part]) });
    await warehouse.query(restoreMembersSql, { index, rows: JSON.stringify(packed) });
  }
}

/** Which of these runs the ledger has. */
export async function knownRuns(warehouse: Warehouse, runIds: readonly string[]): Promise<Set<string>> {
  const known = new Set<string>();
  for (let start = 0; start < runIds.length; start += RUNS) {
    const runs = JSON.stringify(runIds.slice(start, start + RUNS));
    for (const { run_id } of await warehouse.query(runsById, { runs })) known.add(String(run_id));
  }
  return known;
}
