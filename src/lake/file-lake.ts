import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NamedError } from '../errors.ts';
import type { Condition, Entry, Lake } from './lake.ts';

/** Unfinished writes live here, on the same file system, so that the last step is a rename. */
const SCRATCH = '.tmp';

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
      if (condition && 'ifAbsent' in condition) {
        await link(temporary, this.path(key));
        await unlink(temporary);
        return;
      }
      if (condition && (await this.etag(key).catch(() => '')) !== condition.ifEtag) throw conflict(key);
      await rename(temporary, this.path(key));
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
      await rename(localPath, path);
    } catch (error) {
      if (code(error) !== 'EXDEV') throw unwritable(path, error);
      await this.write(key, await readFile(localPath));
      await rm(localPath, { force: true });
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
    const rest = await readdir(folder).catch(() => ['missing']);
    if (rest.length > 0) return;
    this.made.delete(folder);
    await rm(folder, { recursive: true, force: true });
    await this.removeEmpty(dirname(folder));
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
