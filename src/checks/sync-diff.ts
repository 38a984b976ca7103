import type { Movement } from './change-budget.ts';
import type { Change, SyncPlan } from './sync-plan.ts';

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
