import type { Dividend } from '../records/dividend.ts';
import { statement } from '../text.ts';
import type { Warehouse } from './client.ts';
import statements from './dividends.sql';
import { readPaged } from './paged.ts';

const readDividendsSql = statement(statements, 'read-dividends');
const storeDividendsSql = statement(statements, 'store-dividends');

/** Rows a call: with about 200 bytes each far below the 4 MiB at which a request of the Data API ends. */
const WRITE_ROWS = 8_000;

export async function storedDividends(warehouse: Warehouse): Promise<Dividend[]> {
  const key = ['symbol', 'ex_date', 'distribution_type', 'cash_amount', 'currency'];
  return (await readPaged(warehouse, readDividendsSql, {}, { key })).map(dividendIn);
}

/** A dividend as a row of the table or of a list has it. */
export function dividendIn(row: Record<string, unknown>): Dividend {
  const day = (name: string) => (row[name] ? String(row[name]).slice(0, 10) : undefined);
  const number = (name: string) => (row[name] === null || row[name] === undefined ? undefined : Number(row[name]));
  const optional = {
    recordDate: day('record_date'),
    payDate: day('pay_date'),
    declarationDate: day('declaration_date'),
    frequency: number('frequency'),
    historicalAdjustmentFactor: number('historical_adjustment_factor'),
  };
  const present = Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined));
  return {
    symbol: String(row.symbol),
    exDate: day('ex_date')!,
    cashAmount: Number(row.cash_amount),
    currency: String(row.currency),
    distributionType: String(row.distribution_type),
    ...present,
  };
}

/**
 * Writes dividends that came or changed and removes those that are gone; `session` becomes `first_seen` of new ones.
 * Repeating it changes nothing.
 */
export async function storeDividends(
  warehouse: Warehouse,
  session: string,
  { written, gone }: { written: readonly Dividend[]; gone: readonly Dividend[] },
): Promise<{ new: number; gone: number }> {
  const total = { new: 0, gone: 0 };
  // What went is needed beside what came in its place: a correction keeps its first day.
  const rows = [...gone.map((dividend) => ({ dividend, left: true })), ...written.map((dividend) => ({ dividend }))];
  rows.sort((a, b) => (placeOf(a.dividend) < placeOf(b.dividend) ? -1 : 1));
  for (let start = 0; start < rows.length; start = endOf(rows, start)) {
    const part = rows.slice(start, endOf(rows, start));
    const left = part.filter((row) => 'left' in row).map(({ dividend }) => keyOf(dividend));
    const came = part.filter((row) => !('left' in row)).map(({ dividend }) => packed(dividend));
    const values = { session, rows: JSON.stringify(came), gone: JSON.stringify(left) };
    const [answer] = await warehouse.query(storeDividendsSql, values);
    for (const key of ['new', 'gone'] as const) total[key] += Number(answer?.[key] ?? 0);
  }
  return total;
}

/** One symbol's day is written in one call. */
function endOf(rows: readonly { dividend: Dividend }[], start: number): number {
  let end = Math.min(start + WRITE_ROWS, rows.length);
  while (end < rows.length && placeOf(rows[end]!.dividend) === placeOf(rows[end - 1]!.dividend)) end += 1;
  return end;
}

function placeOf({ symbol, exDate }: Dividend): string {
  return `${symbol} ${exDate}`;
}

/** Numbers as strings, so that PostgreSQL reads the shortest exact decimal. */
function keyOf({ symbol, exDate, cashAmount, currency, distributionType }: Dividend) {
  return { s: symbol, x: exDate, a: String(cashAmount), c: currency, k: distributionType };
}

function packed(dividend: Dividend) {
  const { recordDate: r, payDate: p, declarationDate: d, frequency: f, historicalAdjustmentFactor: h } = dividend;
  return { ...keyOf(dividend), r, p, d, f, h: h === undefined ? undefined : String(h) };
}
