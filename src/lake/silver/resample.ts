import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NamedError } from '../../errors.ts';
import { readConsolidated } from '../bronze/checkpoint.ts';
import { type Manifest, readManifest } from '../bronze/manifest.ts';
import { stopIfAsked } from '../in-flight.ts';
import type { JobSummary, Progress } from '../job-summary.ts';
import { keys } from '../keys.ts';
import type { Lake } from '../lake.ts';
import { aggregate } from './aggregate.ts';
import { type LakeState, lakeState } from './lake-state.ts';
import { writeMonth } from './month-file.ts';
import { type Interval, prepareInterval } from './prepare-interval.ts';
import { nextCheckpoint, writeSilverCheckpoint } from './silver-checkpoint.ts';
import { silverRoom } from './silver-columns.ts';

export interface ResampleOptions {
  mode: 'full' | 'incremental';
  /** Sessions a bar. */
  intervals: readonly number[];
  runId: string;
  /** Folder for spilled and fetched files; a fresh one is made in it and removed. Default: the system's. */
  scratch?: string;
  memoryLimitMb: number;
  threads?: number;
  signal?: AbortSignal;
  progress?: Progress;
}

export interface ResampleSummary extends JobSummary {
  job: 'resample';
  intervals: number[];
  /** Windows made anew. */
  windows: number;
}

/**
 * Makes the bars of N sessions (DESIGN decisions 10 and 15) from what is consolidated: all of them, or only the month
 * files that can have changed. Order: month files, then the interval's checkpoint; a run killed anywhere is repaired
 * by the next one, and an incremental run gives what a full one gives.
 * @throws Job.Failed when nothing is consolidated yet or DuckDB fails; Job.Interrupted
 */
export async function resample(lake: Lake, options: ResampleOptions): Promise<ResampleSummary> {
  const started = performance.now();
  const [consolidated, manifest] = await Promise.all([readConsolidated(lake), readManifest(lake)]);
  if (!consolidated?.sessions || !manifest) {
    throw new NamedError('Job.Failed', {
      what: 'there is nothing to resample',
      found: `no ${consolidated ? keys.manifest : keys.consolidated}`,
      wanted: 'a consolidated lake',
      todo: 'Run `afterbell run consolidate` first.',
    });
  }
  const state = lakeState(consolidated);
  const intervals = await Promise.all(
    [...new Set(options.intervals)].map((n) => prepareInterval(lake, n, options.mode, state)),
  );
  const counts = { filesWritten: 0, filesMerged: 0 };
  const parent = options.scratch ?? tmpdir();
  const scratch = await mkdtemp(join(parent, 'resample-'));
  try {
    await makeMonths(lake, options, { intervals, state, manifest, scratch, counts });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  for (const { plan, rows } of intervals) {
    stopIfAsked(options.signal);
    await lake.remove(plan.stale.map((month) => keys.silver(plan.interval, month)));
    if (await writeSilverCheckpoint(lake, nextCheckpoint(plan.interval, rows, state, manifest))) counts.filesWritten++;
  }
  return {
    job: 'resample',
    runId: options.runId,
    mode: options.mode,
    status: 'success',
    intervals: intervals.map(({ plan }) => plan.interval),
    symbols: manifest.size,
    rows: intervals.reduce((sum, { rows }) => sum + [...rows.values()].reduce((all, one) => all + one, 0), 0),
    windows: intervals.reduce((sum, { plan }) => sum + plan.windows.size, 0),
    ...counts,
    errors: [],
    seconds: (performance.now() - started) / 1000,
  };
}

interface Work {
  intervals: Interval[];
  state: LakeState;
  manifest: Manifest;
  scratch: string;
  counts: { filesWritten: number; filesMerged: number };
}

async function makeMonths(lake: Lake, options: ResampleOptions, work: Work): Promise<void> {
  const { intervals, counts } = work;
  const { sessions, histories, fromHistory } = inputs(work);
  const [sessionFiles, historyFiles] = [
    await lake.localise(sessions.map(keys.session), work.scratch),
    await lake.localise(histories.map(keys.symbol), work.scratch),
  ];
  counts.filesMerged += sessionFiles.length + historyFiles.length;
  const total = intervals.reduce((sum, { plan }) => sum + plan.months.size, 0);
  const byInterval = new Map(intervals.map((interval) => [interval.plan.interval, interval]));
  let done = 0;
  const write = async ({ plan, rows }: Interval, month: string, fresh = silverRoom(0, [])) => {
    stopIfAsked(options.signal);
    const result = await writeMonth(lake, plan, month, fresh);
    if (result.written) counts.filesWritten++;
    if (result.rows > 0) rows.set(month, result.rows);
    else rows.delete(month);
    done++;
    if (done % 200 === 0 || done === total) options.progress?.({ job: 'resample', done, total });
  };
  const left = new Map(intervals.map(({ plan }) => [plan.interval, new Set(plan.months.keys())]));
  const { memoryLimitMb, threads = 2, signal } = options;
  const plans = intervals.map(({ plan }) => plan);
  const found = aggregate({
    plans,
    sessionFiles,
    historyFiles,
    fromHistory,
    memoryLimitMb,
    threads,
    scratch: work.scratch,
    signal,
  });
  for await (const { interval, month, rows } of found) {
    await write(byInterval.get(interval)!, month, rows);
    left.get(interval)!.delete(month);
  }
  // Months whose planned windows have no bars any more.
  for (const interval of intervals) for (const month of left.get(interval.plan.interval)!) await write(interval, month);
}

/** A full run reads histories only; an incremental one the session files of its windows, and histories where they know more. */
function inputs({ intervals, state, manifest }: Work) {
  const dates = new Set(intervals.flatMap(({ plan }) => [...plan.windows.values()].flatMap((window) => window.dates)));
  const full = intervals.some(({ plan }) => plan.full && plan.windows.size > 0);
  const fromHistory = (date: string) => full || state.outside.has(date);
  const needsHistory = [...dates].some(fromHistory);
  return {
    sessions: [...dates].filter((date) => !fromHistory(date)).sort(),
    histories: needsHistory ? [...manifest.keys()].sort() : [],
    fromHistory,
  };
}
