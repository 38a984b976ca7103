import type { Condition, Entry, Lake } from '../../src/lake/lake.ts';

/** Passes everything on to another lake, and "dies" before or after its n-th write or deletion of a key. */
export class KillLake implements Lake {
  readonly uri: string;
  changes = 0;
  private begun = 0;
  private dead = false;

  constructor(
    private readonly lake: Lake,
    private readonly at: { before?: number; after?: number } = {},
  ) {
    this.uri = lake.uri;
  }

  read(key: string) {
    return this.alive(() => this.lake.read(key));
  }
  open(key: string) {
    return this.alive(() => this.lake.open(key));
  }
  write(key: string, bytes: Uint8Array, condition?: Condition) {
    return this.change(() => this.lake.write(key, bytes, condition));
  }
  async remove(keys: readonly string[]) {
    for (const key of keys) await this.change(() => this.lake.remove([key]));
  }
  async removeVersions(entries: readonly Pick<Entry, 'key' | 'etag'>[]) {
    const refused = [];
    for (const entry of entries) refused.push(...(await this.change(() => this.lake.removeVersions([entry]))));
    return refused;
  }
  async *list(prefix: string) {
    if (this.dead) throw new Error('killed');
    yield* this.lake.list(prefix);
  }
  localise(keys: readonly string[], scratch: string) {
    return this.alive(() => this.lake.localise(keys, scratch));
  }
  adopt(path: string, key: string) {
    return this.change(() => this.lake.adopt(path, key));
  }

  private async alive<T>(work: () => Promise<T>): Promise<T> {
    if (this.dead) throw new Error('killed');
    return work();
  }

  private async change<T>(work: () => Promise<T>): Promise<T> {
    this.dead ||= this.begun === this.at.before;
    this.begun++;
    const result = await this.alive(work);
    this.changes++;
    this.dead ||= this.changes === this.at.after;
    return this.alive(async () => result);
  }
}
