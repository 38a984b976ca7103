import { BAND_SYNCS, overBudget } from '../checks/change-budget.ts';
import { type FieldDrift, fieldDrift } from '../checks/field-drift.ts';
import { movementOf, type SyncDiff } from '../checks/sync-diff.ts';
import type { KnownRow, SyncPlan } from '../checks/sync-plan.ts';
import { isTicking } from '../records/content-hash.ts';
import type { Cursor, LastSync } from '../tables/runs.ts';
import { columnName, FIELDS } from './reference-datasets.ts';
import type { AnnouncedEvent, ReferenceSource } from './reference-source.ts';

/** Of rows that would come, go or change, so many are named in a line; all of them lie in the lake. */
const EXAMPLES = 5;

interface Judging {
  rejected: number;
  last: LastSync | undefined;
  /** Fields whose loss is the vendor's decision and no damage. */
  drift?: readonly FieldDrift[];
  event?: AnnouncedEvent | undefined;
}

/** The reasons to hold a list back: its change budget, over what was asked for and got before. */
export function judgeList<T extends object>(
  source: ReferenceSource<T>,
  plan: SyncPlan<T>,
  { rejected, last, drift = [], event }: Judging,
): string[] {
  const drifted = new Set(drift.map(({ field }) => field));
  const fields = comparedFields(source).filter((field) => !drifted.has(field));
  const isSameList = last?.selection === undefined || last.selection === selectionOf(source);
  const recentRows = isSameList ? (last?.recentRows ?? []) : [];
  // New rows are what somebody wanted where a market was not asked for before, or no list was ever complete: then the
  // rows there are come from a first one that was killed half-way.
  const limits =
    last !== undefined && isSameList
      ? { ...source.budget, ...event?.budget }
      : { ...source.budget, added: Number.POSITIVE_INFINITY };
  const reasons = overBudget(source.dataset, movementOf(plan, { fields, rejected, recentRows }), limits);
  if (reasons.length === 0 || isSameList) return reasons;
  return [...reasons, `${source.dataset}: asked for ${selectionOf(source)} now, for ${last.selection} before`];
}

/** Fields that the vendor began or ceased to send with this list. */
export function driftOf<T extends object>(
  source: ReferenceSource<T>,
  known: ReadonlyMap<string, KnownRow>,
  records: readonly T[],
): FieldDrift[] {
  return fieldDrift(known, records, { keyOf: source.keyOf, fields: comparedFields(source) });
}

/** What a reader is told of a list's schema and of an announced event; each is said by the sync that brings it. */
export function listNotes<T extends object>(
  { dataset }: Pick<ReferenceSource<T>, 'dataset'>,
  { added, vanished }: Pick<SyncPlan<T>, 'added' | 'vanished'>,
  { drift, event, unknownFields, last }: Omit<Judging, 'rejected'> & { unknownFields: readonly string[] },
): string[] {
  // What was there when a list was first recorded did not appear.
  const before = new Set(last?.unknownFields ?? unknownFields);
  const isMoved = event !== undefined && added.length + vanished.length > 0;
  return [
    ...(isMoved ? [`${event.name}: ${added.length} joined, ${vanished.length} left`] : []),
    ...(drift ?? []).map(({ field, change, rows, of }) =>
      change === 'disappeared'
        ? `the vendor no longer sends ${columnName(field)} (gone from ${rows} of ${of} rows); its column stays and is empty`
        : `the vendor now sends ${columnName(field)} (new in ${rows} of ${of} rows)`,
    ),
    ...unknownFields
      .filter((field) => !before.has(field))
      .map((field) => `the vendor now sends a field that is not kept: ${field}`),
  ].map((note) => `${dataset}: ${note}`);
}

interface Completion {
  openedAt: string;
  cursor: Cursor;
  rows: number;
  last: LastSync | undefined;
  unknownFields: readonly string[];
}

/** The record of a complete sync. */
export function lastSyncOf<T extends object>(
  source: ReferenceSource<T>,
  { openedAt, cursor, rows, last, unknownFields }: Completion,
): LastSync {
  const selection = selectionOf(source);
  const { page: pages, syncId } = cursor;
  const recent = last?.selection === selection ? (last.recentRows ?? []) : [];
  // A repeated call is the same sync, counted once.
  const earlier = last?.syncId === syncId ? recent.slice(0, -1) : recent;
  const recentRows = [...earlier, rows].slice(-BAND_SYNCS);
  const everSent = [...new Set([...(last?.unknownFields ?? []), ...unknownFields])].sort();
  return { lastSyncTimestamp: openedAt, pages, rows, syncId, selection, recentRows, unknownFields: everSent };
}

function selectionOf({ selection, partitions }: Pick<ReferenceSource<object>, 'selection' | 'partitions'>): string {
  return selection ?? partitions.join(',');
}

/** Fields whose loss or change means something. */
function comparedFields(source: Pick<ReferenceSource<object>, 'watched' | 'dataset'>): string[] {
  return shownFields(source).filter((field) => !isTicking(field));
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
