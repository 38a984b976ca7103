import { readConsolidated } from './bronze/checkpoint.ts';
import { heldSessions, usableIngest } from './ingest.ts';
import type { Lake } from './lake.ts';
import { lakeState } from './silver/lake-state.ts';
import { readSilverCheckpoint } from './silver/silver-checkpoint.ts';

/**
 * Whether a published session is not in the histories yet, or not in the bars of one of these intervals: a run was
 * killed after it published and before its jobs had ended.
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
  const { text } = lakeState(consolidated);
  for (const interval of intervals) {
    if ((await readSilverCheckpoint(lake, interval))?.sessions !== text) return true;
  }
  return false;
}
