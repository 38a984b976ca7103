import type { SqlRow, SqlValue, Warehouse } from './client.ts';
import page from './paged.sql';

export interface Paging {
  /** Columns of the result that together tell its rows apart and order them; text or numbers, never NULL. */
  key: readonly string[];
  /** The greatest key first. */
  descending?: boolean;
}

/**
 * Every row of a SELECT, however many there are and however large each one is: page by page in the order of the key, so
 * that no answer passes the Data API's 64 KB a row or 1 MiB in all. Columns come as JSON has them: dates and decimals
 * are to be cast to text in the statement.
 */
export async function readPaged(
  warehouse: Warehouse,
  statement: string,
  values: Readonly<Record<string, SqlValue>>,
  paging: Paging,
): Promise<SqlRow[]> {
  const rows: SqlRow[] = [];
  let pieces: string[] = [];
  for (;;) {
    const last = rows.at(-1);
    const sql = pageOf(statement, paging, last);
    const answer = await warehouse.query(sql, { ...values, ...keyOf(paging, last), page_piece: pieces.length });
    const before = rows.length;
    for (const { piece, last: isLast } of answer) {
      pieces.push(String(piece));
      if (!isLast) continue;
      rows.push(JSON.parse(pieces.join('')) as SqlRow);
      pieces = [];
    }
    if (!answer.at(-1)?.more) return rows;
    // Only a row that fills a page by itself is read over several; any other is read whole with the next page.
    if (rows.length > before) pieces = [];
  }
}

function pageOf(statement: string, { key, descending = false }: Paging, last: SqlRow | undefined): string {
  const columns = key.map((name) => `q."${name}"`);
  const order = columns.map((column) => `${column}${descending ? ' DESC' : ''}`).join(', ');
  const types = key.map((name) => (typeof last?.[name] === 'number' ? 'bigint' : 'text'));
  const bounds = types.map((type, index) => `CAST(:page_after_${index} AS ${type})`);
  const after = last ? `(${columns.join(', ')}) ${descending ? '<' : '>'} (${bounds.join(', ')})` : 'TRUE';
  // The comment names the marks too, and is not wanted in what is sent.
  return page
    .replace(/^--.*\n/gm, '')
    .replaceAll('{key}', order)
    .replace('{after}', after)
    .replace('{statement}', () => statement);
}

function keyOf({ key }: Paging, last: SqlRow | undefined): Record<string, SqlValue> {
  if (!last) return {};
  return Object.fromEntries(key.map((name, index) => [`page_after_${index}`, last[name]!]));
}
