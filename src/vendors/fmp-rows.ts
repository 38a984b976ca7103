import { parse } from 'csv-parse/sync';
import { NamedError } from '../errors.ts';

/**
 * The rows of a bulk answer: JSON in FMP's docs, CSV in practice, told apart by the first character. Values of CSV
 * are all text, as in JSON of these endpoints.
 * @param mayBeEmpty an answer without rows is right: the part after the last one
 * @throws NamedError `Vendor.TruncatedBody` when it is neither, ends within a row, or has no rows and should
 */
export function fmpRows(text: string, { mayBeEmpty = false } = {}): unknown[] {
  const rows = rowsOf(text.replace(/^\uFEFF/, '').trimStart());
  if (rows.length === 0 && !mayBeEmpty) throw notWhole('an answer without rows');
  return rows;
}

function rowsOf(body: string): unknown[] {
  if (body === '') return [];
  try {
    if (body.startsWith('[')) return JSON.parse(body) as unknown[];
    const rows = parse(body, { columns: true, skip_empty_lines: true, relax_column_count: false }) as object[];
    if (!/^"?symbol"?,/i.test(body)) throw new Error('text that is neither a list nor a table with the column symbol');
    // A number cut short is still a number: only a line's end or a closing quote says that the last cell is whole.
    if (!/["\r\n]$/.test(body)) throw new Error('a table that ends within a line');
    return rows;
  } catch (cause) {
    throw notWhole((cause as Error).message.slice(0, 120), cause);
  }
}

function notWhole(found: string, cause?: unknown): NamedError {
  const text = {
    what: "FMP's answer is not whole",
    found,
    wanted: 'a list of rows',
    todo: 'The call is repeated later.',
  };
  return new NamedError('Vendor.TruncatedBody', text, { cause });
}
