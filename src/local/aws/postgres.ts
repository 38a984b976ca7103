import pg from 'pg';
import { type SqlBackend, SqlFailure, SqlUnavailable } from './pglite.ts';

const asText = { getTypeParser: () => (text: string) => text };
const SESSION = "set timezone = 'UTC'; set datestyle = 'ISO'; set bytea_output = 'hex'; set extra_float_digits = 1";

/**
 * A real PostgreSQL server given by its connection string (DATABASE_URL). One connection, because the
 * Data API here runs one statement after another; it is opened at the first statement and reopened after a loss.
 */
export function openPostgres(connectionString: string): SqlBackend {
  const pool = new pg.Pool({
    connectionString,
    max: 1,
    connectionTimeoutMillis: 15_000,
    allowExitOnIdle: true,
    // Awaited by the pool, so no statement ever sees another zone or date style.
    onConnect: async (client) => {
      await client.query(SESSION);
    },
  });
  // An idle connection that breaks is replaced at the next statement; without a listener it would end the process.
  pool.on('error', () => undefined);
  return {
    query: async (text, values) => {
      // `extended` keeps the simple protocol, which would run several statements at once, out of the picture.
      const query = { text, values, rowMode: 'array' as const, types: asText, queryMode: 'extended' };
      const result = await pool.query<(string | null)[]>(query).catch((error: unknown) => {
        throw sqlError(error);
      });
      return {
        columns: result.fields.map(({ name, dataTypeID }) => ({ name, oid: dataTypeID })),
        rows: result.rows,
        command: result.command ?? '',
        count: result.rowCount ?? 0,
      };
    },
    close: () => pool.end(),
  };
}

function sqlError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof pg.DatabaseError && error.code !== undefined && !/^(08|57P0[1-4])/.test(error.code)) {
    const { code, severity, hint, position } = error;
    return new SqlFailure(error.message, { code, severity, hint, position });
  }
  return new SqlUnavailable(`The database of DATABASE_URL is not available: ${error.message || error.name}`);
}
