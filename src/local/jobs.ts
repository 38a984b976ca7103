import { randomUUID } from 'node:crypto';
import { childPath } from './child-path.ts';
import { type Attempt, runAttempt } from './job-attempt.ts';
import { arrayDetail, type JobDetail, type JobHead, jobDetail } from './job-detail.ts';
import { definitionName, SubmitJob, withParameters } from './job-request.ts';
import { openLineLog } from './line-log.ts';

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

/** AWS Batch on a laptop: every job is a child process, array jobs run two children at a time. */
export function startJobs({ definitions, jobProcess, env, logFile, killAfterSeconds = 10 }: JobsOptions): Jobs {
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
      attempts.push(await runAttempt({ ...spec, name: job.JobName, id: head.JobId }, log, signal));
      if (signal.aborted) throw named('AbortError', `Job ${job.JobName} was stopped`);
    } while (isRetried(attempts.at(-1)) && attempts.length < limit);
    return jobDetail(head, attempts, command);
  }

  async function runArray(job: SubmitJob, head: JobHead, size: number, signal: AbortSignal) {
    const indexes = Array.from({ length: size }, (_, index) => index).values();
    const children: JobDetail[] = [];
    const lane = async () => {
      for (const index of indexes) {
        const array = { AWS_BATCH_JOB_ARRAY_INDEX: String(index), AWS_BATCH_JOB_ARRAY_SIZE: String(size) };
        children[index] = await runJob(job, { ...head, JobId: `${head.JobId}:${index}` }, array, signal);
      }
    };
    for (const ended of await Promise.allSettled([lane(), lane()])) {
      if (ended.status === 'rejected') throw ended.reason;
    }
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
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'arguments'}: ${message}`);
    throw named('Batch.ClientException', `The job cannot be submitted: ${problems.join('; ')}`);
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
