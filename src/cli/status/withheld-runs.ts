import { dateOfKey, type Lake, listAll, readJson } from '../../lake/lake.ts';
import { stagingByRun } from '../../lake/staging.ts';
import { effectOf } from '../../night/publish-session.ts';
import { sortWithheld, type WithheldReport } from '../../night/withheld.ts';
import { type NightKind, type ReleaseEffect, releaseText } from '../../records/run.ts';
import { ledgerInstant, placeIn, statement } from '../../text.ts';
import type { SqlRow, Warehouse } from '../../warehouse/client.ts';
import sql from '../../warehouse/ledger.sql';
import { readPaged } from '../../warehouse/paged.ts';

const runsByIdSql = statement(sql, 'runs-by-id');

/** A run whose sessions lie in staging and wait for a person. */
export interface WithheldRunSummary {
  runId: string;
  kind: NightKind;
  session: string;
  /** What it holds. */
  sessions: string[];
  heldAt: string | null;
  reason: string;
  releasing?: ReleaseEffect;
  /** What a release would do, in a sentence. */
  effect?: string;
}

/** `2025-11-19`, or `6 sessions up to 2025-11-19` */
export function withheldText({ sessions }: Pick<WithheldRunSummary, 'sessions'>): string {
  const last = sessions.toSorted().at(-1) ?? '';
  return sessions.length === 1 ? last : `${sessions.length} sessions up to ${last}`;
}

/**
 * Every run that still has in staging what its ledger row says it held, without what was published since; in order of
 * session. What a release would do is looked at now.
 */
export async function readWithheldRuns(lake: Lake, warehouse: Warehouse): Promise<WithheldRunSummary[]> {
  const staged = await stagingByRun(lake);
  if (staged.size === 0) return [];
  const runs = JSON.stringify([...staged.keys()]);
  const rows = await readPaged(warehouse, runsByIdSql, { runs }, { key: ['session', 'run_id'] });
  const held: WithheldRunSummary[] = [];
  for (const row of rows) {
    const runId = String(row.run_id);
    const dates = new Set((staged.get(runId) ?? []).map(dateOfKey));
    const { sessions } = JSON.parse(String(row.summary)) as { sessions?: { held?: string[] } };
    const listed = (sessions?.held ?? []).filter((date) => dates.has(date));
    const { ready: waiting } = await sortWithheld(lake, runId, listed);
    if (waiting.length === 0) continue;
    const [session, kind] = [String(row.session), row.kind as NightKind];
    const releasing = await effectOf(lake, runId, waiting).catch(() => undefined);
    const reason = withheldReason(row);
    const effect = releasing && { releasing, effect: releaseText(releasing) };
    held.push({ runId, kind, session, sessions: waiting, heldAt: ledgerInstant(row.completed_at), reason, ...effect });
  }
  return held;
}

/** Pure: the first reason of a run's prices, or of the run. */
export function withheldReason({ reasons, summary }: SqlRow): string {
  const { datasets = [] } = JSON.parse(String(summary)) as { datasets?: { task: string; reasons?: string[] }[] };
  const [first = ''] = JSON.parse(String(reasons)) as string[];
  return datasets.find(({ task }) => task === 'prices')?.reasons?.[0] ?? first;
}

export type WithheldSummary = Pick<
  WithheldReport,
  'dataset' | 'runId' | 'session' | 'heldAt' | 'reasons' | 'counts'
> & {
  /** Lake key of the whole difference, and where a person finds it. */
  diff: string;
  place: string;
};

/** Lists that went over their change budget and wait for somebody to look, oldest first. */
export async function readWithheldLists(lake: Lake): Promise<WithheldSummary[]> {
  const held: WithheldSummary[] = [];
  for (const { key } of await listAll(lake, 'reports/')) {
    if (!/\/held-[^/]+\.json$/.test(key)) continue;
    const report = await readJson<WithheldReport>(lake, key);
    if (report?.state !== 'held') continue;
    const { dataset, runId, session, heldAt, reasons, counts } = report;
    held.push({ dataset, runId, session, heldAt, reasons, counts, diff: key, place: placeIn(lake, key) });
  }
  return held;
}
