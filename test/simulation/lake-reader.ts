import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Objects } from '../../scripts/bench/loopback-s3.ts';

/** Where the objects of a lake lie, by key. */
export interface Shelf {
  keys(prefix: string): string[];
  bytes(key: string): Buffer | undefined;
  /** Another one whenever the content is replaced. */
  version(key: string): string | undefined;
}

export function shelfOf({ objects }: Pick<Objects, 'objects'>, bucket: string): Shelf {
  const root = `/${bucket}/`;
  return {
    keys: (prefix) =>
      [...objects.keys()]
        .filter((key) => key.startsWith(root + prefix))
        .map((key) => key.slice(root.length))
        .sort(),
    bytes: (key) => objects.get(root + key)?.bytes,
    version: (key) => objects.get(root + key)?.etag,
  };
}

/** The stored objects as anybody's Parquet reader sees them; nothing of the code under test is used. */
export class LakeReader {
  readonly #shelf: Shelf;
  readonly #read = new Map<string, { version: string | undefined; rows: Record<string, unknown>[] }>();

  /** @param before reader of the same objects, of which some may have been replaced since */
  constructor(shelf: Shelf, before?: LakeReader) {
    this.#shelf = shelf;
    for (const [key, read] of before ? before.#read : []) this.#read.set(key, read);
  }

  keys(prefix = ''): string[] {
    return this.#shelf.keys(prefix);
  }

  bytes(key: string): Buffer | undefined {
    return this.#shelf.bytes(key);
  }

  version(key: string): string | undefined {
    return this.#shelf.version(key);
  }

  text(key: string): string | undefined {
    return this.bytes(key)?.toString('utf8');
  }

  json<T>(key: string): T | undefined {
    const text = this.text(key);
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }

  async rows(key: string): Promise<Record<string, unknown>[]> {
    const bytes = this.bytes(key);
    if (!bytes) return [];
    const version = this.version(key);
    const known = this.#read.get(key);
    if (known && known.version === version) return known.rows;
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const rows = (await parquetReadObjects({ file, compressors })).map((row) => plain(row as Record<string, unknown>));
    this.#read.set(key, { version, rows });
    return rows;
  }
}

/** Dates as YYYY-MM-DD, instants as ISO, whole numbers as numbers. */
function plain(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)]));
}

function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) {
    const text = value.toISOString();
    return text.endsWith('T00:00:00.000Z') ? text.slice(0, 10) : text;
  }
  return value ?? null;
}
