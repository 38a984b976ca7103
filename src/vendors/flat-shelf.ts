import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where flat files lie: a folder, or a bucket behind an adapter of the lake's shape. Paths use `/`. */
export interface Shelf {
  /** As messages name it. */
  readonly uri: string;
  /** The file's bytes; undefined when it is not there. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Every file below the prefix, which ends in `/` or is empty. */
  list(prefix: string): AsyncIterable<{ key: string }>;
}

/** A folder of this machine. */
export function folderShelf(folder: string): Shelf {
  return {
    uri: folder,
    read: (path) => readFile(join(folder, path)).catch(unlessMissing),
    async *list(prefix) {
      const entries = (await readdir(join(folder, prefix), { withFileTypes: true }).catch(unlessMissing)) ?? [];
      for (const entry of entries) {
        const key = `${prefix}${entry.name}`;
        if (entry.isDirectory()) yield* this.list(`${key}/`);
        else yield { key };
      }
    },
  };
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
