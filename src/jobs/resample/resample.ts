import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopIfAsked } from '../../concurrency.ts';
import { isNamed, NamedError } from '../../errors.ts';
import { keys, type Lake } from '../../lake/lake.ts';
import { writeSilverCheckpoint } from '../../lake/silver.ts';
import { factorSpans, readSplitsList } from '../../lake/splits-list.ts';
import { readSymbolHistory } from '../../lake/symbol-history-file.ts';
import { type Manifest, readConsolidated, readManifest } from '../consolidate/consolidation-state.ts';
import type { JobError, JobSummary, Progress } from '../job.ts';
import { type Basis, basisOf, nextCheckpoint } from './lake-state.ts';
import { monthsOf, writeMonths } from './months.ts';
import { type Prepared, prepare } from './prepare.ts';
import { type Findings, makeWindows, type ThreadOptions } from './windows.ts';

/** Share of the symbols whose damage is only reported; with more of them the job fails. */
const MOST_DAMAGED = 0.01;

export interface ResampleOptions {
  mode: 'full' | 'incremental';
  /** Sessions a bar. */
  intervals: readonly number[];
  runId: string;
  /** Folder for fetched files; a fresh one is made in it and removed. Default: the system's. */
  scratch?: string;
  /** Memory for windows; with less of it the bars are read more than once. */
  memoryLimitMb: number;
  /** For a full run of many bars; one thread without. */
  threads?: ThreadOptions;
  signal?: AbortSignal;
  progress?: Progress;
}

export interface ResampleSummary extends JobSummary {
  job: 'resample';
  intervals: number[];
  /** Windows rebuilt. */
  windows: number;
  /** Symbols whose whole history was rebuilt, because of a split, a change of company or an earlier damage; all of them in a full run. */
  wholeSymbols: number;
}

/**
 * Makes the split-adjusted bars of N sessions (docs/design.md, N-session bars) from what is consolidated: all of them,
 * or only the month files that can have changed. Order: month files, then the intervals' checkpoints; a run killed
 * anywhere is repaired by the next one, and an incremental run gives what a full one gives. A symbol whose history is
 * damaged keeps the rows it has, stands in `errors`, and is rebuilt by the first run that can read it.
 * @returns status `failed` when more than 1 % of the symbols are damaged
 * @throws Job.Failed when nothing is consolidated yet; Lake.Corrupt for unusable or lost splits;
 *   Job.Interrupted
 */
export async function resample(lake: Lake, options: ResampleOptions): Promise<ResampleSummary> {
  const started = performance.now();
  const [consolidated, manifest, splits, history] = await Promise.all([
    readConsolidated(lake),
    readManifest(lake),
    readSplitsList(lake),
    readSymbolHistory(lake),
  ]);
  if (!consolidated?.sessions || !manifest) {
    throw new NamedError('Job.Failed', {
      what: 'there is nothing to resample',
      found: `no ${consolidated ? keys.manifest : keys.consolidated}`,
      wanted: 'a consolidated lake',
      todo: 'Run `afterbell run consolidate` first.',
    });
  }
  const numbers = [...new Set(options.intervals)];
  const basis = basisOf(consolidated, manifest, splits, history);
  const prepared = await prepare(lake, numbers, options.mode, basis);
  try {
    return await work(lake, options, { prepared, basis, manifest, started });
  } catch (error) {
    // A month file that was to be kept is gone or damaged: everything is rebuilt instead.
    if (prepared.full || !isNamed(error, 'Lake.Corrupt')) throw error;
    return work(lake, options, { prepared: await prepare(lake, numbers, 'full', basis), basis, manifest, started });
  }
}

interface Work {
  prepared: Prepared;
  basis: Basis;
  manifest: Manifest;
  started: number;
}

async function work(lake: Lake, options: ResampleOptions, { prepared, basis, manifest, started }: Work) {
  const { signal, progress, memoryLimitMb } = options;
  const { state, inForce, changes, splits, splitsList, companies, pending } = basis;
  const findings: Findings = { damaged: new Map(), broken: new Map(), damagedSessions: new Map(), filesMerged: 0 };
  let filesWritten = 0;
  let done = 0;
  const scratch = await mkdtemp(join(options.scratch ?? tmpdir(), 'resample-'));
  try {
    const found = makeWindows(
      {
        lake,
        prepared,
        state,
        symbols: [...manifest.keys()].sort(),
        barsOf: (symbol) => manifest.get(symbol)!.rows,
        factors: new Map([...inForce].map(([symbol, list]) => [symbol, factorSpans(list, changes.get(symbol))])),
        companyChanges: changes,
        memoryLimitMb,
        scratch,
        threads: options.threads,
        signal,
      },
      findings,
    );
    for await (const pass of found) {
      const total = done + monthsOf(pass, prepared).length;
      const wrote = (changed: boolean) => {
        if (changed) filesWritten++;
        if (++done % 200 === 0 || done === total) progress?.({ job: 'resample', done, total });
      };
      await writeMonths(lake, pass, { prepared, findings, signal, wrote });
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  // Pending until it is done, whether or not the manifest lists it yet.
  const failed = new Set([...pending, ...findings.damaged.keys()]);
  for (const { plan, rows } of prepared.intervals) {
    stopIfAsked(signal);
    const next = nextCheckpoint(plan.interval, rows, state, manifest, { splits, splitsList, companies, failed });
    if (await writeSilverCheckpoint(lake, next)) filesWritten++;
  }
  return summary(options, { prepared, findings, manifest, filesWritten, started });
}

function summary(
  { runId, mode }: ResampleOptions,
  {
    prepared,
    findings,
    manifest,
    filesWritten,
    started,
  }: Omit<Work, 'basis'> & { findings: Findings; filesWritten: number },
): ResampleSummary {
  const { intervals, full, whole, notes } = prepared;
  const { damaged, broken, damagedSessions, filesMerged } = findings;
  const error = (name: string, symbol: string | null, message: string): JobError => ({ name, symbol, message });
  return {
    job: 'resample',
    runId,
    mode,
    status: damaged.size > manifest.size * MOST_DAMAGED ? 'failed' : 'success',
    intervals: intervals.map(({ plan }) => plan.interval),
    symbols: manifest.size - damaged.size,
    rows: intervals.reduce((sum, { rows }) => sum + [...rows.values()].reduce((all, one) => all + one, 0), 0),
    windows: intervals.reduce((sum, { plan }) => sum + plan.windows.size, 0),
    wholeSymbols: full ? manifest.size : whole.size,
    filesWritten,
    filesMerged,
    errors: [
      ...[...damagedSessions].map(([, fault]) => error('Lake.Corrupt', null, fault)),
      ...[...damaged].map(([symbol, fault]) => error('Lake.Corrupt', symbol, fault)),
      ...[...broken].map(([symbol, fault]) => error('Data.Invalid', symbol, fault)),
    ],
    notes,
    seconds: (performance.now() - started) / 1000,
  };
}
