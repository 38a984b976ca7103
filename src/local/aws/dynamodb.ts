import { EventEmitter } from 'node:events';
import { mkdir, readdir } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import dynalite from 'dynalite';
import { diskTrouble, NamedError } from '../../errors.ts';
import { jsonOrUndefined } from '../../text.ts';
import { listenOnLoopback, ownRequestsOnly } from '../loopback.ts';
import { AwsFault, faultAnswer, send } from './protocol.ts';
import { type Credentials, readSigned } from './signature.ts';

/** In the data directory: what was imported last, as a file that `portfolios --import` reads. */
export const PORTFOLIO_COPY = 'portfolios.json';

/** DynamoDB's own limit on a batch of writes. */
const LIMIT_BYTES = 16 * 1024 * 1024;
/** By its name a method is known that was replaced before. */
const ANSWERED = 'answered';

export interface TablesOptions {
  path: string;
  credentials: Credentials;
}

export interface Tables {
  /** `http://127.0.0.1:PORT`, for AWS_ENDPOINT_URL_DYNAMODB. */
  url: string;
  close(): Promise<void>;
}

/**
 * DynamoDB on loopback (dynalite) for those who have `credentials`, its tables kept in the directory `path` by
 * LevelDB, which lets one process in.
 * @throws NamedError Database.Failed when the directory cannot be opened
 */
export async function startTables({ path, credentials }: TablesOptions): Promise<Tables> {
  await tryDirectory(path);
  const server = dynalite({ path, createTableMs: 1, deleteTableMs: 1, updateTableMs: 1 });
  // Warm workers keep sockets for a whole night; the 5 s default would close them under a call in flight.
  server.keepAliveTimeout = 600_000;
  const [answer] = server.listeners('request') as RequestListener[];
  server.removeAllListeners('request');
  server.on(
    'request',
    ownRequestsOnly((request, response) => void answerSigned(request, response, credentials, answer!)),
  );
  const url = await listenOnLoopback(server);
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= new Promise<void>((resolve, reject) => {
      server.close((error) => (error ? reject(error) : resolve()));
      server.closeAllConnections();
    });
    return closing;
  };
  return { url, close };
}

/**
 * dynalite looks at no signature, answers every Origin with `*`, and rethrows the error of a request that a killed
 * worker broke off. So it gets requests that are signed and complete, without their Origin.
 */
export async function answerSigned(
  request: IncomingMessage,
  response: ServerResponse,
  credentials: Credentials,
  answer: RequestListener,
): Promise<void> {
  try {
    const { body } = await readSigned(request, [credentials], { protocol: 'json', limitBytes: LIMIT_BYTES });
    const { method, url } = request;
    const { origin: _, ...headers } = request.headers;
    requireObject(body);
    const whole = Object.assign(new EventEmitter(), { method, url, headers });
    answer(whole as unknown as IncomingMessage, response);
    // Told here and not by a stream, so that what dynalite throws at a body it cannot take is caught.
    whole.emit('data', body);
    whole.emit('end');
  } catch (error) {
    const fault = error instanceof AwsFault ? error : new AwsFault('SerializationException', String(error));
    await send(response, faultAnswer('json', fault));
  }
}

/** dynalite takes any JSON for one, and follows it however deep it is. */
function requireObject(body: Buffer): void {
  const value = jsonOrUndefined(body.toString('utf8'));
  if (typeof value !== 'object' || value === null)
    throw new AwsFault('SerializationException', 'The request body is no JSON object');
}

interface Level {
  batch(...given: unknown[]): unknown;
  put(...given: unknown[]): unknown;
  del(key: string): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
  iterator(range: { gt: string; lt: string }): AsyncIterable<[key: string, value: { TableStatus?: string } | null]>;
}
interface LevelModule {
  Level: new (path: string, options: { valueEncoding: 'json' }) => Level;
}

/**
 * Opens and closes the directory with dynalite's own LevelDB: dynalite opens lazily, and a failure there
 * surfaces as an uncaught exception that would end this process.
 */
async function tryDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await requireWhole(path);
    const { Level } = createRequire(createRequire(import.meta.url).resolve('dynalite'))('level') as LevelModule;
    answerRefusedWrites(Level.prototype);
    const level = new Level(path, { valueEncoding: 'json' });
    await level.open();
    try {
      await dropHalfCreated(level);
    } finally {
      await level.close();
    }
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new NamedError(
      'Database.Failed',
      { what: `The tables in ${path} cannot be opened`, found, ...(isDamage(error) ? repairOf(path) : NOT_OPEN) },
      { cause: error },
    );
  }
}

const NOT_OPEN = { wanted: 'a writable directory no other process has open' };

/** What the tables hold is fetched again, but for portfolios put in by hand. */
function repairOf(path: string): { todo: string } {
  const copy = join(dirname(path), PORTFOLIO_COPY);
  return {
    todo: `They are damaged. Move them away (mv '${path}' '${path}.damaged') and run the command again: reference lists are fetched again, and imported portfolios come back with: npx afterbell portfolios --import '${copy}'`,
  };
}

/** LevelDB says in its message that a file of its own is damaged or gone, below an error of the wrapper. */
function isDamage(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if (/corruption|checksum|no such file/i.test(at.message)) return true;
  return false;
}

/** Without its first file LevelDB would begin a new database and delete what lies there. */
async function requireWhole(path: string): Promise<void> {
  const files = await readdir(path);
  if (files.includes('CURRENT') || !files.some((name) => /^MANIFEST-|\.(ldb|log)$/.test(name))) return;
  throw new Error('Corruption: the file CURRENT is missing');
}

/**
 * dynalite throws what LevelDB refuses where nobody can catch it, which ends the process; an error with a status it
 * answers. A full disk stays full for the tries of a client, hence 400.
 */
function answerRefusedWrites(level: Level): void {
  for (const name of ['put', 'del', 'batch'] as const) {
    const write = level[name] as (...given: unknown[]) => unknown;
    if (write.name === ANSWERED) continue;
    const answered = function (this: Level, ...given: unknown[]) {
      const done = write.apply(this, given);
      return done instanceof Promise ? done.catch(throwAnswer) : done;
    };
    level[name] = Object.defineProperty(answered, 'name', { value: ANSWERED }) as never;
  }
}

function throwAnswer(error: Error): never {
  const said = error.cause instanceof Error ? error.cause.message : error.message;
  const trouble = diskTrouble(error);
  const todo = 'Free some space or fix the permissions, and run the same command again';
  const body = trouble
    ? {
        __type: 'afterbell#Home.Unwritable',
        message: `tables cannot be written; found ${trouble.reason} (${said}). ${todo}`,
      }
    : { __type: 'afterbell#Table.WriteFailed', message: said };
  throw Object.assign(error, { statusCode: 400, body });
}

/**
 * A table whose server was killed at its creation would stay in CREATING for good, where it can be neither used nor
 * deleted. It has no items yet; without it the next owner creates it again.
 */
async function dropHalfCreated(level: Level): Promise<void> {
  // dynalite keeps its tables' descriptions under `table~NAME`.
  for await (const [key, table] of level.iterator({ gt: 'table~', lt: 'table\u007f' })) {
    if (table?.TableStatus === 'CREATING') await level.del(key);
  }
}
