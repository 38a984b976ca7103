import type { CompanyRow, HistoryRow } from '../checks/symbol-history.ts';
import type { Split } from '../records/split.ts';
import { statement } from '../text.ts';
import type { SqlRow, Warehouse } from './client.ts';
import ledgerStatements from './ledger.sql';
import { readPaged } from './paged.ts';
import referenceStatements from './reference.sql';

const currentIndexMembersSql = statement(referenceStatements, 'current-index-members');
const storeIndexMembersSql = statement(referenceStatements, 'store-index-members');
const readSplitsSql = statement(referenceStatements, 'read-splits');
const storeSplitsSql = statement(referenceStatements, 'store-splits');
const changedSymbolsSql = statement(referenceStatements, 'changed-symbols');
const readSymbolHistorySql = statement(referenceStatements, 'read-symbol-history');
const upsertSymbolHistorySql = statement(referenceStatements, 'upsert-symbol-history');
const forgetFormerCompaniesSql = statement(referenceStatements, 'forget-former-companies');
const readSymbolHistoryRowsSql = statement(referenceStatements, 'read-symbol-history-rows');
const dropMembersSql = statement(referenceStatements, 'drop-members');
const restoreMembersSql = statement(referenceStatements, 'restore-members');
const storedMembersSql = statement(referenceStatements, 'stored-members');
const knownRunsSql = statement(ledgerStatements, 'known-runs');

/** Symbols of the newest list stored, sorted; none before the first one. */
export async function currentMembers(warehouse: Warehouse, index: string): Promise<string[]> {
  return (await readPaged(warehouse, currentIndexMembersSql, { index }, { key: ['symbol'] })).map(({ symbol }) =>
    String(symbol),
  );
}

/**
 * Stores the list of a day (YYYY-MM-DD), which may not lie before that of a list stored already: who is new gets
 * `valid_from`, who is gone `valid_to`. Repeating it changes nothing.
 */
export async function storeMembers(
  warehouse: Warehouse,
  { index, date, symbols }: { index: string; date: string; symbols: readonly string[] },
): Promise<{ new: number; gone: number }> {
  const [answer] = await warehouse.query(storeIndexMembersSql, { index, date, members: JSON.stringify(symbols) });
  return { new: Number(answer?.new ?? 0), gone: Number(answer?.gone ?? 0) };
}

/** Rows a call: far below the 4 MiB at which a request of the Data API ends. */
const WRITE_ROWS = 20_000;

export async function storedSplits(warehouse: Warehouse): Promise<Split[]> {
  const rows = await readPaged(
    warehouse,
    readSplitsSql,
    {},
    { key: ['symbol', 'execution_date', 'split_from', 'split_to'] },
  );
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
    const [answer] = await warehouse.query(storeSplitsSql, values);
    for (const key of ['new', 'changed', 'gone'] as const) total[key] += Number(answer?.[key] ?? 0);
  }
  return total;
}

/** Numbers as strings, so that PostgreSQL reads the shortest exact decimal. */
function keyOf({ symbol, executionDate, splitFrom, splitTo }: Split) {
  return { s: symbol, d: executionDate, f: String(splitFrom), t: String(splitTo) };
}

/** A Data API request ends at 4 MiB; escaped JSON within JSON needs room. */
const CHUNK_BYTES = 2.5 * 1024 * 1024;

/** [symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending, source] */
type Packed = [string, ...(string | null)[]];

/** The newest row of every symbol of a dataset (`tickers`, `assets`). */
export function readHistory(warehouse: Warehouse, dataset: string): Promise<HistoryRow[]> {
  return readRows(warehouse, readSymbolHistorySql, { dataset });
}

/** Every row of a dataset, by symbol and in order of validFrom. */
export function readHistoryRows(warehouse: Warehouse, dataset: string): Promise<HistoryRow[]> {
  return readRows(warehouse, readSymbolHistoryRowsSql, { dataset });
}

/** Removes what is stored of the companies that carried a symbol before its present one. */
export async function forgetFormerCompanies(warehouse: Warehouse, rows: readonly CompanyRow[]): Promise<void> {
  const first = new Map<string, string>();
  const taken = new Map<string, string>();
  for (const { symbol, companyFrom } of rows) {
    if (!first.has(symbol)) first.set(symbol, companyFrom);
    else if (first.get(symbol) !== companyFrom) taken.set(symbol, companyFrom);
  }
  if (taken.size > 0) await warehouse.query(forgetFormerCompaniesSql, { companies: JSON.stringify([...taken]) });
}

/** What began or ended on a date; the first list of all is no change. */
export function changedOn(warehouse: Warehouse, dataset: string, date: string): Promise<HistoryRow[]> {
  return readRows(warehouse, changedSymbolsSql, { dataset, date });
}

/** Writes rows of planHistory; a killed call is repeated with what is left. */
export async function writeHistory(warehouse: Warehouse, dataset: string, rows: readonly HistoryRow[]): Promise<void> {
  let chunk: string[] = [];
  let bytes = 0;
  const send = async () => {
    if (chunk.length > 0) await warehouse.query(upsertSymbolHistorySql, { dataset, rows: `[${chunk.join(',')}]` });
    chunk = [];
    bytes = 0;
  };
  for (const row of rows) {
    const text = JSON.stringify(pack(row));
    if (bytes + text.length * 1.3 > CHUNK_BYTES) await send();
    chunk.push(text);
    bytes += text.length * 1.3;
  }
  await send();
}

async function readRows(warehouse: Warehouse, sql: string, values: Record<string, string>): Promise<HistoryRow[]> {
  return (await readPaged(warehouse, sql, values, { key: ['symbol', 'valid_from'] })).map(historyRow);
}

function pack({ symbol, figi, shareClassFigi, assetId, validFrom, validTo, ...row }: HistoryRow): Packed {
  const ids = [figi ?? null, shareClassFigi ?? null, assetId ?? null];
  return [symbol, ...ids, validFrom, validTo, row.reason, row.ending, row.source ?? null];
}

function historyRow(stored: SqlRow): HistoryRow {
  const { symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending } = stored;
  const row: HistoryRow = {
    symbol: String(symbol),
    validFrom: String(valid_from),
    validTo: valid_to === null ? null : String(valid_to),
    reason: String(reason),
    ending: ending === null ? null : String(ending),
  };
  if (figi) row.figi = String(figi);
  if (share_class_figi) row.shareClassFigi = String(share_class_figi);
  if (asset_id) row.assetId = String(asset_id);
  if (stored.source === 'backfill') row.source = 'backfill';
  return row;
}

/** Symbols a call: far below the 4 MiB at which a request of the Data API ends. */
const WRITE_SYMBOLS = 4000;

/** One row of `index_members`. */
export interface MemberRow {
  symbol: string;
  validFrom: string;
  validTo: string | null;
  /** Of a time that begins with a list of the past. */
  source?: 'backfill' | undefined;
}

/** Every membership of an index that is stored. */
export async function storedMembers(warehouse: Warehouse, index: string): Promise<MemberRow[]> {
  const rows = await readPaged(warehouse, storedMembersSql, { index }, { key: ['symbol', 'valid_from'] });
  return rows.map(({ symbol, valid_from, valid_to, source }) => ({
    symbol: String(symbol),
    validFrom: String(valid_from),
    validTo: valid_to ? String(valid_to) : null,
    ...(source === 'backfill' && { source }),
  }));
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
      .map(({ symbol, validFrom, validTo, source = null }) => [symbol, validFrom, validTo, source]);
    await warehouse.query(dropMembersSql, { index, first, symbols: JSON.stringify([...part]) });
    await warehouse.query(restoreMembersSql, { index, rows: JSON.stringify(packed) });
  }
}

/** Which of these runs the ledger has. */
export async function knownRuns(warehouse: Warehouse, runIds: readonly string[]): Promise<Set<string>> {
  const rows = await readPaged(warehouse, knownRunsSql, { runs: JSON.stringify(runIds) }, { key: ['run_id'] });
  return new Set(rows.map(({ run_id }) => String(run_id)));
}
