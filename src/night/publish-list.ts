import { BAND_SYNCS, overBudget } from '../checks/change-budget.ts';
import {
  diffOf,
  type FieldDrift,
  fieldDrift,
  movementOf,
  planSync,
  type StoredRow,
  type SyncDiff,
  type SyncPlan,
} from '../checks/diff.ts';
import {
  beginningOf,
  companiesOf,
  type HistoryRow,
  historyDate,
  type Listed,
  planHistory,
} from '../checks/symbol-history.ts';
import {
  type AnnouncedEvent,
  type ReferenceSource,
  type StagedPage,
  type SyncPage,
  type SyncRequest,
  syncOutcome,
} from '../datasets/dataset.ts';
import { columnName, snapshotFile } from '../datasets/snapshots.ts';
import { NamedError } from '../errors.ts';
import { keys, type Lake, listAll, readJson, writeIfChanged } from '../lake/lake.ts';
import { encodeRows } from '../lake/parquet.ts';
import { SYMBOL_CHANGE_COLUMNS } from '../lake/revisions.ts';
import { encodeSymbolHistory, newestSymbolHistory, PRICED_LIST } from '../lake/symbol-history-file.ts';
import { storedReasons } from '../records/reason.ts';
import { isTicking, type Rejected } from '../records/record.ts';
import type { Stores } from '../stores.ts';
import type { Cursor, LastSync } from '../tables/runs.ts';
import { counted, wellFormed } from '../text.ts';
import {
  changedOn,
  forgetFormerCompanies,
  readHistory,
  readHistoryRows,
  writeHistory,
} from '../warehouse/reference.ts';
import { quarantineLines, replaceQuarantine } from './quarantine.ts';
import { endWithheld, withheldKey, withholdList } from './withheld.ts';

/** Rows that were not written are named, but a result has an end. */
const NAMED = 50;
type NeededStores = Pick<Stores, 'lake' | 'runs' | 'warehouse'>;

/**
 * The last step of a sync: the staged pages as one list, compared with what is stored and checked. Over budget it is
 * set aside with its diff; else the difference is written: sink, snapshot, quarantine, history, and the record of the
 * complete sync last.
 * @param checked false after a person has looked
 */
export async function publishList<T extends object>(
  source: ReferenceSource<T>,
  request: SyncRequest,
  cursor: Cursor,
  stores: NeededStores,
  checked = true,
): Promise<SyncPage> {
  const { lake, runs } = stores;
  const { dataset, sink } = source;
  const { openedAt } = request;
  // The list's own day, which is not the run's when an old session is fetched again.
  const { session } = cursor;
  const { records, rejected, excludedRows, unknownFields } = await stagedList(source, cursor, lake);
  const known = await sink.known();
  const plan = planSync(known, records, source.keyOf);
  const counts = { rows: records.length, rejected: rejected.length, waitSeconds: 0 };
  const last = await runs.lastSync(dataset);
  const facts = { last, drift: driftOf(source, known, records), event: await source.event?.(records) };
  const reasons = checked ? judgeList(source, plan, { ...facts, rejected: rejected.length }) : [];
  const listed = listNotes(source, plan, { ...facts, unknownFields });
  if (reasons.length > 0) {
    const diff = diffOf(plan, shownFields(source));
    await withholdList(
      { dataset, runId: request.runId, session: request.session, openedAt, cursor },
      { reasons, diff },
      stores,
    );
    const all = `${dataset}: ${diffLine(diff)}; all of it: ${withheldKey({ session: request.session, dataset })}`;
    const why = [...reasons, all].map((text) => ({ dataset, text }));
    return syncOutcome(source, cursor, { ...counts, done: true, status: 'held', ...storedReasons(why) });
  }
  const { new: added, changed, failed, notes: stored = [] } = await sink.apply(plan, { ...request, session }, records);
  const written = { new: added, changed, notes: [...listed, ...stored] };
  for (const [key, bytes] of (source.files ?? snapshotFile)(records, { dataset, fields: source.fields, session }))
    await writeIfChanged(lake, key, bytes);
  await replaceQuarantine(lake, session, dataset, quarantineLines(dataset, session, rejected));
  if (failed.length > 0) {
    // The pages stay staged and the cursor stays here, so that the next run writes what is missing.
    const { key: first, reason: firstWhy } = failed[0]!;
    const text = `${dataset}: ${counted(failed.length, 'item')} not written, first ${first}: ${firstWhy}`;
    const reason = { dataset, symbol: first, text };
    const named = failed
      .slice(0, NAMED)
      .map(({ key: symbol, reason: why }) => ({ symbol, reason: wellFormed(why, 200) }));
    const partial = { ...counts, ...written, done: true, ...storedReasons([reason]), failed: named };
    return syncOutcome(source, cursor, { ...partial, status: 'partial' });
  }
  if (source.identity) {
    await recordHistory(dataset, records.map(source.identity), { session, before: last !== undefined }, stores);
  }
  await runs.saveLastSync(dataset, lastSyncOf(source, { openedAt, cursor, rows: records.length, last, unknownFields }));
  const held = await runs.withheldSync(dataset);
  const as = held?.cursor.syncId === cursor.syncId ? 'released' : 'superseded';
  if (held) await endWithheld(held, { by: request.runId, as }, stores);
  await runs.dropCursor(dataset);
  await lake.remove((await listAll(lake, keys.stagedPages(dataset, cursor.syncId))).map((entry) => entry.key));
  return syncOutcome(source, cursor, {
    ...counts,
    ...written,
    done: true,
    ...storedReasons(excludedRows.map((text) => ({ dataset, text }))),
  });
}

/** Publishes the list that a run held back, from its staged pages: no vendor is asked, no budget checked. */
export async function releaseList<T extends object>(
  source: ReferenceSource<T>,
  request: SyncRequest & { release: string },
  stores: NeededStores,
): Promise<SyncPage> {
  const held = await stores.runs.withheldSync(source.dataset);
  if (held?.runId === request.release) {
    const { session, openedAt, cursor } = held;
    return publishList(source, { ...request, session, openedAt }, cursor, stores, false);
  }
  // The answer to a first call was lost: it is published.
  const last = await stores.runs.lastSync(source.dataset);
  const { task, dataset } = source;
  const counts = { pages: last?.pages ?? 0, rows: last?.rows ?? 0, rejected: 0, new: 0, changed: 0 };
  return { task, dataset, done: true, status: 'success', ...counts, waitSeconds: 0, reasons: [] };
}

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
  known: ReadonlyMap<string, StoredRow>,
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
function comparedFields(source: Pick<ReferenceSource<object>, 'watched' | 'fields'>): string[] {
  return shownFields(source).filter((field) => !isTicking(field));
}

/** Fields that a diff shows. */
export function shownFields({
  watched,
  fields,
}: Pick<ReferenceSource<object>, 'watched' | 'fields'>): readonly string[] {
  return watched ?? Object.keys(fields);
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

/**
 * Brings `symbol_history` up to a complete list, and leaves what changed on the session in the lake, with a copy of the
 * whole history where the bars' symbols are concerned. All of it follows from
 * the list and from what the history held before, so that a repeated call ends the same way.
 * @param at `before`: a complete list was recorded already, be it of the same session
 */
export async function recordHistory(
  dataset: string,
  list: readonly Listed[],
  { session, before }: { session: string; before: boolean },
  { lake, warehouse }: Pick<Stores, 'lake' | 'warehouse'>,
): Promise<void> {
  const latest = await readHistory(warehouse, dataset);
  const date = historyDate(latest, session);
  await writeHistory(warehouse, dataset, planHistory(latest, list, { date, isFirst: !before || latest.length === 0 }));
  const changes = changesOf(dataset, await changedOn(warehouse, dataset, date), date);
  const key = keys.symbolChanges(dataset, date);
  if (changes.length > 0) await writeIfChanged(lake, key, encodeRows(SYMBOL_CHANGE_COLUMNS, changes));
  else if (await lake.read(key)) await lake.remove([key]);
  if (dataset === PRICED_LIST) await recordCompanies(date, { lake, warehouse });
}

/**
 * Tells the jobs and the portfolio run, which have no warehouse, whose bars a symbol's are, and forgets what was known
 * of companies that passed a symbol on. Both follow from the table alone, so that a killed call is made good by the next.
 */
async function recordCompanies(date: string, { lake, warehouse }: Pick<Stores, 'lake' | 'warehouse'>): Promise<void> {
  const rows = companiesOf(await readHistoryRows(warehouse, PRICED_LIST));
  const bytes = encodeSymbolHistory(rows);
  const newest = await newestSymbolHistory(lake);
  const stored = newest && (await lake.read(newest));
  if (!stored || Buffer.compare(stored, bytes) !== 0) {
    await lake.write(keys.symbolHistory(PRICED_LIST, date), bytes);
  }
  await forgetFormerCompanies(warehouse, rows);
}

/** Pure: one row a symbol that came, went, got another name or passed to another security. */
export function changesOf(dataset: string, rows: readonly HistoryRow[], date: string): Record<string, unknown>[] {
  return rows.flatMap((row) => {
    const common = { date, dataset, symbol: row.symbol, figi: row.figi ?? null, asset_id: row.assetId ?? null };
    if (row.validFrom === date && row.reason !== 'first seen') {
      const { former, reused } = beginningOf(row.reason);
      const change = former ? 'renamed' : reused ? 'reused' : 'added';
      return [{ ...common, change, former_symbol: former ?? null, reason: row.reason }];
    }
    if (row.validTo !== date || row.ending !== 'no longer listed') return [];
    return [{ ...common, change: 'vanished', former_symbol: null, reason: row.ending }];
  });
}

/** All staged pages as one list by key; what two pages name is kept once, the second is said. */
export async function stagedList<T extends object>(
  { dataset, keyOf, checkWhole: settle }: ReferenceSource<T>,
  cursor: Cursor,
  lake: Lake,
): Promise<Required<StagedPage<T>>> {
  const byKey = new Map<string, T>();
  const rejected: Rejected[] = [];
  const excludedRows: string[] = [];
  const unknown = new Set<string>();
  for (let page = 1; page <= cursor.page; page += 1) {
    const key = keys.stagedPage(dataset, cursor.syncId, page);
    const staged = await readJson<StagedPage<T>>(lake, key);
    // A list with a page missing would make its symbols vanish.
    if (!staged) throw new NamedError('Lake.Corrupt', { what: `${key} is gone`, wanted: 'every page of the list' });
    rejected.push(...staged.rejected);
    excludedRows.push(...(staged.excludedRows ?? []));
    for (const field of staged.unknownFields ?? []) unknown.add(field);
    for (const record of staged.records) {
      const name = keyOf(record);
      if (!byKey.has(name)) byKey.set(name, record);
      else rejected.push({ symbol: name, reason: 'duplicate row', row: record });
    }
  }
  const records = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
  const settled = settle?.(records) ?? { records, rejected: [] };
  const unknownFields = [...unknown].sort();
  return { records: settled.records, rejected: [...rejected, ...settled.rejected], excludedRows, unknownFields };
}
