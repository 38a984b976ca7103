import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  write,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { link, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { code, conflict, sync, UnsyncedFolders, unwritable } from './durable.ts';
import type { Condition, Entry, Lake, Refusal } from './lake.ts';

/** Unfinished writes live here, on the same file system, so that the last step is a rename. */
export const SCRATCH = '.tmp';
const PLACINGS = 5;
/**
 * Files of which a job writes thousands before the one manifest or checkpoint that names them. Their names are synced
 * with that one; every other key is on the disk when its write ends.
 */
const BULK = /^(bronze\/raw_ohlcv|silver)\//;
/** Bytes from which a write without a condition is handed to another thread. */
const LARGE = 65_536;
/** Bytes that are compared at a time. */
const PIECE = 262_144;

/**
 * A lake in a folder. A write goes to a temporary file first and is renamed over the key. A durable one is synced before
 * that, and everything written before a key is on the disk before that key is: after a power loss nothing is missing
 * that a manifest or a cursor names, and an old version is never replaced by an empty file. Reading and writing are
 * synchronous calls: on a local disk each takes some microseconds, a hand-over to another thread and back takes more.
 * Not so syncing, and the writing of a large file, which goes on beside the making of the next one; a conditional write
 * stays close to the look that its condition came from.
 */
export class FileLake implements Lake {
  readonly uri: string;
  private readonly root: string;
  private readonly made = new Set<string>();
  private readonly piece = Buffer.allocUnsafeSlow(PIECE);
  private readonly unsynced = new UnsyncedFolders();

  constructor(
    uri: string,
    private readonly options: { durable: boolean } = { durable: true },
  ) {
    this.uri = uri.replace(/\/+$/, '');
    this.root = fileURLToPath(this.uri);
  }

  path(key: string): string {
    return join(this.root, ...key.split('/'));
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    return (await this.open(key))?.bytes;
  }

  /** Content and version of one and the same file, even while another process replaces it. */
  async open(key: string): Promise<{ bytes: Uint8Array; etag: string } | undefined> {
    let file: number;
    try {
      file = openSync(this.path(key), 'r');
    } catch (error) {
      if (code(error) === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const found = fstatSync(file, { bigint: true });
      return { bytes: readAll(file, Number(found.size)), etag: etagOf(found) };
    } finally {
      closeSync(file);
    }
  }

  /** Compared piece by piece in the same memory: a job looks at gigabytes that it has just written. */
  async holds(key: string, bytes: Uint8Array): Promise<boolean> {
    let file: number;
    try {
      file = openSync(this.path(key), 'r');
    } catch (error) {
      if (code(error) === 'ENOENT') return false;
      throw error;
    }
    try {
      return fstatSync(file).size === bytes.length && isContent(file, bytes, this.piece);
    } finally {
      closeSync(file);
    }
  }

  async write(key: string, bytes: Uint8Array, condition?: Condition): Promise<void> {
    const temporary = this.temporary(key);
    try {
      await writeNew(temporary, bytes, { durable: this.options.durable, aside: !condition && bytes.length >= LARGE });
      if (!BULK.test(key)) await this.syncNames();
      await this.put(temporary, key, condition);
      await this.written(key);
    } catch (error) {
      rmSync(temporary, { force: true });
      if (code(error) === 'EEXIST') throw conflict(key, error);
      throw unwritable(this.path(key), error);
    }
  }

  async keep(key: string): Promise<void> {
    if (!this.options.durable) return;
    await sync(this.path(key));
    await this.written(key);
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await rm(this.path(key), { force: true });
    for (const folder of new Set(keys.map((key) => dirname(this.path(key))))) await this.removeEmpty(folder);
  }

  async removeVersions(entries: readonly Pick<Entry, 'key' | 'etag'>[]): Promise<Refusal[]> {
    const refused: Refusal[] = [];
    for (const { key, etag } of entries) {
      try {
        if (this.etag(key) === etag) unlinkSync(this.path(key));
        else refused.push({ key, reason: 'changed', changed: true });
      } catch (error) {
        if (code(error) !== 'ENOENT') refused.push({ key, reason: (error as Error).message, changed: false });
      }
    }
    for (const folder of new Set(entries.map(({ key }) => dirname(this.path(key))))) await this.removeEmpty(folder);
    return refused;
  }

  async *list(prefix: string): AsyncIterable<Entry> {
    const cut = prefix.lastIndexOf('/');
    yield* this.walk(cut < 0 ? '' : prefix.slice(0, cut), prefix);
  }

  async localise(keys: readonly string[]): Promise<string[]> {
    const paths = keys.map((key) => this.path(key));
    for (const path of paths) statSync(path);
    return paths;
  }

  async adopt(localPath: string, key: string): Promise<void> {
    const path = this.path(key);
    try {
      this.folder(dirname(path));
      if (this.options.durable) await sync(localPath);
      if (!BULK.test(key)) await this.syncNames();
      this.place(key, (to) => renameSync(localPath, to));
      await this.written(key);
    } catch (error) {
      if (code(error) !== 'EXDEV') throw unwritable(path, error);
      await this.write(key, await readFile(localPath));
      await rm(localPath, { force: true });
    }
  }

  /** Removes what a killed writer left unfinished; only for the one process that may write. */
  async clearScratch(): Promise<void> {
    await rm(join(this.root, SCRATCH), { recursive: true, force: true });
  }

  /** Removes the folders below a prefix that hold no file: a writer was killed after it made them. */
  async removeEmptyFolders(prefix: string): Promise<void> {
    const path = this.path(prefix);
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await this.removeEmptyFolders(`${prefix}/${entry.name}`);
    await rmdir(path).catch(() => undefined);
  }

  /** Another writer may have removed the folder since it was made here: it was empty for a moment. */
  private place(key: string, step: (path: string) => void): void {
    const path = this.path(key);
    for (let attempt = 1; ; attempt += 1) {
      try {
        step(path);
        return;
      } catch (error) {
        if (code(error) !== 'ENOENT' || attempt === PLACINGS) throw error;
        this.made.delete(dirname(path));
        this.folder(dirname(path));
      }
    }
  }

  private async *walk(folder: string, prefix: string): AsyncIterable<Entry> {
    const entries = await readdir(folder === '' ? this.root : this.path(folder), { withFileTypes: true }).catch(
      (error) => {
        if (code(error) === 'ENOENT' || code(error) === 'ENOTDIR') return [];
        throw error;
      },
    );
    // Key order of an object store: compare whole keys, a folder as its name with the slash.
    const named = entries.map((entry) => ({ entry, name: entry.name + (entry.isDirectory() ? '/' : '') }));
    named.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { entry } of named) {
      const key = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (key === SCRATCH) continue;
      if (entry.isDirectory()) {
        if (`${key}/`.startsWith(prefix) || prefix.startsWith(`${key}/`)) yield* this.walk(key, prefix);
      } else if (key.startsWith(prefix)) {
        const found = await stat(this.path(key), { bigint: true });
        yield { key, size: Number(found.size), etag: etagOf(found) };
      }
    }
  }

  private async put(temporary: string, key: string, condition?: Condition): Promise<void> {
    if (!condition) return this.place(key, (path) => renameSync(temporary, path));
    if ('ifAbsent' in condition) {
      this.place(key, (path) => linkSync(temporary, path));
      return unlinkSync(temporary);
    }
    // A file system has no compare-and-swap; between the look and the rename another process could write.
    const lock = join(this.root, SCRATCH, `lock-${createHash('sha256').update(key).digest('hex').slice(0, 24)}`);
    const swap = () => {
      if (this.etagOr(key) !== condition.ifEtag) throw conflict(key);
      renameSync(temporary, this.path(key));
    };
    if (!exclusivelyAtOnce(lock, swap)) await exclusively(lock, async () => swap());
  }

  private async written(key: string): Promise<void> {
    this.unsynced.add(dirname(this.path(key)));
    if (!BULK.test(key)) await this.syncNames();
  }

  private async syncNames(): Promise<void> {
    if (this.options.durable) await this.unsynced.flush();
  }

  private etag(key: string): string {
    return etagOf(statSync(this.path(key), { bigint: true }));
  }

  private etagOr(key: string): string | undefined {
    try {
      return this.etag(key);
    } catch {
      return undefined;
    }
  }

  private temporary(key: string): string {
    const scratch = join(this.root, SCRATCH);
    try {
      this.folder(scratch);
      this.folder(dirname(this.path(key)));
    } catch (error) {
      throw unwritable(dirname(this.path(key)), error);
    }
    return join(scratch, randomUUID());
  }

  private folder(path: string): void {
    if (this.made.has(path)) return;
    const first = mkdirSync(path, { recursive: true });
    if (first !== undefined) this.unsynced.addMade(first, path);
    this.made.add(path);
  }

  /** Object stores have no folders; a folder left empty would show up in listings of people. */
  private async removeEmpty(folder: string): Promise<void> {
    if (folder === this.root || !folder.startsWith(this.root)) return;
    this.made.delete(folder);
    // Another writer may put a file into it at this moment: only an empty folder goes, in one step.
    const gone = await rmdir(folder).then(
      () => true,
      () => false,
    );
    if (gone) await this.removeEmpty(dirname(folder));
  }
}

/** @param aside whether the writing goes on in another thread */
async function writeNew(path: string, bytes: Uint8Array, how: { durable: boolean; aside: boolean }): Promise<void> {
  const file = openSync(path, 'wx');
  try {
    for (let at = 0; at < bytes.length; )
      at += how.aside ? await writeAside(file, bytes, at) : writeSync(file, bytes, at);
    if (how.durable) await syncFile(file);
  } finally {
    closeSync(file);
  }
}

/** By callbacks: an object for every file and a promise for every step cost as much as the file. */
function writeAside(file: number, bytes: Uint8Array, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    write(file, bytes, at, bytes.length - at, null, (error, written) => (error ? reject(error) : resolve(written)));
  });
}

function syncFile(file: number): Promise<void> {
  return new Promise((resolve, reject) => fsync(file, (error) => (error ? reject(error) : resolve())));
}

function isContent(file: number, bytes: Uint8Array, piece: Buffer): boolean {
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(file, piece, 0, Math.min(piece.length, bytes.length - at), at);
    if (read === 0 || piece.compare(bytes, at, at + read, 0, read) !== 0) return false;
    at += read;
  }
  return true;
}

function readAll(file: number, size: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  while (at < size) {
    const count = readSync(file, bytes, at, size - at, at);
    if (count === 0) break;
    at += count;
  }
  return bytes.subarray(0, at);
}

function etagOf(found: { size: bigint; mtimeNs: bigint; ino: bigint }): string {
  return `${found.size}-${found.mtimeNs}-${found.ino}`;
}

const POLL_MS = 5;
/** The work takes milliseconds; a lock this old was left behind, even if its process id is in use again. */
const LEFT_BEHIND_MS = 10_000;

/**
 * Runs `work` while no other process on this machine holds the lock file `path`; waits for a living holder, passes
 * over a dead one. The folder of `path` must exist.
 */
export async function exclusively<T>(path: string, work: () => Promise<T>): Promise<T> {
  const mine = `${path}-${randomUUID()}`;
  // Linked when complete, so that a lock never lacks the process id of its holder.
  await writeFile(mine, `${process.pid} ${randomUUID()}`);
  try {
    while (!(await taken(mine, path))) {
      if (!(await passOverDead(path))) await sleep(POLL_MS);
    }
    try {
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
}

/**
 * The same for work that is over in one go, when nobody holds the lock: a fraction of the calls. False, with nothing
 * done, when somebody does.
 */
export function exclusivelyAtOnce(path: string, work: () => void): boolean {
  try {
    writeFileSync(path, `${process.pid} ${randomUUID()}`, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    work();
  } finally {
    release(path);
  }
  return true;
}

function release(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    // Passed over by one who took this process for dead.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function taken(mine: string, path: string): Promise<boolean> {
  try {
    await link(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes the lock of a dead holder, and no other: what was moved aside is looked at again. */
async function passOverDead(path: string): Promise<boolean> {
  const holder = await readFile(path, 'utf8').catch(() => undefined);
  if (holder === undefined || !(await isDead(path, holder))) return false;
  const aside = `${path}-${randomUUID()}`;
  await rename(path, aside).catch(() => {});
  const moved = await readFile(aside, 'utf8').catch(() => holder);
  if (moved !== holder) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
  return true;
}

async function isDead(path: string, holder: string): Promise<boolean> {
  const since = await stat(path).then(
    ({ ctimeMs }) => ctimeMs,
    () => Date.now(),
  );
  if (Date.now() - since > LEFT_BEHIND_MS) return true;
  // A moment old and still without its process id.
  if (holder === '') return false;
  try {
    process.kill(Number.parseInt(holder, 10), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
