import type { DuckDBConnection, DuckDBResultReader } from '@duckdb/node-api';
import { isNamed, NamedError } from '../errors.ts';
import { sqlText } from '../lake/exact-paths.ts';

/**
 * Runs what only reads, in a read-only transaction, and returns the rows of the last statement. What a statement is, the
 * parser says: SHOW, DESCRIBE and SUMMARIZE are a SELECT; PIVOT comes apart into a type in memory and a SELECT.
 * @throws Usage.Invalid for nothing, and for a statement that could write: COPY, ATTACH, EXPORT, INSTALL, SET …
 */
export async function runReading(connection: DuckDBConnection, sql: string): Promise<DuckDBResultReader> {
  // DuckDB's own words for nothing are "Error in native callback".
  if (/^[\s;]*$/.test(sql.replace(/--.*|\/\*[\s\S]*?\*\//g, ' '))) throw notReading('no statement');
  const { StatementType } = await import('@duckdb/node-api');
  await connection.run('BEGIN TRANSACTION READ ONLY');
  try {
    const statements = await connection.extractStatements(sql);
    let reader: DuckDBResultReader | undefined;
    for (let index = 0; index < statements.count; index += 1) {
      const isLast = index === statements.count - 1;
      const prepared = await statements.prepare(index);
      try {
        const type = prepared.statementType;
        const reads =
          type === StatementType.SELECT ||
          (type === StatementType.CREATE && !isLast) ||
          (type === StatementType.EXPLAIN && (await explainsReading(connection, sql)));
        if (!reads) throw notReading(JSON.stringify(sql.trim().slice(0, 60)));
        reader = await prepared.runAndReadAll();
      } finally {
        prepared.destroySync();
      }
    }
    return reader!;
  } finally {
    await connection.run('ROLLBACK');
  }
}

/** EXPLAIN ANALYZE runs what it explains, and a COPY over a file of the views is kept by no lock: it must be a SELECT. */
async function explainsReading(connection: DuckDBConnection, sql: string): Promise<boolean> {
  const { StatementType } = await import('@duckdb/node-api');
  const explained = sql.replace(/^\s*explain\b\s*(analy[sz]e\b|\([^)]*\)(?=\s*\w))?/i, '');
  return isOne(connection, explained, StatementType.SELECT);
}

/** What an engine refuses in words about its tables and grammar. */
const WRITES = /^\s*(?:insert|update|delete|merge|truncate|copy)\b/i;

/** Pure: the refusal of a statement as a person reads it who wrote one that writes; any other stays as it is. */
export function refusedAsWriting(sql: string, error: unknown): unknown {
  if (!isNamed(error, 'Usage.Invalid') || !WRITES.test(sql)) return error;
  return notReading(JSON.stringify(sql.trim().slice(0, 60)), error);
}

function notReading(found: string, cause?: unknown): NamedError {
  const wanted = 'SELECT, FROM, WITH, VALUES, TABLE, PIVOT, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN';
  return new NamedError('Usage.Invalid', { what: 'query reads only', found, wanted }, { cause });
}

/**
 * Writes the rows that `runReading` would return to a file of DuckDB's; returns how many. One SELECT goes there row by
 * row, however many they are; what comes apart into several statements (PIVOT) is held in memory first.
 * @throws Usage.Invalid as runReading
 */
export async function copyReading(
  connection: DuckDBConnection,
  sql: string,
  path: string,
  format: 'csv' | 'parquet',
): Promise<number> {
  const options = format === 'csv' ? 'FORMAT csv, HEADER' : 'FORMAT parquet';
  const copyOf = (rows: string) => `COPY (${rows}\n) TO ${sqlText(path)} (${options}, USE_TMP_FILE false)`;
  const { StatementType } = await import('@duckdb/node-api');
  const whole = copyOf(sql.trim().replace(/;\s*$/, ''));
  const isPlain =
    (await isOne(connection, sql, StatementType.SELECT)) && (await isOne(connection, whole, StatementType.COPY));
  if (!isPlain) await keepRows(await runReading(connection, sql), connection);
  const reader = await connection.runAndReadAll(isPlain ? whole : copyOf(`FROM ${KEPT}`));
  return Number(reader.getRows()[0]?.[0] ?? 0);
}

const KEPT = '"rows kept for a file"';

async function keepRows(reader: DuckDBResultReader, connection: DuckDBConnection): Promise<void> {
  const columns = reader.deduplicatedColumnNames().map((name, place) => {
    return `"${name.replaceAll('"', '""')}" ${reader.columnType(place)}`;
  });
  await connection.run(`CREATE TEMP TABLE ${KEPT} (${columns.join(', ')})`);
  const { DuckDBDataChunk } = await import('@duckdb/node-api');
  const appender = await connection.createAppender('rows kept for a file');
  const chunk = DuckDBDataChunk.create(reader.columnTypes());
  chunk.setRows(reader.getRows());
  appender.appendDataChunk(chunk);
  appender.closeSync();
}

/** Whether a text is exactly one statement of this type. */
async function isOne(connection: DuckDBConnection, sql: string, type: number): Promise<boolean> {
  const statements = await connection.extractStatements(sql).catch(() => undefined);
  if (statements?.count !== 1) return false;
  const prepared = await statements.prepare(0).catch(() => undefined);
  const found = prepared?.statementType;
  prepared?.destroySync();
  return found === type;
}

/** What is looked at of DuckDB's own reading of a text, as `json_serialize_sql` gives it. */
interface Expression {
  type: string;
  children?: Expression[];
  left?: Expression;
  right?: Expression;
  column_names?: string[];
  value?: { type: { id: string }; is_null: boolean; value: unknown };
}
interface Select {
  type: string;
  cte_map?: { map: unknown[] };
  from_table?: {
    type: string;
    table_name?: string;
    schema_name?: string;
    sample?: unknown;
    column_name_alias?: unknown[];
  };
  where_clause: Expression | null;
}

/**
 * The symbols that a text can only be about: one SELECT from `bars` alone, WHERE symbol = 'AAPL' or IN (…), AND whatever
 * else. Their files answer it; thousands of others need not be opened. Undefined for every other text.
 */
export async function symbolsAsked(connection: DuckDBConnection, sql: string): Promise<string[] | undefined> {
  const text = sqlText(sql.trim().replace(/;\s*$/, ''));
  const reader = await connection.runAndReadAll(`SELECT json_serialize_sql(${text})`).catch(() => undefined);
  const json = String(reader?.getRows()[0]?.[0] ?? '{}');
  const { statements = [] } = JSON.parse(json) as { statements?: { node: Select }[] };
  const [statement, ...more] = statements;
  if (!statement || more.length > 0 || /"type":"(SUBQUERY|TABLE_FUNCTION)"/.test(json)) return undefined;
  const { type, cte_map: ctes, from_table: from, where_clause: where } = statement.node;
  // A UNION, say, has parts of its own instead of a FROM.
  if (type !== 'SELECT_NODE' || from === undefined || (ctes?.map.length ?? 0) > 0) return undefined;
  const isBars = from.type === 'BASE_TABLE' && from.table_name?.toLowerCase() === 'bars' && from.schema_name === '';
  if (!isBars || from.sample || from.column_name_alias?.length) return undefined;
  const parts = where?.type === 'CONJUNCTION_AND' ? (where.children ?? []) : where ? [where] : [];
  return parts.map(symbolsOf).find((symbols) => symbols !== undefined);
}

function symbolsOf({ type, children = [], left, right }: Expression): string[] | undefined {
  const [column, ...values] = type === 'COMPARE_IN' ? children : type === 'COMPARE_EQUAL' ? [left, right] : [];
  if (column?.type !== 'COLUMN_REF' || column.column_names?.at(-1)?.toLowerCase() !== 'symbol') return undefined;
  const symbols = values.map((one) => {
    const isText = one?.type === 'VALUE_CONSTANT' && one.value?.type.id === 'VARCHAR' && !one.value.is_null;
    return isText ? String(one.value!.value) : undefined;
  });
  return symbols.every((symbol) => symbol !== undefined) ? symbols : undefined;
}
