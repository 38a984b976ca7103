import type { CompanyRow, HistoryRow } from '../checks/symbol-history.ts';
import type { SqlRow, Warehouse } from './client.ts';
import { readPaged } from './paged.ts';
import changedSymbols from './queries/changed-symbols.sql';
import forgetFormer from './queries/forget-former-companies.sql';
import readHistorySql from './queries/read-symbol-history.sql';
import readHistoryRowsSql from './queries/read-symbol-history-rows.sql';
import upsertHistory from './queries/upsert-symbol-history.sql';

/** A Data API request ends at 4 MiB; escaped JSON within JSON needs room. */
const CHUNK_BYTES = 2.5 * 1024 * 1024;

/** [symbol, figi, share_class_figi, asset_id, valid_from, valid_to, reason, ending] */
type Packed = [string, ...(string | null)[]];

/** The newest row of every symbol of a dataset (`tickers`, `assets`). */
export function readHistory(warehouse: Warehouse, dataset: string): Promise<HistoryRow[]> {
  return readRows(warehouse, readHistorySql, { dataset });
}

/** Every row of a dataset, by symbol and in order of validFrom. */
export function readHistoryRows(warehouse: Warehouse, dataset: string): Promise<HistoryRow[]> {
  return readRows(warehouse, readHistoryRowsSql, { dataset });
}

/** Removes what is stored of the companies that carried a symbol before its present one. */
export async function forgetFormerCompanies(warehouse: Warehouse, rows: readonly CompanyRow[]): Promise<void> {
  const first = new Map<string, string>();
  const taken = new Map<string, string>();
  for (const { symbol, companyFrom } of rows) {
    if (!first.has(symbol)) first.set(symbol, companyFrom);
    else if (first.get(symbol) !== companyFrom) taken.set(symbol, companyFrom);
  }
  if (taken.size > 0) await warehouse.query(forgetFormer, { companies: JSON.stringify([...taken]) });
}

/** What began or ended on a date; the first list of all is no change. */
export function changedOn(warehouse: Warehouse, dataset: string, date: string): Promise<HistoryRow[]> {
  return readRows(warehouse, changedSymbols, { dataset, date });
}

/** Writes rows of planHistory; a killed call is repeated with what is left. */
export async function writeHistory(warehouse: Warehouse, dataset: string, rows: readonly HistoryRow[]): Promise<void> {
  let chunk: string[] = [];
  let bytes = 0;
  const send = async () => {
    if (chunk.length > 0) await warehouse.query(upsertHistory, { dataset, rows: `[${chunk.join(',')}]` });
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

function pack({ symbol, figi, shareClassFigi, assetId, validFrom, validTo, reason, ending }: HistoryRow): Packed {
  return [symbol, figi ?? null, shareClassFigi ?? null, assetId ?? null, validFrom, validTo, reason, ending];
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
  return row;
}
