import { parse } from 'csv-parse/sync';
import { readDay } from '../calendar/dates.ts';
import { NamedError } from '../errors.ts';

/** A fund's holdings file: the day it speaks of (YYYY-MM-DD) and its table, each row by column name, cells trimmed. */
export interface Holdings {
  asOf: string;
  rows: Record<string, string>[];
}

/** Without one of these a row cannot be told to be a listed share. */
const COLUMNS = ['Ticker', 'Name', 'Asset Class', 'Price', 'Exchange'] as const;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/**
 * Reads an iShares holdings CSV: byte order mark, a preamble of any length, the table from the line that begins with
 * `Ticker`, up to the first line of a single cell (a no-break space, or the quoted text of many lines at the end).
 * @throws NamedError `Vendor.TruncatedBody` for an empty file or one that ends within a row, `Data.Invalid` for a web
 * page or a file of another form, `Vendor.NotYetAvailable` on a day for which the fund has published no holdings
 */
export function readHoldings(text: string): Holdings {
  if (text.replace(/\uFEFF/g, '').trim() === '') throw cut('an empty file');
  if (/^\uFEFF?\s*</.test(text)) throw foreign('a web page', 'the holdings as CSV');
  const lines = csvLines(text);
  const head = lines.findIndex(([first]) => first?.trim() === 'Ticker');
  const day = lines
    .slice(0, head < 0 ? undefined : head)
    .find(([first]) => /^fund holdings as of\s*$/i.test(first ?? ''));
  if (head < 0 && day?.[1]?.trim() === '-') throw notYet();
  if (head < 0) throw foreign('no line that begins with Ticker', `the columns ${COLUMNS.join(', ')}`);
  const header = lines[head]!.map((cell) => cell.trim());
  const missing = COLUMNS.filter((column) => !header.includes(column));
  if (missing.length > 0) throw foreign(`no column ${missing.join(', ')}`, `the columns ${COLUMNS.join(', ')}`);
  const rows = tableRows(lines.slice(head + 1), header);
  if (/,$/.test(text)) throw cut(`an end after a comma in row ${rows.length}`);
  if (rows.length === 0) throw cut('a table without rows');
  return { asOf: dayOf(day?.[1]?.trim()), rows };
}

function csvLines(text: string): string[][] {
  try {
    const options = { bom: true, relax_column_count: true, relax_quotes: true, skip_empty_lines: true } as const;
    return parse(text, options) as string[][];
  } catch (error) {
    // The quoted text at the end of the file spans lines: a file cut anywhere in it has an open quote.
    throw cut(`no whole CSV (${(error as Error).message})`, error);
  }
}

function tableRows(lines: readonly string[][], header: readonly string[]): Record<string, string>[] {
  const rows: Record<string, string>[] = [];
  for (const line of lines) {
    // A lone word is the beginning of a row; what closes a table is a no-break space, or a text.
    if (line.length === 1 && /\s/.test(line[0]!)) break;
    if (line.length !== header.length) {
      throw cut(`${line.length} cells in row ${rows.length + 1} (${line[0]}), ${header.length} in the header`);
    }
    rows.push(Object.fromEntries(header.map((column, index) => [column, line[index]!.trim()])));
  }
  return rows;
}

/** `May 05, 2026`, as the file writes it, or an ISO date. */
function dayOf(text: string | undefined): string {
  const [, month = '', day = '', year = ''] = /^([A-Za-z]{3})[a-z]*\.? (\d{1,2}), (\d{4})$/.exec(text ?? '') ?? [];
  const number = MONTHS.indexOf(month.toLowerCase()) + 1;
  const date = number > 0 ? `${year}-${String(number).padStart(2, '0')}-${day.padStart(2, '0')}` : (text ?? '');
  if (/^\d{4}-\d{2}-\d{2}$/.test(date) && readDay(date) !== undefined) return date;
  throw foreign(
    text === undefined ? 'no day' : `the day ${JSON.stringify(text)}`,
    'Fund Holdings as of,"May 05, 2026"',
  );
}

function cut(found: string, cause?: unknown): NamedError {
  const todo = 'Nothing is published from a part of it; fetch the file again.';
  const text = { what: 'The holdings file is not whole', found, wanted: 'every row and the closing text', todo };
  return new NamedError('Vendor.TruncatedBody', text, { cause });
}

function foreign(found: string, wanted: string): NamedError {
  const todo = 'Look at what INDEX_MEMBERS_URI leads to.';
  return new NamedError('Data.Invalid', { what: 'The holdings file has another form', found, wanted, todo });
}

function notYet(): NamedError {
  return new NamedError('Vendor.NotYetAvailable', {
    what: 'The fund has published no holdings for today',
    found: 'Fund Holdings as of "-" and no table',
    todo: 'The list held stays; the file is read again by the next run.',
  });
}
