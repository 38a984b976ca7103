import { inFlight, stopIfAsked } from '../concurrency.ts';
import { errorName, isNamed } from '../errors.ts';
import type { Lake } from '../lake/lake.ts';
import { wantedBy } from './consolidate/consolidation-plan.ts';
import { type DateFile, takeInventory } from './consolidate/inventory.ts';
import { cutoffDate, type Expired, type Kept, proveExpired, removeExpired } from './expire.ts';
import { type BronzeJobOptions, isOfShard, type JobError, type JobSummary, statusOf } from './job.ts';

export interface VacuumOptions extends BronzeJobOptions {
  /** Age in days from which date files go. */
  retentionDays: number;
  /** Says what would go, and changes nothing. */
  dryRun?: boolean;
  /** Called with each file that goes, before it does, in order of key; all of them in a dry run. */
  onFile?: (file: Expired) => void;
}

export interface VacuumSummary extends JobSummary {
  job: 'vacuum';
  mode: 'dry-run' | 'delete';
  /** First date that is not old. */
  cutoff: string;
  /** In a dry run what would be deleted, and freed. */
  filesDeleted: number;
  bytesFreed: number;
  /** Date files of symbols without a data.parquet. */
  filesUntouched: number;
  filesRecent: number;
  /** Old date files whose row is not in data.parquet, with the reason. */
  kept: Kept[];
  symbolsPerSecond: number;
}

/**
 * Deletes old date files of the original layout. A symbol with data.parquet: date files older than retention go, if
 * their row is there value for value; without data.parquet: untouched; recent ones: kept. What was deleted is recorded
 * in `processing_metadata/cleanup_manifest.parquet`. A damaged data.parquet leaves its symbol untouched.
 * @throws Job.Interrupted; the store's own errors; nothing is lost by either, and the next run goes on
 */
export async function vacuum(lake: Lake, options: VacuumOptions): Promise<VacuumSummary> {
  const started = performance.now();
  const { shard, signal, now = new Date(), dryRun = false, progress } = options;
  const { histories, dateFiles } = await takeInventory(lake);
  const symbols = options.symbols && new Set(options.symbols);
  const wanted = wantedBy({ symbols, mine: shard && ((symbol: string) => isOfShard(symbol, shard)) });
  const cutoff = cutoffDate(now, options.retentionDays);
  const ours = [...dateFiles].filter(([symbol]) => wanted(symbol));
  const plan = planVacuum(ours, histories, cutoff);
  const errors: JobError[] = [];
  const expired: Expired[] = [];
  const kept: Kept[] = [];
  let done = 0;
  await inFlight(
    plan.old,
    options.maxWorkers,
    async ([symbol, files]) => {
      try {
        const proof = await proveExpired(lake, symbol, files);
        expired.push(...proof.expired);
        kept.push(...proof.kept);
        for (const { error, reason } of proof.kept) {
          if (error) errors.push({ name: error, symbol, message: reason });
        }
      } catch (error) {
        if (!isNamed(error, 'Lake.Corrupt')) throw error;
        errors.push({ name: errorName(error), symbol, message: (error as Error).message });
      }
      done++;
      if (done % 500 === 0 || done === plan.old.length) progress?.({ job: 'vacuum', done, total: plan.old.length });
    },
    signal,
  );
  stopIfAsked(signal);
  expired.sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const file of expired) options.onFile?.(file);
  const bytes = expired.reduce((sum, { size }) => sum + size, 0);
  const removal = dryRun
    ? { filesDeleted: expired.length, bytesFreed: bytes, errors: [] }
    : await removeExpired(lake, expired, { runId: options.runId, now, signal });
  errors.push(...removal.errors);
  errors.sort((a, b) => ((a.symbol ?? '') < (b.symbol ?? '') ? -1 : 1));
  const failed = new Set(errors.map(({ symbol }) => symbol)).size;
  const seconds = (performance.now() - started) / 1000;
  return {
    job: 'vacuum',
    runId: options.runId,
    mode: dryRun ? 'dry-run' : 'delete',
    status: statusOf(errors, plan.old.length - failed, options.maxFailedPercent ?? 0),
    cutoff,
    symbols: plan.old.length,
    rows: expired.length,
    filesWritten: !dryRun && removal.filesDeleted > 0 ? 1 : 0,
    filesMerged: 0,
    filesDeleted: removal.filesDeleted,
    bytesFreed: removal.bytesFreed,
    filesUntouched: plan.untouched,
    filesRecent: plan.recent,
    kept: kept.sort((a, b) => (a.key < b.key ? -1 : 1)),
    errors,
    seconds,
    symbolsPerSecond: plan.old.length / seconds,
    ...(shard ? { shard: { index: shard.index, size: shard.size } } : {}),
    ...(dryRun ? { dryRun } : {}),
  };
}

interface VacuumPlan {
  /** Symbols with old date files and a data.parquet to compare them with. */
  old: [symbol: string, files: DateFile[]][];
  /** Files by why they stay. */
  untouched: number;
  recent: number;
}

function planVacuum(
  dateFiles: readonly [symbol: string, files: DateFile[]][],
  histories: ReadonlySet<string>,
  cutoff: string,
): VacuumPlan {
  const plan: VacuumPlan = { old: [], untouched: 0, recent: 0 };
  for (const [symbol, files] of dateFiles) {
    if (!histories.has(symbol)) {
      plan.untouched += files.length;
      continue;
    }
    const old = files.filter(({ date }) => date < cutoff);
    plan.recent += files.length - old.length;
    if (old.length > 0) plan.old.push([symbol, old]);
  }
  return plan;
}
