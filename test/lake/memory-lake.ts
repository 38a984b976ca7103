import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NamedError } from '../../src/errors.ts';
import type { Condition, Entry, Lake } from '../../src/lake/lake.ts';

/** A lake in memory that counts what is asked of it, and can be killed at its n-th change. */
export class MemoryLake implements Lake {
  readonly uri = 'memory:';
  readonly objects = new Map<string, { bytes: Uint8Array; etag: string }>();
  reads = 0;
  lists = 0;
  /** Keys written or removed, in order. */
  changes: string[] = [];
  /** Before the change of this number the process "dies": that call and every later one fails. */
  killBefore = Number.POSITIVE_INFINITY;
  /** The same, but the change itself is done first. */
  killAfter = Number.POSITIVE_INFINITY;
  /** A new one each time; S3's own are of the content. */
  etagOf: (bytes: Uint8Array) => string = () => `v${++this.versions}`;
  private dead = false;
  private versions = 0;

  async read(key: string): Promise<Uint8Array | undefined> {
    return (await this.open(key))?.bytes;
  }

  async open(key: string) {
    this.alive();
    this.reads++;
    return this.objects.get(key);
  }

  async write(key: string, bytes: Uint8Array, condition?: Condition): Promise<void> {
    const stored = this.objects.get(key);
    const holds = !condition || ('ifAbsent' in condition ? !stored : stored?.etag === condition.ifEtag);
    if (!holds) throw new NamedError('Lake.Conflict', key);
    this.change(key, () => this.objects.set(key, { bytes: Buffer.from(bytes), etag: this.etagOf(bytes) }));
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.change(key, () => this.objects.delete(key));
  }

  async removeVersions(entries: readonly { key: string; etag: string }[]) {
    const refused: { key: string; reason: string; changed: boolean }[] = [];
    for (const { key, etag } of entries) {
      const stored = this.objects.get(key);
      if (stored && stored.etag !== etag) refused.push({ key, reason: 'changed', changed: true });
      else if (stored) this.change(key, () => this.objects.delete(key));
    }
    return refused;
  }

  async *list(prefix: string): AsyncIterable<Entry> {
    this.alive();
    this.lists++;
    for (const key of [...this.objects.keys()].sort()) {
      const { bytes, etag } = this.objects.get(key)!;
      if (key.startsWith(prefix)) yield { key, size: bytes.length, etag };
    }
  }

  async localise(keys: readonly string[], scratch: string): Promise<string[]> {
    mkdirSync(scratch, { recursive: true });
    return keys.map((key) => {
      const stored = this.objects.get(key);
      if (!stored) throw new NamedError('Lake.Corrupt', `${key} is missing`);
      const path = join(
        scratch,
        `${createHash('sha256')
          .update(key + stored.etag)
          .digest('hex')}.parquet`,
      );
      writeFileSync(path, stored.bytes);
      return path;
    });
  }

  async adopt(localPath: string, key: string): Promise<void> {
    await this.write(key, readFileSync(localPath));
    rmSync(localPath);
  }

  /** The same objects in another lake, alive and with its counters at zero. */
  copy(): MemoryLake {
    const lake = new MemoryLake();
    for (const [key, stored] of this.objects) lake.objects.set(key, stored);
    lake.versions = this.versions;
    return lake;
  }

  /** Key → sha256 of everything below a prefix. */
  contents(prefix = ''): Record<string, string> {
    const found = [...this.objects].filter(([key]) => key.startsWith(prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(
      found.map(([key, { bytes }]) => [key, createHash('sha256').update(bytes).digest('hex').slice(0, 16)]),
    );
  }

  private alive(): void {
    if (this.dead) throw new Error('killed');
  }

  private change(key: string, effect: () => void): void {
    this.alive();
    if (this.changes.length >= this.killBefore) this.dead = true;
    this.alive();
    effect();
    this.changes.push(key);
    if (this.changes.length >= this.killAfter) this.dead = true;
    this.alive();
  }
}
