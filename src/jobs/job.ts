import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Config, loadConfig } from '../config.ts';
import { NamedError } from '../errors.ts';
import { jsonBytes, keys, type Lake } from '../lake/lake.ts';
import { countedLake, type Requests } from '../lake/lake-requests.ts';
import { openLake } from '../lake/open-lake.ts';
import type { LakeCall } from '../lake/watched-lake.ts';
import { counted } from '../text.ts';

/** EX_TEMPFAIL: the one exit code that Batch tries again. */
const INTERRUPTED = 75;

export interface JobContext {
  lake: Lake;
  config: Config;
  runId: string;
  /** Aborted by SIGTERM, which Batch and a spot reclaim send. */
  signal: AbortSignal;
  progress: Progress;
}

/** The process a job runs in, as far as it uses it; `process` itself is one. */
export interface JobHost {
  argv: string[];
  env: NodeJS.ProcessEnv;
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  exitCode?: NodeJS.Process['exitCode'];
  on(event: 'SIGTERM', act: () => void): unknown;
  off(event: 'SIGTERM', act: () => void): unknown;
}

/**
 * Runs a batch job as a program: settings from the environment, progress on stderr (LOG_LEVEL INFO; with DEBUG every
 * call to the lake too), the summary as one line on stdout and in the lake. Ends with exit code 0, 75 after SIGTERM, or
 * 1 with `{"name","message"}` as stderr's last line.
 */
export async function runJob(
  job: string,
  host: JobHost,
  work: (context: JobContext) => Promise<JobSummary>,
): Promise<void> {
  const stop = new AbortController();
  const onTerm = () => stop.abort();
  host.on('SIGTERM', onTerm);
  let runId = 'by-hand';
  try {
    const config = loadConfig(host.env);
    runId = config.RUN_ID ?? runId;
    const say = (line: object) => void host.stderr.write(`${JSON.stringify({ ...line, runId })}\n`);
    const uri = config.LAKE_URI ?? pathToFileURL(resolve(config.AFTERBELL_HOME, 'lake')).href;
    const opened = openLake(uri, { durable: config.LAKE_FSYNC === 'on' });
    const isDebug = config.LOG_LEVEL === 'DEBUG';
    const watch = isDebug ? (call: LakeCall) => say({ level: 'DEBUG', message: 'lake', job, ...call }) : undefined;
    const { lake, requests } = countedLake(opened, watch);
    const progress: Progress = isDebug || config.LOG_LEVEL === 'INFO' ? say : () => undefined;
    const summary = {
      ...(await work({ lake, config, runId, signal: stop.signal, progress })),
      requests: { ...requests },
    };
    if (!summary.dryRun) await lake.write(keys.jobResult(nameOf(job, summary)), jsonBytes(summary));
    host.stdout.write(`${JSON.stringify(summary)}\n`);
    if (summary.status === 'failed') throw failure(summary);
  } catch (error) {
    const { name, message } = error as Error;
    host.stderr.write(`${JSON.stringify({ name, message })}\n`);
    host.exitCode = name === 'Job.Interrupted' ? INTERRUPTED : 1;
  } finally {
    host.off('SIGTERM', onTerm);
  }
}

/** A shard's figures lie beside those of the whole run. */
function nameOf(job: string, { shard }: JobSummary): string {
  return shard ? `${job}-${shard.index}-of-${shard.size}` : job;
}

/** Everything that could be done is done; this says what was not. */
function failure(summary: JobSummary): NamedError {
  const { job, errors, symbols } = summary;
  const first = errors[0]!;
  return new NamedError('Job.Failed', {
    what: `${job} left out ${counted(errors.length, 'damaged input')}; ${counted(symbols, 'symbol')} done`,
    found: `${first.symbol === null ? '' : `${first.symbol}: `}${first.name}: ${first.message}`,
    wanted: 'sound inputs',
    todo: `All of them stand in ${keys.jobResult(nameOf(job, summary))}; the next run tries them again.`,
  });
}

/** One thing a job could not do; `symbol` is null when it concerns more than one. */
export interface JobError {
  name: string;
  symbol: string | null;
  message: string;
}

/** What every batch job says in the end: one line on stdout, the same in the lake (keys.jobResult). */
export interface JobSummary {
  job: string;
  runId: string;
  mode: string;
  status: 'success' | 'failed';
  /** Symbols worked on. */
  symbols: number;
  /** Rows the lake holds of what the job makes. */
  rows: number;
  filesWritten: number;
  /** Input files read. */
  filesMerged: number;
  errors: JobError[];
  /** Notes for the reader of the night's report on a good run. */
  notes?: string[];
  seconds: number;
  /** What it asked of the lake; set when it is written down. */
  requests?: Requests;
  /** Set by one job of several that share a run: these are its own figures. */
  shard?: { index: number; size: number };
  /** Set when the job only said what it would do; then nothing is left in the lake. */
  dryRun?: boolean;
}

export type Progress = (line: { job: string; done: number; total: number }) => void;

/** One of several jobs that share a run. */
export interface Shard {
  index: number;
  size: number;
  /** Names the submission that all its shards have in common, and no other. */
  submission: string;
}

/** Whether a symbol is this shard's: by the first 32 bits of its SHA-256, so it stays where it is for good. */
export function isOfShard(symbol: string, { index, size }: Pick<Shard, 'index' | 'size'>): boolean {
  return size === 1 || createHash('sha256').update(symbol).digest().readUInt32BE(0) % size === index;
}

interface ArrayJob {
  AWS_BATCH_JOB_ARRAY_INDEX?: number;
  AWS_BATCH_JOB_ARRAY_SIZE?: number;
  AWS_BATCH_JOB_ID?: string;
}

/**
 * The shard that Batch gives a child of an array job; undefined outside of one. Batch names children `id:index`, which
 * attempts of the same child share.
 * @throws Config.Invalid for an index without a size, or beyond it
 */
export function shardOf(config: ArrayJob, runId: string): Shard | undefined {
  const { AWS_BATCH_JOB_ARRAY_INDEX: index, AWS_BATCH_JOB_ARRAY_SIZE: size, AWS_BATCH_JOB_ID: job } = config;
  if (index === undefined) return undefined;
  if (size === undefined || index >= size) {
    throw new NamedError('Config.Invalid', {
      what: 'this is no shard of an array job',
      found: `AWS_BATCH_JOB_ARRAY_INDEX=${index}, AWS_BATCH_JOB_ARRAY_SIZE=${size ?? ''}`,
      wanted: 'an index below the size',
    });
  }
  return { index, size, submission: `${runId} ${job?.replace(/:\d+$/, '') ?? ''}` };
}

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

/**
 * `failed` when something concerns more than one symbol, or too many symbols in a hundred could not be done. Single
 * damaged symbols are reported, and tried again by every run.
 */
export function statusOf(errors: readonly JobError[], done: number, maxFailedPercent: number): 'success' | 'failed' {
  if (errors.some(({ symbol }) => symbol === null)) return 'failed';
  const failed = new Set(errors.map(({ symbol }) => symbol)).size;
  return failed > ((done + failed) * maxFailedPercent) / 100 ? 'failed' : 'success';
}
