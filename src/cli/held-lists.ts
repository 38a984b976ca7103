import { type Lake, listAll, readJson } from '../lake/lake.ts';
import { placeIn } from '../lake/place.ts';
import type { HeldReport } from '../night/held-list.ts';

export type HeldSummary = Pick<HeldReport, 'dataset' | 'runId' | 'session' | 'heldAt' | 'reasons' | 'counts'> & {
  /** Lake key of the whole difference, and where a person finds it. */
  diff: string;
  place: string;
};

/** Lists that went over their change budget and wait for somebody to look, oldest first. */
export async function readHeldLists(lake: Lake): Promise<HeldSummary[]> {
  const held: HeldSummary[] = [];
  for (const { key } of await listAll(lake, 'reports/')) {
    if (!/\/held-[^/]+\.json$/.test(key)) continue;
    const report = await readJson<HeldReport>(lake, key);
    if (report?.state !== 'held') continue;
    const { dataset, runId, session, heldAt, reasons, counts } = report;
    held.push({ dataset, runId, session, heldAt, reasons, counts, diff: key, place: placeIn(lake, key) });
  }
  return held;
}
