import type { Lake } from '../../lake/lake.ts';
import { SYMBOL_LISTS } from '../../lake/symbol-changes.ts';
import { INDEX } from '../../night/index-members.ts';
import type { NightReport } from '../../night/night.ts';
import { contentHash } from '../../records/content-hash.ts';
import { type Split, splitKey } from '../../records/split.ts';
import type { Warehouse } from '../../warehouse/client.ts';
import listEvidence from '../../warehouse/queries/list-evidence.sql';
import { knownRuns, type MemberRow, storedMembers } from '../../warehouse/restore.ts';
import { storedSplits } from '../../warehouse/splits.ts';
import { readHistory } from '../../warehouse/symbol-history.ts';
import { closedRuns, listDates, listedMembers, listedSplits, readList } from './lake-lists.ts';

/** What the lake has for a table, and what of it the table lacks. */
export interface Lost<T> {
  listed: number;
  lost: T[];
}

/** First and last session that a list's sync was complete for, by task. */
type Evidence = ReadonlyMap<string, { first: string; last: string }>;

async function readEvidence(warehouse: Warehouse): Promise<Evidence> {
  const rows = await warehouse.query(listEvidence);
  return new Map(
    rows.map((row) => [String(row.task_name), { first: String(row.first_session), last: String(row.last_session) }]),
  );
}

/** The newest list by date; undefined when a later sync brought one for an older session, which says more. */
async function lastList(lake: Lake, dataset: string, evidence: Evidence): Promise<string | undefined> {
  const newest = (await listDates(lake, dataset)).at(-1);
  const known = evidence.get(`sync-${dataset}`);
  return known === undefined || known.last === newest ? newest : undefined;
}

/** Runs that left a report: the ledger has them too. */
export async function lostRuns(lake: Lake, warehouse: Warehouse): Promise<Lost<NightReport>> {
  const runs = await closedRuns(lake);
  const ids = runs.map(({ runId }) => runId);
  const known = await knownRuns(warehouse, ids);
  return { listed: runs.length, lost: runs.filter(({ runId }) => !known.has(runId)) };
}

export async function lostSplits(lake: Lake, warehouse: Warehouse): Promise<Lost<Split>> {
  const newest = await lastList(lake, 'splits', await readEvidence(warehouse));
  const listed = newest === undefined ? [] : await listedSplits(lake, newest);
  const stored = new Map((await storedSplits(warehouse)).map((split) => [splitKey(split), split]));
  const lost = listed.filter((split) => {
    const row = stored.get(splitKey(split));
    return row === undefined || contentHash(row) !== contentHash(split);
  });
  return { listed: listed.length, lost };
}

/** Every membership of the symbols that lack one. */
export async function lostMemberships(lake: Lake, warehouse: Warehouse): Promise<Lost<MemberRow>> {
  const listed = await listedMembers(lake);
  const lacking = new Set(lostMembers(listed, await storedMembers(warehouse, INDEX)).map(({ symbol }) => symbol));
  return { listed: listed.length, lost: listed.filter(({ symbol }) => lacking.has(symbol)) };
}

/** Pure: memberships the table lacks. It may know of a time before the oldest list that is left. */
export function lostMembers(listed: readonly MemberRow[], stored: readonly MemberRow[]): MemberRow[] {
  const first = listed.map(({ validFrom }) => validFrom).sort()[0] ?? '';
  const key = ({ symbol, validFrom, validTo }: MemberRow) => {
    return `${symbol} ${validFrom < first ? first : validFrom} ${validTo ?? ''}`;
  };
  const known = new Set(stored.map(key));
  return listed.filter((one) => !known.has(key(one)));
}

/** Datasets whose history of symbols lacks something, and what. */
export async function lostHistories(lake: Lake, warehouse: Warehouse): Promise<Lost<[dataset: string, what: string]>> {
  const evidence = await readEvidence(warehouse);
  const lost: [string, string][] = [];
  let symbols = 0;
  for (const dataset of SYMBOL_LISTS) {
    const newest = await lastList(lake, dataset, evidence);
    const listed = newest === undefined ? [] : await readList(lake, dataset, newest);
    const stored = await readHistory(warehouse, dataset);
    symbols += stored.length;
    const open = new Set(stored.filter(({ validTo }) => validTo === null).map(({ symbol }) => symbol));
    const lacking = listed.filter(({ symbol }) => !open.has(String(symbol))).length;
    const begins = stored.map(({ validFrom }) => validFrom).sort()[0];
    const first = evidence.get(`sync-${dataset}`)?.first ?? '9999';
    if (lacking > 0) lost.push([dataset, `${lacking} symbols of the list of ${newest} have no open row`]);
    else if (begins !== undefined && begins > first && (await listDates(lake, dataset)).includes(first))
      lost.push([dataset, `begins ${begins}, the first list is of ${first}`]);
  }
  return { listed: symbols, lost };
}
