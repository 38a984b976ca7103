import { randomUUID } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Config } from '../../config.ts';
import { diskTrouble, fewFiles, isNamed, NamedError } from '../../errors.ts';
import { startEngineThread } from './pglite-thread.ts';
import { SESSION_END, type SqlBackend, SqlFailure } from './sql.ts';

/**
 * The database behind the Data API: PostgreSQL at DATABASE_URL, or the embedded one. Opened by the first statement,
 * so that a run with nothing to do never pays for it.
 */
export function warehouseBackend(
  config: Config,
  folder: string,
  program: { cluster: string; local(name: 'pglite-worker'): string },
  signal?: AbortSignal,
): SqlBackend {
  const url = config.DATABASE_URL;
  let opened: Promise<SqlBackend> | undefined;
  const open = () => {
    const thread = { program: program.local('pglite-worker'), signal };
    opened ??= url ? overNetwork(url) : openPglite(join(folder, 'pgdata'), program.cluster, thread);
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

const MAKE_ROOM = 'Free some space on its disk, or fix the permissions, and run the same command again';

/**
 * PostgreSQL in this process, on the directory `dataDir`: in this thread, which each statement then keeps busy, or in one
 * of its own. Nothing in PGlite keeps a second process from opening the same directory and losing a commit: the caller
 * holds the lock of the home.
 * @param cluster an empty cluster, copied when `dataDir` does not exist yet: initdb costs seconds and 0.9 GB
 * @throws NamedError Database.Failed
 */
export async function openPglite(
  dataDir: string,
  cluster: string,
  thread?: { program: string; signal?: AbortSignal },
): Promise<SqlBackend> {
  if (!existsSync(join(dataDir, 'PG_VERSION'))) await createDataDir(dataDir, cluster);
  const starting = thread
    ? startEngineThread(dataDir, thread)
    : import('./pglite-engine.ts').then(({ startEngine }) => startEngine(dataDir));
  const engine = await starting.catch((error: unknown) => {
    if (isNamed(error, 'Job.Interrupted')) throw error;
    throw (
      fewFiles(error) ??
      new NamedError(
        'Database.Failed',
        {
          what: `The warehouse in ${dataDir} cannot be opened`,
          found: found(error),
          todo: diskTrouble(error)
            ? MAKE_ROOM
            : 'Move the directory away and run again: a new one is created and filled from the lake',
        },
        { cause: error },
      )
    );
  });
  const query: SqlBackend['query'] = (text, values) =>
    engine.query(text, values).catch((error: unknown) => {
      throw sqlFailure(error);
    });
  return { ...takingTurns(query), close: () => engine.close() };
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
    throw (
      fewFiles(error) ??
      new NamedError(
        'Database.Failed',
        {
          what: `The warehouse in ${dataDir} cannot be created`,
          found: found(error),
          todo: diskTrouble(error) && MAKE_ROOM,
        },
        { cause: error },
      )
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
    // It stands for an empty folder, which a package of npm cannot have.
    else if (entry.name !== '.keep') await copyFile(source, target, constants.COPYFILE_FICLONE);
  }
}

/** PGlite throws the server's error fields on an Error of its own. */
function sqlFailure(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return error;
  const { severity, hint, position } = error as { severity?: string; hint?: string; position?: string };
  return new SqlFailure(error.message, { code: error.code, severity, hint, position });
}
