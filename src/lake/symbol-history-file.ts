import { readDay } from '../calendar/dates.ts';
import type { CompanyRow } from '../checks/symbol-history.ts';
import { NamedError } from '../errors.ts';
import { dateOfKey, keys, type Lake, listAll } from './lake.ts';
import { type Column, decodeRows, encodeRows, type Row } from './parquet.ts';
import { corruptFile } from './parquet-columns.ts';
import { knownToBars } from './silver.ts';

/** The dataset whose symbols the bars carry: its FIGIs say whose bars they are. */
export const PRICED_LIST = 'tickers';

/**
 * Columns of `reference/tickers_history/date=….parquet`: the warehouse's `symbol_history` of that list, one row a symbol
 * and time, by symbol and `valid_from`. `company_from` is the session from which the row's company carries the symbol:
 * where it changes from one row of a symbol to the next, another company took the symbol over.
 */
export const SYMBOL_HISTORY_COLUMNS: readonly Column[] = [
  { name: 'symbol', type: 'text' },
  { name: 'figi', type: 'text', nullable: true },
  { name: 'share_class_figi', type: 'text', nullable: true },
  { name: 'valid_from', type: 'date' },
  { name: 'valid_to', type: 'date', nullable: true },
  { name: 'company_from', type: 'date' },
  { name: 'reason', type: 'text' },
  { name: 'ending', type: 'text', nullable: true },
  { name: 'source', type: 'text', nullable: true },
];

/** One symbol's time with one security. Days since 1970. */
export interface Tenure {
  from: number;
  /** First day without it; null: still. */
  to: number | null;
  /** First day of the company, which may have been away in between. */
  companyFrom: number;
  /** Whether the list says by a FIGI who it is. */
  identified: boolean;
}

/** Symbol → its tenures, oldest first. */
export type SymbolHistory = ReadonlyMap<string, readonly Tenure[]>;

export function encodeSymbolHistory(rows: readonly CompanyRow[]): Uint8Array {
  return encodeRows(
    SYMBOL_HISTORY_COLUMNS,
    rows.map((row) => ({
      symbol: row.symbol,
      figi: row.figi ?? null,
      share_class_figi: row.shareClassFigi ?? null,
      valid_from: row.validFrom,
      valid_to: row.validTo,
      company_from: row.companyFrom,
      reason: row.reason,
      ending: row.ending,
      source: row.source ?? null,
    })),
  );
}

/** Key of the newest snapshot; undefined before the first list was recorded. */
export async function newestSymbolHistory(lake: Lake): Promise<string | undefined> {
  const entries = await listAll(lake, keys.symbolHistoryOf(PRICED_LIST));
  return entries.map(({ key }) => key).findLast((key) => key.endsWith('.parquet') && dateOfKey(key));
}

/**
 * The newest snapshot; undefined when there is none, so that nothing is known of who carried a symbol.
 * @throws Lake.Corrupt when it cannot be read, or was lost: series would silently run across two companies
 */
export async function readSymbolHistory(lake: Lake): Promise<SymbolHistory | undefined> {
  const key = await newestSymbolHistory(lake);
  const bytes = key && (await lake.read(key));
  // A change is recorded in a snapshot of its own day: one that the bars know of and no snapshot is as new as was lost.
  const lost = changedAfter(await knownToBars(lake, 'companies'), (key && dateOfKey(key)) ?? '');
  if (lost.length > 0) throw lostHistory(lost, key);
  if (!bytes) return undefined;
  const history = new Map<string, Tenure[]>();
  for (const row of await decodeRows(bytes, key, ['symbol', 'valid_from', 'valid_to', 'company_from'])) {
    const tenure = tenureOf(row, key);
    const symbol = String(row.symbol);
    const tenures = history.get(symbol);
    if (tenures) tenures.push(tenure);
    else history.set(symbol, [tenure]);
  }
  return history;
}

/** Days on which another company took a symbol over, in order; only of the symbols that were. Pure. */
export function companyChanges(history: SymbolHistory): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [symbol, tenures] of history) {
    const changes = changesOf(tenures);
    if (changes.length > 0) found.set(symbol, changes);
  }
  return found;
}

/** The same of one symbol. Pure. */
export function changesOf(tenures: readonly Tenure[]): number[] {
  const companies = new Set(tenures.map(({ companyFrom }) => companyFrom));
  return [...companies].sort((a, b) => a - b).slice(1);
}

/** Whether it is known that one company carried the symbol on both days. Pure. */
export function isSameCompany(tenures: readonly Tenure[], a: number, b: number): boolean {
  const [first, last] = [a, b].map((day) => tenures.findLast(({ from }) => from <= day));
  // The list of the day on which a symbol leaves lacks it already, although it may have traded on that day.
  if (!first?.identified || (first.to !== null && a > first.to)) return false;
  if (!last?.identified || (last.to !== null && b >= last.to)) return false;
  return first.companyFrom === last.companyFrom;
}

/** Pure: symbols that passed to another company after a date. */
function changedAfter(companies: Readonly<Record<string, string>>, date: string): string[] {
  return Object.keys(companies).filter((symbol) => companies[symbol]!.split(' ').some((day) => day > date));
}

function lostHistory(symbols: readonly string[], newest: string | undefined): NamedError {
  const named = symbols.slice(0, 3).join(', ') + (symbols.length > 3 ? ', …' : '');
  return new NamedError('Lake.Corrupt', {
    what: `the list that says when ${named} passed to another company is gone`,
    found: newest ? `${newest} as the newest one` : `nothing under ${keys.symbolHistoryOf(PRICED_LIST)}`,
    wanted: 'the list that the N-session bars were made with, or a newer one',
    todo: 'Nothing was changed. Put the file back, or write it again: `npx afterbell run sync-tickers`.',
  });
}

function tenureOf(row: Row, key: string): Tenure {
  const day = (value: unknown) => readDay(String(value).slice(0, 10));
  const [from, companyFrom] = [day(row.valid_from), day(row.company_from)];
  const to = row.valid_to === null ? null : day(row.valid_to);
  if (typeof row.symbol !== 'string' || from === undefined || companyFrom === undefined || to === undefined) {
    throw corruptFile(key, `the row ${JSON.stringify(row)}`);
  }
  return { from, to, companyFrom, identified: Boolean(row.figi ?? row.share_class_figi) };
}
