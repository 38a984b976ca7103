import type { AdoptedPrices } from '../../lake/bar-table.ts';
import type { Removal } from '../expire.ts';
import type { JobError, JobSummary, Progress } from '../job.ts';
import type { Shard, ShardResult } from './shards.ts';

/** What a consolidation and a vacuum are told alike. */
export interface BronzeJobOptions {
  /** Limits the run to these; sessions of a consolidation then stay unmarked for the others. */
  symbols?: readonly string[];
  /** Files in flight at once. */
  maxWorkers: number;
  runId: string;
  /** What the age is counted from. */
  now?: Date;
  shard?: Shard;
  /** Symbols in a hundred that may fail without failing the job; 0 by default. */
  maxFailedPercent?: number;
  signal?: AbortSignal;
  progress?: Progress;
}

export interface ConsolidateOptions extends BronzeJobOptions {
  mode: 'full' | 'incremental';
  /** What files of the original layout hold; without it they are refused. */
  adoptedPrices?: AdoptedPrices;
  /** Age in days from which proven date files are deleted; none are without it. */
  retentionDays?: number;
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

/** Pure: what a run, or all shards of one, has to say in the end. */
export function summarise(
  reports: readonly ShardResult['report'][],
  { rows, removal, options, seconds }: { rows: number; removal: Removal; options: ConsolidateOptions; seconds: number },
): ConsolidateSummary {
  const sum = (of: (report: ShardResult['report']) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const symbols = sum((report) => report.symbols);
  const errors = distinct([...reports.flatMap((report) => report.errors), ...removal.errors]);
  return {
    job: 'consolidate',
    runId: options.runId,
    mode: options.mode,
    status: statusOf(errors, symbols, options.maxFailedPercent ?? 0),
    symbols,
    rows,
    added: sum(({ counts }) => counts.added),
    revised: sum(({ counts }) => counts.revised),
    removed: sum(({ counts }) => counts.removed),
    filesWritten: sum(({ counts }) => counts.filesWritten),
    filesMerged: sum(({ counts }) => counts.filesMerged),
    filesDeleted: removal.filesDeleted,
    bytesFreed: removal.bytesFreed,
    errors,
    seconds,
    symbolsPerSecond: symbols / seconds,
  };
}

/**
 * `failed` when something concerns more than one symbol, or too many symbols in a hundred could not be done. Single
 * damaged symbols are reported, and tried again by every run.
 */
export function statusOf(errors: readonly JobError[], done: number, maxFailedPercent: number): 'success' | 'failed' {
  if (errors.some(({ symbol }) => symbol === null)) return 'failed';
  const failed = new Set(errors.map(({ symbol }) => symbol)).size;
  return failed > ((done + failed) * maxFailedPercent) / 100 ? 'failed' : 'success';
}

/** In order of symbol, because workers finish as they will; every shard meets the same damaged session. */
function distinct(errors: readonly JobError[]): JobError[] {
  const once = new Map(errors.map((error) => [`${error.symbol ?? ''} ${error.message}`, error]));
  return [...once.values()].sort((a, b) => ((a.symbol ?? '') < (b.symbol ?? '') ? -1 : 1));
}
