import { stopIfAsked } from '../in-flight.ts';
import type { JobError } from '../job-summary.ts';
import type { Lake } from '../lake.ts';
import { type CleanUp, changeCleanUps } from './cleanup-manifest.ts';
import type { Expired } from './retention.ts';

/** Removed at once; DeleteObjects takes no more. */
const BATCH = 1000;

export interface Removal {
  filesDeleted: number;
  bytesFreed: number;
  errors: JobError[];
}

export const NOTHING_REMOVED: Removal = { filesDeleted: 0, bytesFreed: 0, errors: [] };

/**
 * Deletes proven date files and records them. The record comes first: a run killed in between leaves files that the
 * next one deletes and records as the same, never a deletion nobody knows of. A file that changed since it was
 * compared stays, without a word: it is the next run's.
 * @throws Job.Interrupted between two batches
 */
export async function removeExpired(
  lake: Lake,
  expired: readonly Expired[],
  { runId, now, signal }: { runId: string; now: Date; signal?: AbortSignal },
): Promise<Removal> {
  const removal: Removal = { filesDeleted: 0, bytesFreed: 0, errors: [] };
  if (expired.length === 0) return removal;
  stopIfAsked(signal);
  const files = [...expired].sort((a, b) => (a.key < b.key ? -1 : 1));
  const deletedAt = BigInt(now.getTime()) * 1000n;
  const recordOf = ({ symbol, date, size }: Expired): CleanUp => ({ symbol, date, bytes: size, deletedAt, runId });
  await changeCleanUps(lake, { add: files.map(recordOf) });
  const stayed: Expired[] = [];
  for (let start = 0; start < files.length; start += BATCH) {
    // The rest stays recorded, too, and is deleted by the next run.
    stopIfAsked(signal);
    const batch = files.slice(start, start + BATCH);
    const refused = new Map((await lake.removeVersions(batch)).map((refusal) => [refusal.key, refusal]));
    for (const file of batch) {
      const refusal = refused.get(file.key);
      if (refusal) stayed.push(file);
      else {
        removal.filesDeleted++;
        removal.bytesFreed += file.size;
      }
      if (!refusal || refusal.changed) continue;
      const message = `${file.key} could not be deleted: ${refusal.reason}. Its row is in data.parquet.`;
      removal.errors.push({ name: 'Lake.Unwritable', symbol: file.symbol, message });
    }
  }
  await changeCleanUps(lake, { drop: stayed.map(recordOf) });
  return removal;
}
