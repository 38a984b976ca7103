import { randomUUID } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { PGlite } from '@electric-sql/pglite';
import type { Config } from '../../config.ts';
import { diskTrouble, NamedError } from '../../errors.ts';
import { KNOWN_OIDS } from './sql.ts';

/** A result as PostgreSQL sent it: every value in its text form, NULL as null. */
export interface SqlResult {
  columns: { name: string; oid: number }[];
  rows: (string | null)[][];
  /** Command tag in capitals without counts: SELECT, INSERT, CREATE. */
  command: string;
  /** Rows the command tag counts. */
  count: number;
}

/**
 * One PostgreSQL behind the Data API. Both adapters give values in PostgreSQL's text form with session time
 * zone UTC and ISO dates, so what a caller sees does not depend on the adapter.
 */
export interface SqlBackend {
  /** Runs one statement with `$n` values in text form. @throws SqlFailure | SqlUnavailable */
  query(text: string, values: (string | null)[]): Promise<SqlResult>;
  /** A session for one caller, whose statements are its own until it is closed. */
  session(): Promise<SqlSession>;
  close(): Promise<void>;
}

export interface SqlSession extends Pick<SqlBackend, 'query'> {
  /** Rolls back what is open; settings, locks and temporary tables end with it. */
  close(): Promise<void>;
}

/** What closes a session, in order: DISCARD ALL is refused inside a transaction. */
export const SESSION_END = ['ROLLBACK', 'DISCARD ALL'] as const;

/** The database refused the statement. `code` is the SQLSTATE. */
export class SqlFailure extends Error {
  readonly code: string;
  readonly severity: string;
  readonly hint: string | undefined;
  readonly position: string | undefined;

  constructor(message: string, fields: { code: string; severity?: string; hint?: string; position?: string }) {
    super(message);
    this.name = 'SqlFailure';
    this.code = fields.code;
    this.severity = fields.severity ?? 'ERROR';
    this.hint = fields.hint;
    this.position = fields.position;
  }
}

/** The database could not be reached, or is starting or stopping. */
export class SqlUnavailable extends Error {
  override readonly name = 'SqlUnavailable';
}

/**
 * The database behind the Data API: PostgreSQL at DATABASE_URL, or the embedded one. Opened by the first statement,
 * so that a run with nothing to do never pays for it.
 */
export function warehouseBackend(config: Config, folder: string, cluster: string): SqlBackend {
  const url = config.DATABASE_URL;
  let opened: Promise<SqlBackend> | undefined;
  const open = () => {
    opened ??= url ? overNetwork(url) : openPglite(join(folder, 'pgdata'), cluster);
    return opened;
  };
  return {
    query: async (text, values) => (await open()).query(text, values),
    session: async () => (await open()).session(),
    close: async () => (await opened?.catch(() => undefined))?.close(),
  };
}

/** Its driver is loaded by those only who have a server of their own. */
async function overNetwork(url: string): Promise<SqlBackend> {
  const { openPostgres } = await import('./postgres.ts');
  return openPostgres(url);
}

const MAKE_ROOM = 'Make room on its disk, or mend the rights, and run the same command again';

const asText = Object.fromEntries(KNOWN_OIDS.map((oid) => [oid, (text: string) => text]));

/**
 * How often a function of PostgreSQL runs before V8 optimises it, in bytes of its code. At V8's own 1.8 million a night
 * spends two of its seven CPU seconds on code that it hardly uses again; 300,000 upserts cost the same either way.
 */
setFlagsFromString('--wasm-tiering-budget=60000000');

/**
 * PostgreSQL in this process, on the directory `dataDir`. Nothing in PGlite keeps a second process from
 * opening the same directory and losing a commit: the caller holds the lock of the home.
 * @param cluster an empty cluster, copied when `dataDir` does not exist yet: initdb costs seconds and 0.9 GB
 * @throws NamedError Database.Failed
 */
export async function openPglite(dataDir: string, cluster: string): Promise<SqlBackend> {
  if (!existsSync(join(dataDir, 'PG_VERSION'))) await createDataDir(dataDir, cluster);
  const db = await PGlite.create({ dataDir, serializers: asText }).catch((error: unknown) => {
    throw new NamedError(
      'Database.Failed',
      {
        what: `The warehouse in ${dataDir} cannot be opened`,
        found: found(error),
        todo: diskTrouble(error)
          ? MAKE_ROOM
          : 'Move the directory away and run again: a new one is created and filled from the lake',
      },
      { cause: error },
    );
  });
  const query: SqlBackend['query'] = async (text, values) => {
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
  };
  return { ...takingTurns(query), close: () => db.close() };
}

/** PGlite has one session: while a caller has it for its own, everybody else waits. */
function takingTurns(query: SqlBackend['query']): Pick<SqlBackend, 'query' | 'session'> {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    query: (text, values) => inTurn(() => query(text, values)),
    session: () =>
      new Promise((begin) => {
        const held = () =>
          new Promise<void>((release) => {
            const close = async () => {
              try {
                for (const statement of SESSION_END) await query(statement, []);
              } finally {
                release();
              }
            };
            begin({ query, close });
          });
        void inTurn(held);
      }),
  };
}

/** In a directory beside the real one, so that a crash midway leaves nothing that looks like a database. */
async function createDataDir(dataDir: string, cluster: string): Promise<void> {
  const parent = dirname(dataDir);
  const prefix = `${basename(dataDir)}.new-`;
  await mkdir(parent, { recursive: true });
  for (const entry of await readdir(parent)) {
    if (entry.startsWith(prefix)) await rm(join(parent, entry), { recursive: true, force: true });
  }
  const fresh = join(parent, `${prefix}${randomUUID()}`);
  try {
    await copyFolder(cluster, fresh);
    await rename(fresh, dataDir);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw new NamedError(
      'Database.Failed',
      {
        what: `The warehouse in ${dataDir} cannot be created`,
        found: found(error),
        todo: diskTrouble(error) && MAKE_ROOM,
      },
      { cause: error },
    );
  }
}

/** One line, whatever the cause says. */
function found(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  return diskTrouble(error)?.reason ?? said;
}

async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyFolder(source, target);
    else await copyFile(source, target, constants.COPYFILE_FICLONE);
  }
}

/** PGlite throws the server's error fields on an Error of its own. */
function sqlFailure(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const { severity, hint, position } = error as { severity?: string; hint?: string; position?: string };
  return new SqlFailure(error.message, { code: error.code, severity, hint, position });
}
