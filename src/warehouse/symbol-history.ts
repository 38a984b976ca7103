import type { CompanyRow, HistoryRow } from '../checks/symbol-history.ts';
import type { Warehouse } from './client.ts';
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
  return readPacked(warehouse, readHistorySql, { dataset });
}

/** Every row of a dataset, by symbol and in order of validFrom. */
export function readHistoryRows(warehouse: Warehouse, dataset: string): Promise<HistoryRow[]> {
  return readPacked(warehouse, readHistoryRowsSql, { dataset });
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
  return readPacked(warehouse, changedSymbols, { dataset, date });
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

async function readPacked(warehouse: Warehouse, sql: string, values: Record<string, string>): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = [];
  for (let after = ''; ; ) {
    const answer = await warehouse.query(sql, { ...values, after });
    const page = answer.flatMap(({ packed }) => (packed ? [unpack(JSON.parse(String(packed)) as Packed)] : []));
    if (page.length === 0) return rows;
    rows.push(...page);
    after = page.at(-1)!.symbol;
  }
}

function pack({ symbol, figi, shareClassFigi, assetId, validFrom, validTo, reason, ending }: HistoryRow): Packed {
  return [symbol, figi ?? null, shareClassFigi ?? null, assetId ?? null, validFrom, validTo, reason, ending];
}

function unpack([symbol, figi, shareClassFigi, assetId, from, to, reason, ending]: Packed): HistoryRow {
  const row: HistoryRow = {
    symbol,
    validFrom: String(from),
    validTo: to ?? null,
    reason: String(reason),
    ending: ending ?? null,
  };
  if (figi) row.figi = figi;
  if (shareClassFigi) row.shareClassFigi = shareClassFigi;
  if (assetId) row.assetId = assetId;
  return row;
}
