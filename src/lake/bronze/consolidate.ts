import { errorName, isNamed } from '../../errors.ts';
import { inFlight, stopIfAsked } from '../in-flight.ts';
import { heldSessions, type Ingest, readIngest } from '../ingest.ts';
import type { JobError } from '../job-summary.ts';
import { keys } from '../keys.ts';
import { jsonBytes, type Lake } from '../lake.ts';
import { openBase } from './base.ts';
import type { ConsolidateOptions, ConsolidateSummary } from './consolidate-summary.ts';
import { ConsolidationRun } from './consolidation-run.ts';
import { takeInventory } from './inventory.ts';
import type { Part, Settled } from './part.ts';
import { partOf } from './part-of.ts';
import { ingestsNeeded, planConsolidation, wantedBy } from './plan.ts';
import { NOTHING_REMOVED, type Removal, removeExpired } from './remove-expired.ts';
import { cutoffDate } from './retention.ts';
import { removeParts, settle, settleShard } from './settle.ts';
import { isOfShard } from './shard.ts';
import { summarise } from './summarise.ts';

/**
 * Merges new and changed session files, and date files of the original layout, into one sorted data.parquet a symbol
 * (DESIGN 4.1). Order: data files, each read back; manifest; checkpoint; deletion of old date files whose rows are in
 * the data files. A run killed anywhere is repaired by the next one. A damaged input, or a data file that another job
 * has written meanwhile, is reported in `errors` and its symbol left as it is; the next run tries it again.
 *
 * Of several shards the last to end writes manifest and checkpoint for all, and before them, so that a kill loses no
 * shard's errors, the summary of all at keys.jobResult('consolidate').
 * @returns status `failed` when `errors` are too many (MAX_FAILED_PERCENT)
 * @throws Config.Invalid for an adopted file whose prices nobody has called unadjusted; Job.Interrupted; Lake.Conflict when another run has settled meanwhile; Lake.Unwritable and the store's own
 *   errors; with nothing marked as done
 */
export async function consolidate(lake: Lake, options: ConsolidateOptions): Promise<ConsolidateSummary> {
  const started = performance.now();
  const [inventory, held, base] = await Promise.all([takeInventory(lake), heldSessions(lake), openBase(lake)]);
  const { checkpoint, manifest } = base;
  const symbols = options.symbols && new Set(options.symbols);
  const { mode, signal, shard, now = new Date() } = options;
  const mine = shard && ((symbol: string) => isOfShard(symbol, shard));
  const errors: JobError[] = inventory.strangers.map((key) => ({
    name: 'Lake.Corrupt',
    symbol: null,
    message: `${key} is named after no symbol; rename it as docs/data-dictionary says, or remove it`,
  }));
  const unread: string[] = [];
  const ingests = new Map<string, Ingest>();
  await inFlight(
    ingestsNeeded({ mode, held, checkpoint }),
    options.maxWorkers,
    async (date) => {
      try {
        const ingest = await readIngest(lake, date);
        if (ingest) ingests.set(date, ingest);
      } catch (error) {
        if (!isNamed(error, 'Lake.Corrupt')) throw error;
        unread.push(date);
        errors.push({ name: errorName(error), symbol: null, message: (error as Error).message });
      }
    },
    signal,
  );
  const plan = planConsolidation({ mode, symbols, mine, held, ingests, inventory, manifest, checkpoint });
  const run = new ConsolidationRun(lake, { ...options, mine }, manifest, new Set(inventory.histories), errors);
  await run.all(plan);
  stopIfAsked(signal);
  const wanted = wantedBy({ symbols, mine });
  const cutoff = options.retentionDays === undefined ? undefined : cutoffDate(now, options.retentionDays);
  const ours = new Map([...inventory.dateFiles].filter(([symbol]) => wanted(symbol)));
  const expired = cutoff === undefined ? [] : await run.expired(ours, cutoff);
  const skipped = [...run.failedSessions, ...unread];
  const part = partOf({ base, held, ingests, inventory, run, manifest, expired, skipped, errors, options });
  const summaryOf = (reports: readonly Part['report'][], rows: number, removal: Removal): ConsolidateSummary =>
    summarise(reports, { rows, removal, options, seconds: (performance.now() - started) / 1000 });
  const sumUp = async ({ manifest }: Settled, reports: Part['report'][], removal = NOTHING_REMOVED) => {
    const rows = rowsOf([...manifest.values()].map((entry) => entry.rows));
    await lake.write(keys.jobResult('consolidate'), jsonBytes(summaryOf(reports, rows, removal)));
  };
  const settled = shard ? await settleShard(lake, part, base, sumUp) : await settle(lake, part, base);
  const removal = await removeExpired(lake, settled?.expired ?? [], { runId: options.runId, now, signal });
  if (!settled || shard) {
    const own = summaryOf([part.report], rowsOf(part.manifest.map(([, , rows]) => rows)), removal);
    if (settled) {
      await sumUp(settled, settled.reports, removal);
      await removeParts(lake);
    }
    return { ...own, shard: { index: part.index, size: part.size } };
  }
  if (settled.written) part.report.counts.filesWritten++;
  return summaryOf([part.report], rowsOf([...settled.manifest.values()].map((entry) => entry.rows)), removal);
}

function rowsOf(counts: readonly number[]): number {
  return counts.reduce((sum, rows) => sum + rows, 0);
}
