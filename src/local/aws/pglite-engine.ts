import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { PGlite } from '@electric-sql/pglite';
import { KNOWN_OIDS, type SqlResult } from './sql.ts';

/** The embedded PostgreSQL itself. Its errors are as the server sent them. */
export interface PgliteEngine {
  query(text: string, values: (string | null)[]): Promise<SqlResult>;
  close(): Promise<void>;
}

const asText = Object.fromEntries(KNOWN_OIDS.map((oid) => [oid, (text: string) => text]));

/**
 * How often a function of PostgreSQL runs before V8 optimises it, in bytes of its code. At V8's own 1.8 million a night
 * spends two of its seven CPU seconds on code that it hardly uses again; 300,000 upserts cost the same either way.
 */
setFlagsFromString('--wasm-tiering-budget=60000000');

/** Segments of the write-ahead log are 16 MB each; the least of each limit is two and three of them. */
const WAL_LIMITS = ['-c', 'min_wal_size=32MB', '-c', 'max_wal_size=48MB'];
const WAL_SEGMENTS = 3;

/** PostgreSQL fills all of its 128 MB with zeros at each start; with a quarter a night's upserts take as long. */
const BUFFERS = ['-c', 'shared_buffers=32MB'];

/**
 * In this thread, which a statement keeps busy to its end.
 * @param loadDataDir tar of a data directory to begin with; else PostgreSQL makes one where there is none
 */
export async function startEngine(dataDir: string, loadDataDir?: Blob): Promise<PgliteEngine> {
  const db = await PGlite.create({
    dataDir,
    serializers: asText,
    startParams: [...PGlite.defaultStartParams, ...WAL_LIMITS, ...BUFFERS],
    ...(loadDataDir && { loadDataDir }),
  });
  // PostgreSQL leaves this to a process that PGlite does not have: without it the log grows until the warehouse is closed.
  const limitWal = async () => {
    // One in memory ends with its process.
    if (dataDir.startsWith('memory:')) return;
    const segments = readdirSync(join(dataDir, 'pg_wal')).filter((name) => /^[0-9A-F]{24}$/.test(name));
    // Refused in a transaction that has failed; the next statement asks again.
    if (segments.length > WAL_SEGMENTS) await db.exec('CHECKPOINT').catch(() => undefined);
  };
  return {
    query: async (text, values) => {
      // Given per query: PGlite registers its own array parsers after the constructor's.
      const options = { rowMode: 'array', parsers: asText } as const;
      const result = await db.query<(string | null)[]>(text, values, options);
      await limitWal();
      return {
        columns: result.fields.map(({ name, dataTypeID }) => ({ name, oid: dataTypeID })),
        rows: result.rows,
        command: result.command ?? '',
        count: result.rowCount ?? 0,
      };
    },
    close: () => db.close(),
  };
}
