import type { DuckDBConnection, DuckDBResultReader } from '@duckdb/node-api';
import { NamedError } from '../errors.ts';

/**
 * Runs what only reads and returns the rows of the last statement; what DuckDB makes of SHOW, DESCRIBE and SUMMARIZE
 * is a SELECT.
 * @throws Usage.Invalid for nothing, and for a statement that could write: COPY, ATTACH, EXPORT, INSTALL, SET …
 */
export async function runReading(connection: DuckDBConnection, sql: string): Promise<DuckDBResultReader> {
  const words = sql.replace(/--.*|\/\*[\s\S]*?\*\//g, ' ');
  if (/^[\s;]*$/.test(words)) throw notReading('no statement');
  // Its folder is made as soon as it is prepared.
  if (/\bexport\s+database\b/i.test(words)) throw notReading('EXPORT DATABASE');
  const { StatementType } = await import('@duckdb/node-api');
  const statements = await connection.extractStatements(sql);
  let reader: DuckDBResultReader | undefined;
  for (let index = 0; index < statements.count; index += 1) {
    const prepared = await statements.prepare(index);
    try {
      const type = prepared.statementType;
      // PIVOT comes apart into a type in memory and a SELECT. EXPLAIN ANALYZE runs what it explains, a COPY too.
      const reads =
        type === StatementType.SELECT ||
        (type === StatementType.EXPLAIN && !/\banaly[sz]e\b/i.test(sql)) ||
        (type === StatementType.CREATE && /\bpivot/i.test(sql));
      if (!reads) throw notReading(JSON.stringify(sql.trim().slice(0, 60)));
      reader = await prepared.runAndReadAll();
    } finally {
      prepared.destroySync();
    }
  }
  return reader!;
}

function notReading(found: string): NamedError {
  return new NamedError('Usage.Invalid', {
    what: 'query reads only',
    found,
    wanted: 'SELECT, FROM, WITH, VALUES, TABLE, PIVOT, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN',
  });
}
