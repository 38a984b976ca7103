import pg from 'pg';
import { SESSION_END, type SqlBackend, SqlFailure, type SqlResult, SqlUnavailable } from './sql.ts';

const asText = { getTypeParser: () => (text: string) => text };
const SESSION = "set timezone = 'UTC'; set datestyle = 'ISO'; set bytea_output = 'hex'; set extra_float_digits = 1";
const CONNECT_MS = 15_000;

/**
 * A real PostgreSQL server given by its connection string (DATABASE_URL). One connection, because the
 * Data API here runs one statement after another; it is opened at the first statement and reopened after a loss. A session
 * has a connection of its own.
 */
export function openPostgres(connectionString: string): SqlBackend {
  const pool = new pg.Pool({
    connectionString,
    max: 1,
    connectionTimeoutMillis: CONNECT_MS,
    allowExitOnIdle: true,
    // Awaited by the pool, so no statement ever sees another zone or date style.
    onConnect: async (client) => {
      await client.query(SESSION);
    },
  });
  // An idle connection that breaks is replaced at the next statement; without a listener it would end the process.
  pool.on('error', () => undefined);
  const sessions = new Set<pg.Client>();
  const session: SqlBackend['session'] = async () => {
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: CONNECT_MS });
    client.on('error', () => undefined);
    await client.connect().catch((error: unknown) => {
      throw sqlError(error);
    });
    sessions.add(client);
    await client.query(SESSION);
    const close = async () => {
      sessions.delete(client);
      try {
        // Its locks are gone when this is answered; a connection that is left ends some time later.
        for (const statement of SESSION_END) await client.query(statement);
      } finally {
        await client.end();
      }
    };
    return { query: (text, values) => queryOn(client, text, values), close };
  };
  const close = async () => {
    await Promise.all([...sessions].map((client) => client.end()));
    await pool.end();
  };
  return { query: (text, values) => queryOn(pool, text, values), session, close };
}

async function queryOn(on: pg.Pool | pg.Client, text: string, values: (string | null)[]): Promise<SqlResult> {
  // `extended` keeps the simple protocol, which would run several statements at once, out of the picture.
  const query = { text, values, rowMode: 'array' as const, types: asText, queryMode: 'extended' };
  const result = await on.query<(string | null)[]>(query).catch((error: unknown) => {
    throw sqlError(error);
  });
  return {
    columns: result.fields.map(({ name, dataTypeID }) => ({ name, oid: dataTypeID })),
    rows: result.rows,
    command: result.command ?? '',
    count: result.rowCount ?? 0,
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
