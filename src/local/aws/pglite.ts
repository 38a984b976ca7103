import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { NamedError } from '../../errors.ts';
import { type SqlBackend, SqlFailure } from './sql-backend.ts';
import { KNOWN_OIDS } from './sql-types.ts';

const asText = Object.fromEntries(KNOWN_OIDS.map((oid) => [oid, (text: string) => text]));

/**
 * PostgreSQL in this process, on the directory `dataDir`. Nothing in PGlite keeps a second process from
 * opening the same directory and losing a commit: the caller holds the lock of the home.
 * @param initdb the bundled `initdb` program, run once when `dataDir` does not exist yet
 * @throws NamedError Database.Failed
 */
export async function openPglite(dataDir: string, initdb: string): Promise<SqlBackend> {
  if (!existsSync(join(dataDir, 'PG_VERSION'))) await createDataDir(dataDir, initdb);
  const db = await PGlite.create({ dataDir, serializers: asText }).catch((error: unknown) => {
    throw new NamedError(
      'Database.Failed',
      {
        what: `The warehouse in ${dataDir} cannot be opened`,
        found: error instanceof Error ? error.message : String(error),
        todo: 'Move the directory away and run again: a new one is created and filled from the lake',
      },
      { cause: error },
    );
  });
  return {
    query: async (text, values) => {
      // Given per query: PGlite registers its own array parsers after the constructor's.
      const options = { rowMode: 'array', parsers: asText } as const;
      const result = await db.query<(string | null)[]>(text, values, options).catch((error: unknown) => {
        throw sqlFailure(error);
      });
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

/**
 * initdb needs three times the memory of an open database, so it runs in a child that ends; it works in a
 * directory beside the real one, so that a crash midway leaves nothing that looks like a database.
 */
async function createDataDir(dataDir: string, initdb: string): Promise<void> {
  const parent = dirname(dataDir);
  const prefix = `${basename(dataDir)}.new-`;
  await mkdir(parent, { recursive: true });
  for (const entry of await readdir(parent)) {
    if (entry.startsWith(prefix)) await rm(join(parent, entry), { recursive: true, force: true });
  }
  const fresh = join(parent, `${prefix}${randomUUID()}`);
  try {
    await runInitdb(initdb, fresh);
    await rename(fresh, dataDir);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw new NamedError(
      'Database.Failed',
      { what: `The warehouse in ${dataDir} cannot be created`, found: error instanceof Error ? error.message : '' },
      { cause: error },
    );
  }
}

function runInitdb(program: string, dataDir: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Compiled once is enough for a process that ends after seconds; optimising would cost it two fifths of its time.
    const argv = ['--liftoff-only', program, dataDir];
    const child = spawn(process.execPath, argv, { env: {}, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-2000);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`initdb ended with ${signal ?? `exit code ${code}`}: ${stderr.trim()}`));
    });
  });
}

/** PGlite throws the server's error fields on an Error of its own. */
function sqlFailure(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const { severity, hint, position } = error as { severity?: string; hint?: string; position?: string };
  return new SqlFailure(error.message, { code: error.code, severity, hint, position });
}
