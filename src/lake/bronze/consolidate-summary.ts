import type { JobSummary, Progress } from '../job-summary.ts';
import type { AdoptedPrices } from './original.ts';
import type { Shard } from './shard.ts';

export interface ConsolidateOptions {
  mode: 'full' | 'incremental';
  /** Limits the run to these; sessions then stay unmarked for the others. */
  symbols?: readonly string[];
  /** Files in flight at once. */
  maxWorkers: number;
  runId: string;
  /** What files of the original layout hold; without it they are refused. */
  adoptedPrices?: AdoptedPrices;
  /** Age from which proven date files are deleted; none are without it. */
  retentionDays?: number;
  /** What the age is counted from. */
  now?: Date;
  shard?: Shard;
  /** Symbols in a hundred that may fail without failing the job; 0 by default. */
  maxFailedPercent?: number;
  signal?: AbortSignal;
  progress?: Progress;
}

export interface ConsolidateSummary extends JobSummary {
  job: 'consolidate';
  /** Rows by what happened to them; `rows` is what the manifest counts over all symbols. */
  added: number;
  revised: number;
  removed: number;
  /** Date files deleted, and their bytes. */
  filesDeleted: number;
  bytesFreed: number;
  symbolsPerSecond: number;
}
