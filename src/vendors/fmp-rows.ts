import { parse } from 'csv-parse/sync';
import { NamedError } from '../errors.ts';

/**
 * The rows of a bulk answer: JSON in FMP's docs, CSV in practice, told apart by the first character. Values of CSV
 * are all text, as in JSON of these endpoints.
 * @throws NamedError `Vendor.TruncatedBody` when it is neither, or ends within a row
 */
export function fmpRows(text: string): unknown[] {
  const body = text.replace(/^\uFEFF/, '').trimStart();
  if (body === '') return [];
  try {
    if (body.startsWith('[')) return JSON.parse(body) as unknown[];
    const rows = parse(body, { columns: true, skip_empty_lines: true, relax_column_count: false }) as object[];
    if (/^"?symbol"?,/i.test(body)) return rows;
  } catch (cause) {
    throw notWhole((cause as Error).message.slice(0, 120), cause);
  }
  throw notWhole('text that is neither a list nor a table with the column symbol');
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
