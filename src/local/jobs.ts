import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import * as z from 'zod';
import { inFlight } from '../concurrency.ts';
import { schemaProblems } from '../errors.ts';
import { childPath } from './functions.ts';
import { lastStep } from './last-steps.ts';
import { eachLine, type LineLog, openLineLog } from './line-log.ts';
import { requireStarted } from './open-files.ts';

/** EX_TEMPFAIL: the one exit code the job definitions retry. */
const RETRIED_EXIT_CODE = 75;

export interface JobDefinition {
  /** Bundled entry program (.mjs). */
  program: string;
  /** Used when the submission has no Command; may hold `Ref::name` words. */
  command?: string[];
  /** Attempts in total for exit code 75; 3 by default. */
  attempts?: number;
}

export interface JobsOptions {
  definitions: Record<string, JobDefinition>;
  /** The bundled job-process program. */
  jobProcess: string;
  /** The jobs' whole environment, but for PATH, the submission's own and Batch's AWS_BATCH_… names. */
  env: Record<string, string>;
  /** JSONL file their output is appended to. */
  logFile: string;
  /** Seconds a stopped job has between SIGTERM and SIGKILL; 10 by default. */
  killAfterSeconds?: number;
  /** Runs one attempt of a job. */
  attempt?: typeof runAttempt;
}

export interface Jobs {
  /**
   * Runs a job to its end, as the integration `batch:submitJob.sync` does.
   * @param args Step Functions' PascalCase arguments
   * @throws Error named `States.TaskFailed` whose message is the failed JobDetail as JSON; named
   *   `Batch.ClientException` for a submission Batch would refuse; AbortError after `signal`, when the job is gone
   */
  submitJob(args: unknown, options?: { signal?: AbortSignal }): Promise<JobDetail>;
  /** Stops what runs (SIGTERM, later SIGKILL) and waits for it. */
  close(): Promise<void>;
}

/** Children of an array job at a time. */
const CHILDREN_AT_ONCE = 2;

/** AWS Batch on a laptop: every job is a child process. */
export function startJobs(options: JobsOptions): Jobs {
  const { definitions, jobProcess, env, logFile, killAfterSeconds = 10, attempt = runAttempt } = options;
  const log = openLineLog(logFile);
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();

  /** One job, or one child of an array job, with its retries. */
  async function runJob(job: SubmitJob, head: JobHead, array: Record<string, string>, signal: AbortSignal) {
    const definition = definitions[definitionName(job.JobDefinition)] as JobDefinition;
    const overrides = job.ContainerOverrides;
    const command = withParameters(overrides?.Command ?? definition.command ?? [], job.Parameters);
    const limit = job.RetryStrategy?.Attempts ?? definition.attempts ?? 3;
    const attempts: Attempt[] = [];
    do {
      const environment = {
        PATH: childPath(),
        ...env,
        ...Object.fromEntries((overrides?.Environment ?? []).map(({ Name, Value }) => [Name, Value])),
        ...array,
        MANAGED_BY_AWS: 'STARTED_BY_STEP_FUNCTIONS',
        AWS_BATCH_JOB_ID: head.JobId,
        AWS_BATCH_JOB_ATTEMPT: String(attempts.length + 1),
        AWS_BATCH_JQ_NAME: job.JobQueue.split('/').at(-1) ?? job.JobQueue,
      };
      const timeoutSeconds = job.Timeout?.AttemptDurationSeconds;
      const spec = {
        jobProcess,
        program: definition.program,
        command,
        env: environment,
        timeoutSeconds,
        killAfterSeconds,
      };
      attempts.push(await attempt({ ...spec, name: job.JobName, id: head.JobId }, log, signal));
      if (signal.aborted) throw named('AbortError', `Job ${job.JobName} was stopped`);
    } while (isRetried(attempts.at(-1)) && attempts.length < limit);
    return jobDetail(head, attempts, command);
  }

  async function runArray(job: SubmitJob, head: JobHead, size: number, signal: AbortSignal) {
    const children = new Array<JobDetail>(size);
    await inFlight(children.keys(), CHILDREN_AT_ONCE, async (index) => {
      const array = { AWS_BATCH_JOB_ARRAY_INDEX: String(index), AWS_BATCH_JOB_ARRAY_SIZE: String(size) };
      children[index] = await runJob(job, { ...head, JobId: `${head.JobId}:${index}` }, array, signal);
    });
    return arrayDetail(head, children);
  }

  async function submit(args: unknown, signal: AbortSignal): Promise<JobDetail> {
    const job = checked(args, definitions);
    const head: JobHead = {
      JobId: randomUUID(),
      JobName: job.JobName,
      JobDefinition: job.JobDefinition,
      JobQueue: job.JobQueue,
      CreatedAt: Date.now(),
    };
    if (signal.aborted) throw named('AbortError', `Job ${job.JobName} was stopped`);
    const size = job.ArrayProperties?.Size;
    const detail = await (size === undefined ? runJob(job, head, {}, signal) : runArray(job, head, size, signal));
    if (detail.Status === 'FAILED') throw named('States.TaskFailed', JSON.stringify(detail));
    return detail;
  }

  return {
    submitJob(args, { signal } = {}) {
      const either = signal ? AbortSignal.any([signal, closing.signal]) : closing.signal;
      const work = submit(args, either);
      running.add(work);
      return work.finally(() => running.delete(work));
    },
    async close() {
      closing.abort();
      await Promise.allSettled(running);
      // Lost lines change nothing of how the work ended.
      await log.close().catch(() => undefined);
    },
  };
}

function isRetried(attempt: Attempt | undefined): boolean {
  return attempt?.exitCode === RETRIED_EXIT_CODE && !attempt.timedOut;
}

function checked(args: unknown, definitions: Record<string, JobDefinition>): SubmitJob {
  const parsed = SubmitJob.safeParse(args);
  if (!parsed.success) {
    const problems = schemaProblems(parsed.error, 'arguments').join('; ');
    throw named('Batch.ClientException', `The job cannot be submitted: ${problems}`);
  }
  if (Object.hasOwn(definitions, definitionName(parsed.data.JobDefinition))) return parsed.data;
  throw named(
    'Batch.ClientException',
    `JobDefinition ${parsed.data.JobDefinition} does not exist; there are ${Object.keys(definitions).join(', ')}`,
  );
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

const REASON_LINES = 3;

export interface Attempt {
  exitCode: number;
  /** The last lines of stderr, when the exit code was not 0 and there were any. */
  reason: string | undefined;
  /** True when the attempt ran into its own time limit. */
  timedOut: boolean;
  /** Epoch milliseconds. */
  startedAt: number;
  stoppedAt: number;
}

export interface AttemptSpec {
  jobProcess: string;
  program: string;
  command: string[];
  env: Record<string, string>;
  timeoutSeconds: number | undefined;
  /** From SIGTERM to SIGKILL. */
  killAfterSeconds: number;
  name: string;
  id: string;
}

/**
 * Runs a job's program once, to its end. `signal` and the time limit send SIGTERM, and SIGKILL
 * `killAfterSeconds` later; either way the process is gone and its output logged when this resolves.
 */
export async function runAttempt(spec: AttemptSpec, log: LineLog, signal: AbortSignal | undefined): Promise<Attempt> {
  const { jobProcess, program, command, env, timeoutSeconds, killAfterSeconds, name, id } = spec;
  const startedAt = Date.now();
  const child = spawn(process.execPath, ['--enable-source-maps', jobProcess, program, ...command], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  requireStarted(child);
  const killed = lastStep(() => child.kill('SIGKILL'));
  const timers: NodeJS.Timeout[] = [];
  const stop = () => {
    child.kill('SIGTERM');
    timers.push(setTimeout(() => child.kill('SIGKILL'), killAfterSeconds * 1000));
  };
  let timedOut = false;
  if (timeoutSeconds !== undefined) {
    timers.push(
      setTimeout(() => {
        timedOut = true;
        stop();
      }, timeoutSeconds * 1000),
    );
  }
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const reason = lastWords();
  const reading = (['stdout', 'stderr'] as const).map((stream) =>
    eachLine(child[stream] as Readable, (line) => {
      log.write({ name, id, stream }, line);
      if (stream === 'stderr') reason.add(line);
    }),
  );
  let exitCode: number;
  try {
    exitCode = await exitCodeOf(child);
    await Promise.all(reading);
  } finally {
    killed();
    signal?.removeEventListener('abort', stop);
    for (const timer of timers) clearTimeout(timer);
  }
  return { exitCode, reason: reason.of(exitCode), timedOut, startedAt, stoppedAt: Date.now() };
}

/** Gathers what an attempt wrote to stderr, for its reason. */
export function lastWords(): { add(line: string): void; of(exitCode: number): string | undefined } {
  const telling: string[] = [];
  return {
    add(line) {
      if (isTelling(line)) telling.push(line);
      if (telling.length > REASON_LINES) telling.shift();
    },
    of: (exitCode) => (exitCode === 0 || telling.length === 0 ? undefined : telling.join('\n')),
  };
}

/** Stack frames and Node.js' closing version line say nothing of the cause. */
function isTelling(line: string): boolean {
  return line.trim() !== '' && !/^\s+at /.test(line) && !/^Node\.js v\d/.test(line);
}

const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = {
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

/** A shell's and Docker's convention: 128 plus the signal's number. */
function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + ((signal && SIGNAL_NUMBERS[signal]) ?? 0)));
  });
}

/** The part of AWS Batch's JobDetail that is true on a laptop, in Step Functions' PascalCase. */
export interface JobDetail {
  JobId: string;
  JobName: string;
  JobDefinition: string;
  JobQueue: string;
  Status: 'SUCCEEDED' | 'FAILED';
  StatusReason: string;
  /** Epoch milliseconds. */
  CreatedAt: number;
  StartedAt: number;
  StoppedAt: number;
  Attempts: AttemptDetail[];
  Container?: ContainerDetail;
  ArrayProperties?: { Size: number; StatusSummary: { SUCCEEDED: number; FAILED: number } };
}

interface AttemptDetail {
  Container: ContainerDetail;
  StartedAt: number;
  StoppedAt: number;
  StatusReason: string;
}

interface ContainerDetail {
  ExitCode: number;
  Reason?: string;
  Command?: string[];
}

export type JobHead = Pick<JobDetail, 'JobId' | 'JobName' | 'JobDefinition' | 'JobQueue' | 'CreatedAt'>;

const EXITED = 'Essential container in task exited';

/** The detail of a job (or of one child of an array job) after its last attempt. `attempts` is not empty. */
export function jobDetail(head: JobHead, attempts: Attempt[], command: string[]): JobDetail {
  const details = attempts.map(({ exitCode, reason, timedOut, startedAt, stoppedAt }) => ({
    Container: { ExitCode: exitCode, ...(reason !== undefined && { Reason: reason }) },
    StartedAt: startedAt,
    StoppedAt: stoppedAt,
    StatusReason: timedOut ? 'Job attempt duration exceeded timeout' : EXITED,
  }));
  const last = details.at(-1) as AttemptDetail;
  return {
    ...head,
    Status: last.Container.ExitCode === 0 ? 'SUCCEEDED' : 'FAILED',
    StatusReason: last.StatusReason,
    StartedAt: details[0]?.StartedAt ?? last.StartedAt,
    StoppedAt: last.StoppedAt,
    Attempts: details,
    Container: { ...last.Container, Command: command },
  };
}

/** The detail of an array job: failed when any child failed; like AWS it names no child's reason. */
export function arrayDetail(head: JobHead, children: JobDetail[]): JobDetail {
  const failed = children.filter(({ Status }) => Status === 'FAILED').length;
  return {
    ...head,
    Status: failed === 0 ? 'SUCCEEDED' : 'FAILED',
    StatusReason: failed === 0 ? 'Array Child Job succeeded' : 'Array Child Job failed',
    StartedAt: Math.min(...children.map(({ StartedAt }) => StartedAt)),
    StoppedAt: Math.max(...children.map(({ StoppedAt }) => StoppedAt)),
    Attempts: [],
    ArrayProperties: {
      Size: children.length,
      StatusSummary: { SUCCEEDED: children.length - failed, FAILED: failed },
    },
  };
}

const Pairs = z.array(z.strictObject({ Name: z.string().min(1), Value: z.string() }));

/** Arguments of `batch:submitJob.sync` that mean something here; Tags and resource sizes are taken and ignored. */
export const SubmitJob = z.strictObject({
  JobName: z.string().regex(/^[A-Za-z0-9][\w-]{0,127}$/, 'up to 128 letters, numbers, hyphens and underscores'),
  JobDefinition: z.string().min(1),
  JobQueue: z.string().min(1),
  ContainerOverrides: z
    .strictObject({
      Command: z.array(z.string()).optional(),
      Environment: Pairs.refine((pairs) => !pairs.some(({ Name }) => Name.startsWith('AWS_BATCH')), {
        message: 'names beginning with AWS_BATCH are reserved',
      }).optional(),
      ResourceRequirements: z.array(z.unknown()).optional(),
    })
    .optional(),
  ArrayProperties: z.strictObject({ Size: z.number().int().min(2).max(10_000) }).optional(),
  Parameters: z.record(z.string(), z.string()).optional(),
  RetryStrategy: z.strictObject({ Attempts: z.number().int().min(1).max(10) }).optional(),
  Timeout: z.strictObject({ AttemptDurationSeconds: z.number().int().min(60) }).optional(),
  Tags: z.record(z.string(), z.string()).optional(),
  PropagateTags: z.boolean().optional(),
});
export type SubmitJob = z.infer<typeof SubmitJob>;

/**
 * The definition's name out of `name`, `name:3` or its ARN
 * (`arn:aws:batch:us-east-1:000000000000:job-definition/name:3`).
 */
export function definitionName(reference: string): string {
  return (reference.split('job-definition/').at(-1) ?? reference).replace(/:\d+$/, '');
}

/** Puts `Parameters` in place of `Ref::name` words of a command. A missing one stays as it stands, as on Batch. */
export function withParameters(command: string[], parameters: Record<string, string> | undefined): string[] {
  return command.map((word) => {
    const name = /^Ref::(.+)$/.exec(word)?.[1];
    return (name !== undefined && parameters?.[name]) || word;
  });
}
