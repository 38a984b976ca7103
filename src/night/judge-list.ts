import { BAND_SYNCS, overBudget } from '../checks/change-budget.ts';
import { movementOf, type SyncDiff } from '../checks/sync-diff.ts';
import type { SyncPlan } from '../checks/sync-plan.ts';
import { isTicking } from '../records/content-hash.ts';
import type { Cursor, LastSync } from '../tables/runs.ts';
import { FIELDS } from './reference-datasets.ts';
import type { ReferenceSource } from './reference-source.ts';

/** Of rows that would come, go or change, so many are named in a line; all of them lie in the lake. */
const EXAMPLES = 5;

/** The reasons to hold a list back: its change budget, over what was asked for and got before. */
export function judgeList<T extends object>(
  source: ReferenceSource<T>,
  plan: SyncPlan<T>,
  { rejected, last }: { rejected: number; last: LastSync | undefined },
): string[] {
  const fields = shownFields(source).filter((field) => !isTicking(field));
  const isSameList = last?.selection === undefined || last.selection === selectionOf(source);
  const recentRows = isSameList ? (last?.recentRows ?? []) : [];
  // New rows are what somebody wanted where a market was not asked for before, or no list was ever complete: then the
  // rows there are come from a first one that was killed half-way.
  const limits =
    last !== undefined && isSameList ? source.budget : { ...source.budget, added: Number.POSITIVE_INFINITY };
  const reasons = overBudget(source.dataset, movementOf(plan, { fields, rejected, recentRows }), limits);
  if (reasons.length === 0 || isSameList) return reasons;
  return [...reasons, `${source.dataset}: asked for ${selectionOf(source)} now, for ${last.selection} before`];
}

/** The record of a complete sync. */
export function lastSyncOf<T extends object>(
  source: ReferenceSource<T>,
  { openedAt, cursor, rows, last }: { openedAt: string; cursor: Cursor; rows: number; last: LastSync | undefined },
): LastSync {
  const selection = selectionOf(source);
  const { page: pages, syncId } = cursor;
  const recent = last?.selection === selection ? (last.recentRows ?? []) : [];
  // A repeated call is the same sync, counted once.
  const earlier = last?.syncId === syncId ? recent.slice(0, -1) : recent;
  const recentRows = [...earlier, rows].slice(-BAND_SYNCS);
  return { lastSyncTimestamp: openedAt, pages, rows, syncId, selection, recentRows };
}

function selectionOf({ selection, partitions }: Pick<ReferenceSource<object>, 'selection' | 'partitions'>): string {
  return selection ?? partitions.join(',');
}

/** Fields that a diff shows. */
export function shownFields({
  watched,
  dataset,
}: Pick<ReferenceSource<object>, 'watched' | 'dataset'>): readonly string[] {
  return watched ?? Object.keys(FIELDS[dataset] ?? {});
}

/** A diff in one line: `36 vanished (S0001, S0002, …), 0 added, 3 changed` */
export function diffLine({ counts, added, changed, vanished }: SyncDiff): string {
  const named = (count: number, word: string, rows: readonly { key?: unknown }[]) => {
    if (count === 0) return `0 ${word}`;
    const names = rows.slice(0, EXAMPLES).map(({ key }) => String(key));
    return `${count} ${word} (${names.join(', ')}${count > EXAMPLES ? ', …' : ''})`;
  };
  return [
    named(counts.vanished, 'vanished', vanished),
    named(counts.added, 'added', added),
    named(counts.changed, 'changed', changed),
  ].join(', ');
}
