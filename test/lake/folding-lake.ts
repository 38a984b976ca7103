import type { Condition } from '../../src/lake/lake.ts';
import { MemoryLake } from './memory-lake.ts';

/** A lake on a disk that finds a name whatever its case, and keeps the case it was made with. */
export class FoldingLake extends MemoryLake {
  override open(key: string) {
    return super.open(this.stored(key));
  }

  override write(key: string, bytes: Uint8Array, condition?: Condition) {
    return super.write(this.stored(key), bytes, condition);
  }

  override remove(keys: readonly string[]) {
    return super.remove(keys.map((key) => this.stored(key)));
  }

  override removeVersions(entries: readonly { key: string; etag: string }[]) {
    return super.removeVersions(entries.map(({ key, etag }) => ({ key: this.stored(key), etag })));
  }

  private stored(key: string): string {
    const folded = fold(key);
    return [...this.objects.keys()].find((stored) => fold(stored) === folded) ?? key;
  }
}

/** As APFS does: canonical equivalents are one name, and so are letters of another case. */
function fold(key: string): string {
  return key.normalize('NFD').toUpperCase().toLowerCase();
}
