import { companiesOf, type HistoryRow, historyDate, type Listed, planHistory } from '../checks/symbol-history.ts';
import { keys } from '../lake/keys.ts';
import { writeIfChanged } from '../lake/lake.ts';
import { encodeRows } from '../lake/parquet.ts';
import { SYMBOL_CHANGE_COLUMNS } from '../lake/symbol-changes.ts';
import { encodeSymbolHistory, newestSymbolHistory, PRICED_LIST } from '../lake/symbol-history.ts';
import {
  changedOn,
  forgetFormerCompanies,
  readHistory,
  readHistoryRows,
  writeHistory,
} from '../warehouse/symbol-history.ts';
import type { Stores } from './stores.ts';

/**
 * Brings `symbol_history` up to a complete list, and leaves what changed on the session in the lake, with a copy of the
 * whole history where the bars' symbols are concerned. All of it follows from
 * the list and from what the history held before, so that a repeated call ends the same way.
 * @param at `before`: a complete list was recorded already, be it of the same session
 */
export async function recordHistory(
  dataset: string,
  list: readonly Listed[],
  { session, before }: { session: string; before: boolean },
  { lake, warehouse }: Pick<Stores, 'lake' | 'warehouse'>,
): Promise<void> {
  const latest = await readHistory(warehouse, dataset);
  const date = historyDate(latest, session);
  await writeHistory(warehouse, dataset, planHistory(latest, list, { date, isFirst: !before || latest.length === 0 }));
  const changes = changesOf(dataset, await changedOn(warehouse, dataset, date), date);
  const key = keys.symbolChanges(dataset, date);
  if (changes.length > 0) await writeIfChanged(lake, key, encodeRows(SYMBOL_CHANGE_COLUMNS, changes));
  else if (await lake.read(key)) await lake.remove([key]);
  if (dataset === PRICED_LIST) await recordCompanies(date, { lake, warehouse });
}

/**
 * Tells the jobs and the portfolio run, which have no warehouse, whose bars a symbol's are, and forgets what was known
 * of companies that passed a symbol on. Both follow from the table alone, so that a killed call is made good by the next.
 */
async function recordCompanies(date: string, { lake, warehouse }: Pick<Stores, 'lake' | 'warehouse'>): Promise<void> {
  const rows = companiesOf(await readHistoryRows(warehouse, PRICED_LIST));
  const bytes = encodeSymbolHistory(rows);
  const newest = await newestSymbolHistory(lake);
  const stored = newest && (await lake.read(newest));
  if (!stored || Buffer.compare(stored, bytes) !== 0) {
    await lake.write(keys.symbolHistory(PRICED_LIST, date), bytes);
  }
  await forgetFormerCompanies(warehouse, rows);
}

/** Pure: one row a symbol that came, went, got another name or passed to another security. */
export function changesOf(dataset: string, rows: readonly HistoryRow[], date: string): Record<string, unknown>[] {
  return rows.flatMap((row) => {
    const common = { date, dataset, symbol: row.symbol, figi: row.figi ?? null, asset_id: row.assetId ?? null };
    if (row.validFrom === date && row.reason !== 'first seen') {
      const former = /^renamed from ([^;]+)/.exec(row.reason)?.[1] ?? null;
      const change = former ? 'renamed' : row.reason === 'symbol reused' ? 'reused' : 'added';
      return [{ ...common, change, former_symbol: former, reason: row.reason }];
    }
    if (row.validTo !== date || row.ending !== 'no longer listed') return [];
    return [{ ...common, change: 'vanished', former_symbol: null, reason: row.ending }];
  });
}
