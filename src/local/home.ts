import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, constants, mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import * as z from 'zod';
import type { Config } from '../config.ts';
import { diskTrouble, NamedError } from '../errors.ts';
import { jsonOrUndefined } from '../text.ts';
import { type Credentials, randomCredentials } from './aws/signature.ts';
import { type FileLock, holderOf, isLocked, tryLock } from './file-lock.ts';
import { removeLast } from './last-steps.ts';
import { listenOnLoopback, ownRequestsOnly } from './loopback.ts';
import { tighten } from './permissions.ts';
import { rotateLogs } from './rotate-logs.ts';

const FOLDERS = ['lake', 'warehouse', 'tables', 'logs'] as const;

/** An AFTERBELL_HOME this process owns for writing. */
export interface Home {
  /** Absolute path; the four folders exist. */
  path: string;
  folders: Record<(typeof FOLDERS)[number], string>;
  /** Answered by the control endpoint. */
  nonce: string;
  /** Publishes endpoint URLs by name, beside `control`, and the key pair they take, for this user's readers. */
  setEndpoints(endpoints: Record<string, string>, credentials?: Credentials): Promise<void>;
  /** Gives the home up. */
  close(): Promise<void>;
}

/** A home some process owns, as a reader finds it. */
export interface LivingHome {
  /** As the owner names itself; nothing in the moment between its lock and its card. */
  pid?: number;
  command?: string;
  startedAt?: string;
  /** Its databases will be served as soon as those who read them have ended. */
  opening: boolean;
  /** None of an owner that cannot be reached from here: one in another container, or one that is stopped. */
  endpoints: Record<string, string>;
  /** What the endpoints take; absent as long as there are none but `control`. */
  credentials?: Credentials;
}

/**
 * The lock of the one process that may write to a home, held from its opening to its end. The operating system frees
 * it, so nobody has to guess whether an owner lives.
 */
const OWNER = 'owner.flock';
/** The lock of whoever has warehouse and tables open: the owner, or a reader for a moment while there is none. */
const DATABASES = 'databases.flock';
/** Where to reach the owner. It locks nothing. */
const CARD = 'home.lock';

const POLL_MS = 50;
/** A reader that looks whether there is an owner holds the lock for an instant. */
const LOOK_MS = 500;
/** A night rather waits for somebody's long query than fails; whoever reads may try again. */
export const WRITER_WAITS_MS = 600_000;
export const READER_WAITS_MS = 300_000;

/**
 * Opens a home for writing: creates its folders and takes the owner's lock.
 * @param options.opening the databases are opened next; readers leave them to this process meanwhile
 * @param options.command what Home.Busy tells a second writer; by default this process's own arguments
 * @throws NamedError Home.Unwritable, or Home.Busy while another process owns it
 */
export async function openHome(
  path: string,
  { opening = false, command = ownCommand() }: { mode: 'write'; opening?: boolean; command?: string },
): Promise<Home> {
  const root = resolve(path);
  const folders = await createFolders(root);
  const nonce = randomUUID();
  const startedAt = new Date().toISOString();
  const lock = await takeOwnership(root, holderText(command, startedAt));
  const control = await startControl({ nonce, pid: process.pid });
  const card: Card = { pid: process.pid, nonce, startedAt, command, opening, endpoints: { control: control.url } };
  try {
    await clearDrafts(root);
    await rotateLogs(folders.logs);
    await writeCard(root, card);
  } catch (error) {
    await control.close();
    lock.release();
    throw unwritable(root, error);
  }
  const removed = removeLast(join(root, CARD));
  let closed = false;
  return {
    path: root,
    folders,
    nonce,
    setEndpoints: async (endpoints, credentials) => {
      if (closed) return;
      card.opening = false;
      card.endpoints = { ...endpoints, control: control.url };
      card.credentials = credentials;
      await writeCard(root, card).catch((error: unknown) => {
        throw unwritable(root, error);
      });
    },
    close: async () => {
      if (closed) return;
      closed = true;
      try {
        await dropCard(root, nonce);
      } finally {
        removed();
        await control.close();
        lock.release();
      }
    },
  };
}

/** The owner of a home and its endpoints, or undefined when no living process owns it. */
export async function readHome(path: string): Promise<LivingHome | undefined> {
  const root = resolve(path);
  try {
    const owned = await isLocked(join(root, OWNER));
    const card = await readCard(root);
    const reached = card !== undefined && (await answers(card));
    // One that answers without a lock was started by an earlier version.
    if (!owned && !reached) return undefined;
    const { pid, command, startedAt, opening = false, endpoints, credentials } = card ?? { endpoints: {} };
    const reachable = reached ? { endpoints, credentials } : { endpoints: {} };
    return { pid, command, startedAt, opening: owned && opening, ...reachable };
  } catch (error) {
    throw unwritable(root, error);
  }
}

export interface Waiting {
  waitMs: number;
  signal?: AbortSignal;
  /** Told once, when it begins to wait, what for. */
  onWait?: (text: string) => void;
}

/**
 * Takes the databases of a home for its owner, when those who read them have ended.
 * @throws NamedError Home.Busy when they have not within `waitMs`, Home.Unwritable
 */
export async function lockDatabases(path: string, waiting: Waiting): Promise<FileLock> {
  const root = resolve(path);
  return untilFree(root, waiting, () => tryDatabases(root));
}

/** How a reader gets at the databases: over the endpoint of the owner, or by opening them itself under the lock. */
export type Access = Endpoint | { lock: FileLock };

/** A database on loopback, and the key pair it takes. */
export interface Endpoint {
  url: string;
  credentials: Credentials;
}

/**
 * The way to the databases for a reader, who waits while neither is to be had: an owner is about to open or close them,
 * another reader has them, or an owner cannot be reached from here.
 * @throws NamedError Home.Busy when neither is to be had within `waitMs`, Home.Unwritable
 */
export async function accessDatabases(path: string, endpoint: string, waiting: Waiting): Promise<Access> {
  const root = resolve(path);
  return untilFree(root, waiting, async () => {
    const owner = await readHome(root);
    const url = owner?.endpoints[endpoint];
    // The endpoints of an earlier version take any.
    if (url !== undefined) return { url, credentials: owner?.credentials ?? randomCredentials() };
    const lock = owner?.opening ? undefined : await tryDatabases(root);
    return lock && { lock };
  });
}

async function tryDatabases(root: string): Promise<FileLock | undefined> {
  try {
    return await tryLock(join(root, DATABASES), holderText(ownCommand(), new Date().toISOString()));
  } catch (error) {
    throw unwritable(root, error);
  }
}

async function untilFree<T>(
  root: string,
  { waitMs, signal, onWait }: Waiting,
  attempt: () => Promise<T | undefined>,
): Promise<T> {
  const begun = performance.now();
  for (let waited = false; ; waited = true) {
    const taken = await attempt();
    if (taken !== undefined) return taken;
    const holder = holderOf(join(root, DATABASES));
    if (performance.now() - begun >= waitMs) {
      throw new NamedError('Home.Busy', {
        what: `Another command has the warehouse and tables of ${root} open`,
        found: `${holder}, still after ${Math.round(waitMs / 1000)} s`,
        todo: 'Wait until it ends or stop it, and run the same command again. A night serves readers in its own container only',
      });
    }
    if (!waited) onWait?.(`Waiting for the warehouse and tables of ${root}: ${holder} has them open …`);
    await pause(POLL_MS, undefined, { signal }).catch(() => {
      throw new NamedError('Job.Interrupted', `interrupted while it waited for ${holder}`);
    });
  }
}

async function takeOwnership(root: string, holder: string): Promise<FileLock> {
  const path = join(root, OWNER);
  try {
    let lock = await tryLock(path, holder);
    for (const begun = performance.now(); !lock; lock = await tryLock(path, holder)) {
      if (performance.now() - begun >= LOOK_MS) throw busy(root, holderOf(path));
      await pause(POLL_MS);
    }
    const earlier = await readCard(root);
    if (!earlier || !(await answers(earlier))) return lock;
    lock.release();
    throw busy(root, holderText(earlier.command, earlier.startedAt, earlier.pid));
  } catch (error) {
    throw unwritable(root, error);
  }
}

function ownCommand(): string {
  return ['afterbell', ...process.argv.slice(2)].join(' ');
}

function holderText(command: string, startedAt: string, pid = process.pid): string {
  const [line = ''] = command.split('\n');
  return `pid ${pid} (${line.slice(0, 100)}) since ${startedAt}`;
}

/** What another process needs nothing of: locks, the owner's card, and what jobs spill. `name` is a path below the home. */
export function isLockOrScratch(name: string): boolean {
  return name === OWNER || name === DATABASES || /^(home\.lock|scratch\/|lake\/\.tmp\/)/.test(name);
}

/** The entries a home has; whatever else lies beside them is somebody else's. */
function isOwn(name: string): boolean {
  return (
    [...FOLDERS, 'scratch', OWNER, DATABASES].includes(name) ||
    /^(home\.lock|(portfolios|practice|schedule)\.json)/.test(name)
  );
}

async function createFolders(root: string): Promise<Home['folders']> {
  try {
    const folders = FOLDERS.map((name) => [name, join(root, name)] as const);
    for (const [, folder] of folders) {
      await makeFolder(folder);
      await access(folder, constants.W_OK);
    }
    tighten(root, isOwn);
    return Object.fromEntries(folders) as Home['folders'];
  } catch (error) {
    throw unwritable(root, error);
  }
}

/** `GET /afterbell` → `{nonce, pid}`, by which a reader knows that the card's endpoints are this owner's. */
async function startControl(identity: {
  nonce: string;
  pid: number;
}): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer(
    ownRequestsOnly((request, response) => {
      const known = request.url === '/afterbell';
      response.writeHead(known ? 200 : 404, { 'content-type': 'application/json', connection: 'close' });
      response.end(known ? JSON.stringify(identity) : '{}');
    }),
  );
  const url = await listenOnLoopback(server);
  // An owner that has nothing else to do may end.
  server.unref();
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url, close };
}

function busy(root: string, owner: string): NamedError {
  return new NamedError('Home.Busy', {
    what: `Another process is writing to ${root}`,
    found: owner,
    todo: 'Wait until it ends or stop it, or set AFTERBELL_HOME to another folder',
  });
}

const CONTROL_TIMEOUT_MS = 3_000;

const Card = z.object({
  pid: z.number().int().positive(),
  nonce: z.string().min(1),
  startedAt: z.string(),
  command: z.string(),
  opening: z.boolean().optional(),
  endpoints: z.record(z.string(), z.string()),
  credentials: z.object({ accessKeyId: z.string(), secretAccessKey: z.string() }).optional(),
});
/** What `home.lock` holds, for its user only: who owns the home, where its endpoints are and the keys they take. */
type Card = z.infer<typeof Card>;

/** Readers see the old card or the new one. */
async function writeCard(root: string, card: Card): Promise<void> {
  const draft = join(root, `${CARD}.draft-${card.pid}-${randomUUID()}`);
  await writeFile(draft, `${JSON.stringify(card)}\n`, { flag: 'wx', flush: true, mode: 0o600 });
  await rename(draft, join(root, CARD));
}

/** Takes the card away, if it is still this owner's. */
async function dropCard(root: string, nonce: string): Promise<void> {
  if ((await readCard(root))?.nonce === nonce) await rm(join(root, CARD), { force: true });
}

async function readCard(root: string): Promise<Card | undefined> {
  let text: string;
  try {
    text = await readFile(join(root, CARD), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return Card.safeParse(jsonOrUndefined(text)).data;
}

/** Whether the owner on the card is to be reached from here: a port alone may have passed to another program. */
async function answers({ nonce, endpoints }: Card): Promise<boolean> {
  if (endpoints.control === undefined) return false;
  try {
    const response = await fetch(`${endpoints.control}/afterbell`, {
      signal: AbortSignal.timeout(CONTROL_TIMEOUT_MS),
      headers: { connection: 'close' },
    });
    const answer: unknown = await response.json();
    return typeof answer === 'object' && answer !== null && 'nonce' in answer && answer.nonce === nonce;
  } catch {
    return false;
  }
}

/** Only an owner writes cards, so that any draft is that of one who was killed. */
async function clearDrafts(root: string): Promise<void> {
  for (const entry of await readdir(root)) {
    if (entry.startsWith(`${CARD}.`)) await rm(join(root, entry), { force: true });
  }
}

/**
 * Makes a folder and what is missing above it, one step at a time. Node's own recursive mkdir never returns where
 * the system answers "no such file" below a folder that exists, as /proc does.
 */
export async function makeFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    // Another process may have been faster; a file in the way is an error all the same.
    if (error.code !== 'EEXIST' || found) throw error;
  });
}

/** What an empty warehouse takes (26 MB), and a little for tables, logs and the first sessions. */
const FIRST_BYTES = 32e6;

/**
 * A home without a warehouse on a disk that cannot take one: said before anything is begun, once.
 * @throws Home.Unwritable
 */
export async function requireFreeSpace(
  { path, folders }: Pick<Home, 'path' | 'folders'>,
  config: Config,
): Promise<void> {
  if (config.DATABASE_URL || existsSync(join(folders.warehouse, 'pgdata'))) return;
  const { bavail, bsize, blocks } = await statfs(path);
  // Some file systems do not know how large they are.
  if (blocks === 0 || bavail * bsize >= FIRST_BYTES) return;
  throw new NamedError('Home.Unwritable', {
    what: `The disk of the home ${path} is too full to begin`,
    found: `${megabytes(bavail * bsize)} free`,
    wanted: `${megabytes(FIRST_BYTES)} for an empty warehouse`,
    todo: 'Free some space, or set AFTERBELL_HOME to a folder on another disk, and run the same command again',
  });
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / 1e6)} MB`;
}

/** Home.Unwritable in the words of its cause: room, a disk that takes writes, or rights. */
export function unwritable(home: string, error: unknown): NamedError {
  if (error instanceof NamedError) return error;
  const trouble = diskTrouble(error);
  const again = 'run the same command again; nothing stored was changed';
  const advice = trouble?.full
    ? { todo: `Free some space on its disk, or set AFTERBELL_HOME to a folder elsewhere, and ${again}` }
    : {
        wanted: 'a folder this user may create files and hard links in, also to read its warehouse',
        todo: 'Set AFTERBELL_HOME to such a folder, or to a copy of this home',
      };
  const said = error instanceof Error ? error.message : String(error);
  const found = trouble ? `${trouble.reason} (${said})` : said;
  return new NamedError(
    'Home.Unwritable',
    { what: `The home ${home} cannot be written`, found, ...advice },
    { cause: error },
  );
}
