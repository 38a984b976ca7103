import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NamedError } from '../errors.ts';
import { exclusively } from './exclusive.ts';
import type { Condition, Entry, Lake } from './lake.ts';

/** Unfinished writes live here, on the same file system, so that the last step is a rename. */
const SCRATCH = '.tmp';
const PLACINGS = 5;

/** A lake in a folder. A write goes to a temporary file first and is renamed over the key. */
export class FileLake implements Lake {
  readonly uri: string;
  private readonly root: string;
  private readonly made = new Set<string>();

  constructor(uri: string) {
    this.uri = uri.replace(/\/+$/, '');
    this.root = fileURLToPath(this.uri);
  }

  path(key: string): string {
    return join(this.root, ...key.split('/'));
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.path(key));
    } catch (error) {
      if (code(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async open(key: string): Promise<{ bytes: Uint8Array; etag: string } | undefined> {
    const bytes = await this.read(key);
    return bytes && { bytes, etag: await this.etag(key) };
  }

  async write(key: string, bytes: Uint8Array, condition?: Condition): Promise<void> {
    const temporary = await this.temporary(key);
    try {
      await writeFile(temporary, bytes);
      await this.put(temporary, key, condition);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      if (code(error) === 'EEXIST') throw conflict(key, error);
      throw unwritable(this.path(key), error);
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) await rm(this.path(key), { force: true });
    for (const folder of new Set(keys.map((key) => dirname(this.path(key))))) await this.removeEmpty(folder);
  }

  async *list(prefix: string): AsyncIterable<Entry> {
    const cut = prefix.lastIndexOf('/');
    yield* this.walk(cut < 0 ? '' : prefix.slice(0, cut), prefix);
  }

  async localise(keys: readonly string[]): Promise<string[]> {
    for (const key of keys) await stat(this.path(key));
    return keys.map((key) => this.path(key));
  }

  async adopt(localPath: string, key: string): Promise<void> {
    const path = this.path(key);
    try {
      await this.folder(dirname(path));
      await this.place(key, (to) => rename(localPath, to));
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
  private async place(key: string, step: (path: string) => Promise<void>): Promise<void> {
    const path = this.path(key);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await step(path);
      } catch (error) {
        if (code(error) !== 'ENOENT' || attempt === PLACINGS) throw error;
        this.made.delete(dirname(path));
        await this.folder(dirname(path));
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
    if (!condition) return this.place(key, (path) => rename(temporary, path));
    if ('ifAbsent' in condition) {
      await this.place(key, (path) => link(temporary, path));
      return unlink(temporary);
    }
    // A file system has no compare-and-swap; between the look and the rename another process could write.
    const lock = join(this.root, SCRATCH, `lock-${createHash('sha256').update(key).digest('hex').slice(0, 24)}`);
    await exclusively(lock, async () => {
      if ((await this.etag(key).catch(() => '')) !== condition.ifEtag) throw conflict(key);
      await rename(temporary, this.path(key));
    });
  }

  private async etag(key: string): Promise<string> {
    return etagOf(await stat(this.path(key), { bigint: true }));
  }

  private async temporary(key: string): Promise<string> {
    const scratch = join(this.root, SCRATCH);
    try {
      await this.folder(scratch);
      await this.folder(dirname(this.path(key)));
    } catch (error) {
      throw unwritable(dirname(this.path(key)), error);
    }
    return join(scratch, randomUUID());
  }

  private async folder(path: string): Promise<void> {
    if (this.made.has(path)) return;
    await mkdir(path, { recursive: true });
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

function etagOf(found: { size: bigint; mtimeNs: bigint; ino: bigint }): string {
  return `${found.size}-${found.mtimeNs}-${found.ino}`;
}

function code(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException)?.code;
}

function conflict(key: string, cause?: unknown): NamedError {
  return new NamedError(
    'Lake.Conflict',
    { what: `another writer changed ${key}`, wanted: 'one writer at a time', todo: 'Run the same command again.' },
    { cause },
  );
}

function unwritable(path: string, error: unknown): unknown {
  const reasons: Record<string, string> = {
    ENOSPC: 'the disk is full',
    EDQUOT: 'the disk quota is used up',
    EACCES: 'permission denied',
    EPERM: 'operation not permitted',
    EROFS: 'the file system is read-only',
    ENOTDIR: 'a file stands where a folder is needed',
    EEXIST: 'a file stands where a folder is needed',
  };
  const reason = reasons[code(error) ?? ''];
  if (!reason) return error;
  return new NamedError(
    'Lake.Unwritable',
    {
      what: `cannot write ${path}`,
      found: reason,
      wanted: 'a writable folder with free space',
      todo: 'Nothing stored was changed; make room or fix the permissions and run the same command again.',
    },
    { cause: error },
  );
}
