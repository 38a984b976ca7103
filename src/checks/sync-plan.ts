import { contentHash } from '../records/content-hash.ts';

/** One stored row as a sync compares it. */
export interface KnownRow {
  /** What makes two rows the same thing: the symbol, or whatever the dataset says. */
  key: string;
  contentHash: string;
  /** Rows that left earlier stay known, so that they can come back. */
  active: boolean;
  /** Its fields as stored, for telling what changed. */
  values: Readonly<Record<string, unknown>>;
}

/** One row that is written. `before` is what was read of it: a writer that was faster is noticed by it. */
export interface Change<T> {
  key: string;
  record: T;
  contentHash: string;
  before: KnownRow | undefined;
}

/** What a complete list does to what is stored; unchanged rows are only counted. */
export interface SyncPlan<T> {
  /** Nothing at all was known before. */
  first: boolean;
  /** Active rows before. */
  before: number;
  added: Change<T>[];
  changed: Change<T>[];
  vanished: KnownRow[];
  unchanged: number;
}

/** Pure: compares the vendor's complete list, one record a key, with what is stored. */
export function planSync<T extends object>(
  known: ReadonlyMap<string, KnownRow>,
  records: readonly T[],
  keyOf: (record: T) => string,
): SyncPlan<T> {
  const plan: SyncPlan<T> = { first: known.size === 0, before: 0, added: [], changed: [], vanished: [], unchanged: 0 };
  const present = new Set<string>();
  for (const record of records) {
    const key = keyOf(record);
    present.add(key);
    const before = known.get(key);
    const change = { key, record, contentHash: contentHash(record), before };
    if (!before) plan.added.push(change);
    else if (before.contentHash !== change.contentHash || !before.active) plan.changed.push(change);
    else plan.unchanged += 1;
  }
  for (const row of known.values()) {
    if (!row.active) continue;
    plan.before += 1;
    if (!present.has(row.key)) plan.vanished.push(row);
  }
  plan.vanished.sort((a, b) => (a.key < b.key ? -1 : 1));
  return plan;
}
