import { parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { Objects } from '../../scripts/bench/loopback-s3.ts';

/** The stored objects as anybody's Parquet reader sees them; nothing of the code under test is used. */
export class LakeReader {
  readonly #objects: Objects['objects'];
  readonly #root: string;
  readonly #read = new Map<string, { etag: string; rows: Record<string, unknown>[] }>();

  constructor({ objects }: Pick<Objects, 'objects'>, bucket: string) {
    this.#objects = objects;
    this.#root = `/${bucket}/`;
  }

  keys(prefix = ''): string[] {
    const start = this.#root + prefix;
    return [...this.#objects.keys()]
      .filter((key) => key.startsWith(start))
      .map((key) => key.slice(this.#root.length))
      .sort();
  }

  bytes(key: string): Buffer | undefined {
    return this.#objects.get(this.#root + key)?.bytes;
  }

  etag(key: string): string | undefined {
    return this.#objects.get(this.#root + key)?.etag;
  }

  text(key: string): string | undefined {
    return this.bytes(key)?.toString('utf8');
  }

  json<T>(key: string): T | undefined {
    const text = this.text(key);
    return text === undefined ? undefined : (JSON.parse(text) as T);
  }

  async rows(key: string): Promise<Record<string, unknown>[]> {
    const stored = this.#objects.get(this.#root + key);
    if (!stored) return [];
    const known = this.#read.get(key);
    if (known?.etag === stored.etag) return known.rows;
    const { bytes, etag } = stored;
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const rows = (await parquetReadObjects({ file, compressors })).map((row) => plain(row as Record<string, unknown>));
    this.#read.set(key, { etag, rows });
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
