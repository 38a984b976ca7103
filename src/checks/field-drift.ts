import type { KnownRow } from './sync-plan.ts';

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
  known: ReadonlyMap<string, KnownRow>,
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
