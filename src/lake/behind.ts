import { isSameCalendar } from '../calendar/sessions.ts';
import { isNamed } from '../errors.ts';
import { readConsolidated } from './bronze/checkpoint.ts';
import { readManifest } from './bronze/manifest.ts';
import { heldSessions, usableIngest } from './ingest.ts';
import type { Lake } from './lake.ts';
import { basisOf, differing } from './silver/basis.ts';
import { readSilverCheckpoint } from './silver/silver-checkpoint.ts';
import { readSplitsList } from './silver/splits.ts';
import { readSymbolHistory } from './symbol-history.ts';

/**
 * Whether a published session is not in the histories yet, or the bars of one of these intervals do not follow what
 * they are made of: a run was killed after it published and before its jobs had ended, or the calendar learnt of a
 * closure.
 */
export async function jobsAreBehind(lake: Lake, intervals: readonly number[]): Promise<boolean> {
  const held = await heldSessions(lake);
  if (held.length === 0) return false;
  const consolidated = await readConsolidated(lake);
  if (!consolidated?.sessions || !consolidated.outside) return true;
  for (const { date, etag } of held) {
    const known = consolidated.sessions[date];
    // A copied home has other etags and the same content.
    if (known?.etag !== etag && known?.checksum !== (await usableIngest(lake, date))?.checksum) return true;
  }
  return barsAreBehind(lake, intervals);
}

/** Whether the bars of one of these intervals were made of other histories, splits or companies, or by another calendar. */
export async function barsAreBehind(lake: Lake, intervals: readonly number[]): Promise<boolean> {
  try {
    const [consolidated, manifest] = await Promise.all([readConsolidated(lake), readManifest(lake)]);
    if (!consolidated?.sessions || !manifest) return false;
    const [list, history] = await Promise.all([readSplitsList(lake), readSymbolHistory(lake)]);
    const { state, splits, companies } = basisOf(consolidated, manifest, list, history);
    for (const interval of intervals) {
      const checkpoint = await readSilverCheckpoint(lake, interval);
      if (checkpoint?.sessions !== state.text || differing(checkpoint.splits, splits).length > 0) return true;
      if (differing(checkpoint.companies ?? {}, companies).length > 0) return true;
      if (!checkpoint.calendar || !isSameCalendar(checkpoint.calendar)) return true;
    }
    return false;
  } catch (error) {
    // Whatever is damaged or lost, the job names it.
    if (isNamed(error, 'Lake.Corrupt')) return true;
    throw error;
  }
}
