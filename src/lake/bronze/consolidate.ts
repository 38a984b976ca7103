import { errorName, isNamed } from '../../errors.ts';
import { inFlight, stopIfAsked } from '../in-flight.ts';
import { heldSessions, type Ingest, readIngest } from '../ingest.ts';
import type { JobError, JobSummary, Progress } from '../job-summary.ts';
import type { Lake } from '../lake.ts';
import { NOTHING_CONSOLIDATED, readConsolidated, writeConsolidated } from './checkpoint.ts';
import { ConsolidationRun } from './consolidation-run.ts';
import { takeInventory } from './inventory.ts';
import { type Manifest, readManifest, writeManifest } from './manifest.ts';
import { nextCheckpoint } from './next-checkpoint.ts';
import { ingestsNeeded, planConsolidation } from './plan.ts';

export interface ConsolidateOptions {
  mode: 'full' | 'incremental';
  /** Limits the run to these; sessions then stay unmarked for the others. */
  symbols?: readonly string[];
  /** Files in flight at once. */
  maxWorkers: number;
  runId: string;
  signal?: AbortSignal;
  progress?: Progress;
}

export interface ConsolidateSummary extends JobSummary {
  job: 'consolidate';
  /** Rows by what happened to them; `rows` is what the manifest counts over all symbols. */
  added: number;
  revised: number;
  removed: number;
}

/**
 * Merges new and changed session files, and date files of the original layout, into one sorted data.parquet a symbol
 * (DESIGN 4.1). Order: data files, manifest, checkpoint; a run killed anywhere is repaired by the next one.
 * A damaged input is reported in `errors` and its symbol left as it is; the next run tries it again.
 * @returns status `failed` when `errors` is not empty
 * @throws Job.Interrupted; Lake.Unwritable and the store's own errors, with nothing marked as done
 */
export async function consolidate(lake: Lake, options: ConsolidateOptions): Promise<ConsolidateSummary> {
  const started = performance.now();
  const [inventory, held, storedCheckpoint, storedManifest] = await Promise.all([
    takeInventory(lake),
    heldSessions(lake),
    readConsolidated(lake),
    readManifest(lake),
  ]);
  // One without the other says nothing: then every source is new, and every stored row is looked at.
  const known = storedCheckpoint?.sessions && storedCheckpoint.dateFiles && storedManifest;
  const checkpoint = known ? storedCheckpoint : NOTHING_CONSOLIDATED;
  const manifest: Manifest = known ? storedManifest : new Map();
  const symbols = options.symbols && new Set(options.symbols);
  const errors: JobError[] = inventory.strangers.map((key) => ({
    name: 'Lake.Corrupt',
    symbol: null,
    message: `${key} is named after no symbol; rename it as docs/data-dictionary says, or remove it`,
  }));
  const { mode, signal } = options;
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
  const plan = planConsolidation({ mode, symbols, held, ingests, inventory, manifest, checkpoint });
  const run = new ConsolidationRun(lake, options, manifest, new Set(inventory.histories), errors);
  await run.all(plan);
  stopIfAsked(signal);
  if (await writeManifest(lake, manifest)) run.counts.filesWritten++;
  const skipped = new Set([...run.failedSessions, ...unread]);
  // Only a whole rebuild without a gap has seen every row from outside the sessions.
  const afresh = mode === 'full' && !symbols && errors.length === 0;
  await writeConsolidated(
    lake,
    nextCheckpoint({ checkpoint, held, ingests, inventory, run, skipped, afresh, limited: symbols !== undefined }),
  );
  return {
    job: 'consolidate',
    runId: options.runId,
    mode,
    status: errors.length > 0 ? 'failed' : 'success',
    symbols: run.done.size,
    rows: [...manifest.values()].reduce((sum, { rows }) => sum + rows, 0),
    ...run.counts,
    // Workers finish as they will; a report reads the same every time.
    errors: errors.sort((a, b) => ((a.symbol ?? '') < (b.symbol ?? '') ? -1 : 1)),
    seconds: (performance.now() - started) / 1000,
  };
}
