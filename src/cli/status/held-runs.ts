import { dateOfKey } from '../../lake/keys.ts';
import type { Lake } from '../../lake/lake.ts';
import type { NightKind } from '../../night/night.ts';
import { sortWithheld } from '../../night/plan-release.ts';
import { type ReleaseEffect, releaseText } from '../../night/release-effect.ts';
import { effectOf } from '../../night/staged-session.ts';
import { stagingByRun } from '../../night/staging.ts';
import type { Warehouse } from '../../warehouse/client.ts';
import { readPaged } from '../../warehouse/paged.ts';
import runsById from '../../warehouse/queries/runs-by-id.sql';
import { ledgerInstant } from './exchange-clock.ts';

/** A run whose sessions lie in staging and wait for a person. */
export interface HeldRun {
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

const PRICES = 'prices: ';

/** `2025-11-19`, or `6 sessions up to 2025-11-19` */
export function heldText({ sessions }: Pick<HeldRun, 'sessions'>): string {
  const last = sessions.toSorted().at(-1) ?? '';
  return sessions.length === 1 ? last : `${sessions.length} sessions up to ${last}`;
}

/**
 * Every run that still has in staging what its ledger row says it held, without what was published since; in order of
 * session. What a release would do is looked at now.
 */
export async function readHeldRuns(lake: Lake, warehouse: Warehouse): Promise<HeldRun[]> {
  const staged = await stagingByRun(lake);
  if (staged.size === 0) return [];
  const runs = JSON.stringify([...staged.keys()]);
  const rows = await readPaged(warehouse, runsById, { runs }, { key: ['session', 'run_id'] });
  const held: HeldRun[] = [];
  for (const row of rows) {
    const runId = String(row.run_id);
    const dates = new Set((staged.get(runId) ?? []).map(dateOfKey));
    const { sessions } = JSON.parse(String(row.summary)) as { sessions?: { held?: string[] } };
    const listed = (sessions?.held ?? []).filter((date) => dates.has(date));
    const { ready: waiting } = await sortWithheld(lake, runId, listed);
    if (waiting.length === 0) continue;
    const [session, kind] = [String(row.session), row.kind as NightKind];
    const releasing = await effectOf(lake, runId, waiting).catch(() => undefined);
    const reasons = JSON.parse(String(row.reasons)) as string[];
    const reason = (reasons.find((one) => one.startsWith(PRICES)) ?? reasons[0] ?? '').replace(PRICES, '');
    const effect = releasing && { releasing, effect: releaseText(releasing) };
    held.push({ runId, kind, session, sessions: waiting, heldAt: ledgerInstant(row.completed_at), reason, ...effect });
  }
  return held;
}
