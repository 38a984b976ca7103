import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  access,
  constants,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import type { Config } from '../config.ts';
import { diskTrouble, NamedError } from '../errors.ts';

const FOLDERS = ['lake', 'warehouse', 'tables', 'logs'] as const;

/** An AFTERBELL_HOME this process owns for writing. */
export interface Home {
  /** Absolute path; the four folders exist. */
  path: string;
  folders: Record<(typeof FOLDERS)[number], string>;
  /** Answered by the control endpoint; give it to the AWS server as its identity. */
  nonce: string;
  /** Publishes endpoint URLs by name for readers and children, beside `control`. */
  setEndpoints(endpoints: Record<string, string>): Promise<void>;
  /** Gives the home up. */
  close(): Promise<void>;
}

/** A home as a reader finds it. */
export interface LivingHome {
  pid: number;
  command: string;
  startedAt: string;
  endpoints: Record<string, string>;
}

/**
 * Opens a home for writing: creates its folders and takes its lock, over from a dead owner at once.
 * @param options.command what Home.Busy tells a second writer; by default this process's own arguments
 * @throws NamedError Home.Unwritable, or Home.Busy while another process owns it
 */
export async function openHome(path: string, options: { mode: 'write'; command?: string }): Promise<Home> {
  const root = resolve(path);
  const folders = await createFolders(root);
  const nonce = randomUUID();
  const control = await startControl({ nonce, pid: process.pid });
  const record: LockRecord = {
    pid: process.pid,
    nonce,
    startedAt: new Date().toISOString(),
    command: options.command ?? ['afterbell', ...process.argv.slice(2)].join(' '),
    endpoints: { control: control.url },
  };
  let owner: LockRecord | undefined;
  try {
    owner = await takeLock(root, record);
  } catch (error) {
    await control.close();
    throw unwritable(root, error);
  }
  if (owner) {
    await control.close();
    throw busy(root, owner);
  }
  let closed = false;
  return {
    path: root,
    folders,
    nonce,
    setEndpoints: async (endpoints) => {
      if (closed) return;
      record.endpoints = { ...endpoints, control: control.url };
      await rewriteLock(root, record).catch((error: unknown) => {
        throw unwritable(root, error);
      });
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await dropLock(root, nonce);
      await control.close();
    },
  };
}

/** The endpoints and owner of a home some living process owns, or undefined when none does. */
export async function readHome(path: string): Promise<LivingHome | undefined> {
  const owner = await livingOwner(resolve(path)).catch((error: Error) => {
    throw unwritable(resolve(path), error);
  });
  return owner && { pid: owner.pid, command: owner.command, startedAt: owner.startedAt, endpoints: owner.endpoints };
}

async function createFolders(root: string): Promise<Home['folders']> {
  try {
    const folders = FOLDERS.map((name) => [name, join(root, name)] as const);
    for (const [, folder] of folders) {
      await makeFolder(folder);
      await access(folder, constants.W_OK);
    }
    return Object.fromEntries(folders) as Home['folders'];
  } catch (error) {
    throw unwritable(root, error);
  }
}

/** `GET /afterbell` → `{nonce, pid}`. Listens before the lock is taken, so no lock ever lacks its proof of life. */
async function startControl(identity: {
  nonce: string;
  pid: number;
}): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const known = request.url === '/afterbell';
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json', connection: 'close' });
    response.end(known ? JSON.stringify(identity) : '{}');
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', listening);
  });
  // An owner that has nothing else to do may end; the lock is then stale, not the process stuck.
  server.unref();
  const close = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

function busy(root: string, owner: LockRecord): NamedError {
  return new NamedError('Home.Busy', {
    what: `Another process is writing to ${root}`,
    found: `pid ${owner.pid} (${owner.command}) since ${owner.startedAt}`,
    todo: `Wait until it ends or stop it (kill ${owner.pid}), or set AFTERBELL_HOME to another folder`,
  });
}

const LOCK = 'home.lock';
const CONTROL_TIMEOUT_MS = 3_000;

const LockRecord = z.object({
  pid: z.number().int().positive(),
  nonce: z.string().min(1),
  startedAt: z.string(),
  command: z.string(),
  endpoints: z.record(z.string(), z.string()),
});
/** What `home.lock` holds: who owns the home and where its endpoints are. */
export type LockRecord = z.infer<typeof LockRecord>;

/** Takes the lock of `folder` for `mine`. Answers undefined on success, else the record of the living owner. */
export async function takeLock(folder: string, mine: LockRecord): Promise<LockRecord | undefined> {
  await clearDrafts(folder);
  const draft = await writeDraft(folder, mine);
  try {
    for (;;) {
      if (await linkNew(draft, join(folder, LOCK))) return undefined;
      const outcome = await succeed(folder, draft);
      if (outcome === 'taken') return undefined;
      if (outcome !== 'again') return outcome;
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Replaces a dead owner's lock. Renaming over the lock alone would let two takers win one after the other,
 * so each dead record has one successor: whoever first links `home.lock.after-<nonce>`. A successor that died
 * before it finished is succeeded in the same way, hence the walk. The lock is read again after winning,
 * because the record may have been succeeded, and its marks cleared, since it was first read.
 */
async function succeed(folder: string, draft: string): Promise<LockRecord | 'taken' | 'again'> {
  const lock = join(folder, LOCK);
  const first = await readRecord(lock);
  if (!first) return 'again';
  let last = first;
  for (;;) {
    if (await isAlive(last)) return last;
    const mark = join(folder, `${LOCK}.after-${last.nonce}`);
    if (await linkNew(draft, mark)) {
      if ((await readRecord(lock))?.nonce !== first.nonce) {
        await rm(mark, { force: true });
        return 'again';
      }
      await rename(draft, lock);
      await clearMarks(folder);
      return 'taken';
    }
    const next = await readRecord(mark);
    if (!next) return 'again';
    last = next;
  }
}

/** Replaces the endpoints in a lock this process holds; readers see the old record or the new one. */
export async function rewriteLock(folder: string, mine: LockRecord): Promise<void> {
  await rename(await writeDraft(folder, mine), join(folder, LOCK));
}

/** Gives the lock up, if it is still this owner's. */
export async function dropLock(folder: string, nonce: string): Promise<void> {
  const lock = join(folder, LOCK);
  if ((await readRecord(lock))?.nonce === nonce) await rm(lock, { force: true });
}

/** The record of the living owner of `folder`, or undefined. */
export async function livingOwner(folder: string): Promise<LockRecord | undefined> {
  const record = await readRecord(join(folder, LOCK));
  return record && (await isAlive(record)) ? record : undefined;
}

/**
 * An owner lives when its process exists and its control endpoint answers with its nonce (a pid alone may
 * have passed to another program). One that takes the connection but does not answer in time is busy or
 * stopped, not dead: taking its database away would lose commits.
 */
async function isAlive({ pid, nonce, endpoints }: LockRecord): Promise<boolean> {
  if (!processExists(pid) || endpoints.control === undefined) return false;
  try {
    const response = await fetch(`${endpoints.control}/afterbell`, {
      signal: AbortSignal.timeout(CONTROL_TIMEOUT_MS),
      headers: { connection: 'close' },
    });
    const answer: unknown = await response.json();
    return typeof answer === 'object' && answer !== null && 'nonce' in answer && answer.nonce === nonce;
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError';
  }
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

async function writeDraft(folder: string, record: LockRecord): Promise<string> {
  const draft = join(folder, `${LOCK}.draft-${record.pid}-${randomUUID()}`);
  await writeFile(draft, `${JSON.stringify(record)}\n`, { flag: 'wx', flush: true });
  return draft;
}

/** Creates `path` with the draft's content in one step. False when it exists already. */
async function linkNew(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** An unreadable lock counts as one whose owner is dead; it is never written in place, so never half-written. */
async function readRecord(path: string): Promise<LockRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = LockRecord.safeParse(jsonOrUndefined(text));
  return parsed.success
    ? parsed.data
    : { pid: 2 ** 30, nonce: 'unreadable', startedAt: '', command: '', endpoints: {} };
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Drafts of processes that were killed before they could take them away; a living one still needs its own. */
async function clearDrafts(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const pid = new RegExp(`^${LOCK}\\.draft-(\\d+)-`).exec(entry)?.[1];
    if (pid !== undefined && !processExists(Number(pid))) await rm(join(folder, entry), { force: true });
  }
}

async function clearMarks(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (entry.startsWith(`${LOCK}.after-`)) await rm(join(folder, entry), { force: true });
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/**
 * Makes a folder and what is missing above it, one step at a time. Node's own recursive mkdir never returns where
 * the system answers "no such file" below a folder that exists, as /proc does.
 */
export async function makeFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
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
export async function requireRoom({ path, folders }: Pick<Home, 'path' | 'folders'>, config: Config): Promise<void> {
  if (config.DATABASE_URL || existsSync(join(folders.warehouse, 'pgdata'))) return;
  const { bavail, bsize, blocks } = await statfs(path);
  // Some file systems do not know how large they are.
  if (blocks === 0 || bavail * bsize >= FIRST_BYTES) return;
  throw new NamedError('Home.Unwritable', {
    what: `The disk of the home ${path} is too full to begin`,
    found: `${megabytes(bavail * bsize)} free`,
    wanted: `${megabytes(FIRST_BYTES)} for an empty warehouse`,
    todo: 'Make room, or set AFTERBELL_HOME to a folder on another disk, and run the same command again',
  });
}

function megabytes(bytes: number): string {
  return `${Math.floor(bytes / 1e6)} MB`;
}

/** Home.Unwritable in the words of its cause: room, a disk that takes writes, or rights. */
export function unwritable(home: string, error: unknown): NamedError {
  const trouble = diskTrouble(error);
  const again = 'run the same command again; nothing stored was changed';
  const advice = trouble?.full
    ? { todo: `Make room on its disk, or set AFTERBELL_HOME to a folder elsewhere, and ${again}` }
    : {
        wanted: 'a folder this user may create files and hard links in; who reads takes its lock too',
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
