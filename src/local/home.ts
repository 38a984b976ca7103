import { randomUUID } from 'node:crypto';
import { access, constants } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { NamedError } from '../errors.ts';
import { dropLock, type LockRecord, livingOwner, rewriteLock, takeLock } from './home-lock.ts';
import { makeFolder } from './make-folder.ts';
import { unwritable } from './unwritable.ts';

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
