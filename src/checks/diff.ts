import { contentHash } from '../records/record.ts';
import type { Movement } from './change-budget.ts';

/** One stored row as a sync compares it. */
export interface StoredRow {
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
  before: StoredRow | undefined;
}

/** What a complete list does to what is stored; unchanged rows are only counted. */
export interface SyncPlan<T> {
  /** Nothing at all was known before. */
  first: boolean;
  /** Active rows before. */
  before: number;
  added: Change<T>[];
  changed: Change<T>[];
  vanished: StoredRow[];
  unchanged: number;
}

/** Pure: compares the vendor's complete list, one record a key, with what is stored. */
export function planSync<T extends object>(
  known: ReadonlyMap<string, StoredRow>,
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

/** What a sync would change, for a person to look at: fields with their value before and after; null is no value. */
export interface SyncDiff {
  counts: { before: number; seen: number; added: number; changed: number; vanished: number; unchanged: number };
  added: Record<string, unknown>[];
  vanished: Record<string, unknown>[];
  changed: { key: string; fields: Record<string, { before: unknown; after: unknown }> }[];
}

/** Pure: the rows of a plan field by field. Fields a table keeps for itself are left out. */
export function diffOf<T extends object>(plan: SyncPlan<T>, fields: readonly string[]): SyncDiff {
  const { before, added, vanished } = plan;
  const seen = added.length + plan.changed.length + plan.unchanged;
  // A row may differ in nothing that is shown, such as the day its list is of.
  const changed = plan.changed.map((change) => changedFields(change, fields)).filter((row) => row !== undefined);
  const unchanged = seen - added.length - changed.length;
  return {
    counts: { before, seen, added: added.length, changed: changed.length, vanished: vanished.length, unchanged },
    added: added.map(({ key, record }) => ({ key, ...only(record as Record<string, unknown>, fields) })),
    vanished: vanished.map(({ key, values }) => ({ key, ...only(values, fields) })),
    changed,
  };
}

function changedFields<T extends object>(
  { key, record, before }: Change<T>,
  fields: readonly string[],
): SyncDiff['changed'][number] | undefined {
  const [old, now] = [before?.values ?? {}, record as Record<string, unknown>];
  const differing = fields.filter((field) => !isSame(old[field], now[field]));
  if (differing.length === 0 && before?.active) return undefined;
  const pairs = differing.map((field) => [field, { before: old[field] ?? null, after: now[field] ?? null }]);
  return { key, fields: Object.fromEntries(pairs) };
}

/**
 * Pure: the figures a change budget is about. A field that was empty and is filled now is a gain, not a flip; a row that
 * comes back counts as new.
 */
export function movementOf<T extends object>(
  plan: SyncPlan<T>,
  { fields, rejected, recentRows }: { fields: readonly string[]; rejected: number; recentRows: readonly number[] },
): Movement {
  const flips: Record<string, number> = {};
  const stayed = plan.changed.filter(({ before }) => before?.active);
  for (const { before, record } of stayed) {
    for (const field of fields) {
      const old = before!.values[field];
      if (old === undefined || old === null || isSame(old, (record as Record<string, unknown>)[field])) continue;
      flips[field] = (flips[field] ?? 0) + 1;
    }
  }
  return {
    before: plan.before,
    seen: plan.added.length + plan.changed.length + plan.unchanged,
    vanished: plan.vanished.length,
    added: plan.added.length + plan.changed.length - stayed.length,
    rejected,
    stayed: stayed.length + plan.unchanged,
    flips,
    recentRows,
  };
}

function only(values: Readonly<Record<string, unknown>>, fields: readonly string[]): Record<string, unknown> {
  const present = fields.filter((field) => values[field] !== undefined);
  return Object.fromEntries(present.map((field) => [field, values[field]]));
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}

/** A field that nearly all rows of a list lost or gained at once: the vendor's schema changed, no data was damaged. */
export interface FieldDrift {
  field: string;
  change: 'disappeared' | 'appeared';
  /** Rows that lost or gained it, of so many that were there before and are now. */
  rows: number;
  of: number;
}

/** Share of the rows that have a field on one side, and do not have it on the other. */
const NEARLY_ALL = 0.95;
/** A field that fewer rows than this share ever had says nothing of the vendor's schema when it is gone. */
const USUAL = 0.5;
/** Below this many rows shares say nothing. */
const MINIMUM = 20;

/** Pure: fields of a vendor's list that it no longer sends, or sends for the first time. */
export function fieldDrift<T extends object>(
  known: ReadonlyMap<string, StoredRow>,
  records: readonly T[],
  { keyOf, fields }: { keyOf: (record: T) => string; fields: readonly string[] },
): FieldDrift[] {
  const pairs = records.flatMap((record) => {
    const before = known.get(keyOf(record));
    return before?.active ? [[before.values, record as Record<string, unknown>] as const] : [];
  });
  if (pairs.length < MINIMUM) return [];
  return fields.flatMap((field): FieldDrift[] => {
    const count = { before: 0, now: 0, lost: 0, gained: 0 };
    for (const [before, now] of pairs) {
      const [had, has] = [isThere(before[field]), isThere(now[field])];
      if (had) count.before += 1;
      if (has) count.now += 1;
      if (had && !has) count.lost += 1;
      if (has && !had) count.gained += 1;
    }
    const isAll = (changed: number, whole: number) =>
      whole >= pairs.length * USUAL && changed >= whole * NEARLY_ALL && whole >= MINIMUM;
    const of = pairs.length;
    if (isAll(count.lost, count.before) && count.now <= count.before * (1 - NEARLY_ALL))
      return [{ field, change: 'disappeared', rows: count.lost, of }];
    if (isAll(count.gained, count.now)) return [{ field, change: 'appeared', rows: count.gained, of }];
    return [];
  });
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}
