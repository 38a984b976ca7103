import { setTimeout as pause } from 'node:timers/promises';
import { BatchClient, DescribeJobsCommand, type JobDetail, SubmitJobCommand } from '@aws-sdk/client-batch';
import { NamedError } from '../errors.ts';

const POLL_MS = { first: 500, most: 5000 };

export interface JobByHand {
  /** Folder of batch-images. */
  image: 'consolidator' | 'resampler';
  /** As the console shows it. */
  jobName: string;
  /** Arguments of the job's program. */
  command: readonly string[];
  environment: Readonly<Record<string, string>>;
  onStatus?: (status: string, reason: string) => void;
  signal?: AbortSignal;
  pollMs?: number;
}

/**
 * Submits one job to a stage's queue and waits for its end; an interruption leaves it running. The queue and the
 * definition are named as Terraform names them, the definition without its revision: the newest one runs.
 * @throws Job.Failed with the container's own reason; Job.Interrupted
 */
export async function runStageJob(
  stage: string,
  { image, jobName, command, environment, onStatus, signal, pollMs = POLL_MS.most }: JobByHand,
  client: Pick<BatchClient, 'send'> = new BatchClient({}),
): Promise<{ jobId: string }> {
  const submit = new SubmitJobCommand({
    jobName,
    jobQueue: `afterbell-${stage}-jobs`,
    jobDefinition: `afterbell-${stage}-${image}`,
    containerOverrides: {
      command: [...command],
      environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
    },
  });
  const { jobId = '' } = await client.send(submit);
  let before = '';
  for (let wait = POLL_MS.first; ; wait *= 2) {
    const { jobs = [] } = await client.send(new DescribeJobsCommand({ jobs: [jobId] }));
    const [job] = jobs;
    const status = job?.status ?? 'UNKNOWN';
    if (status !== before) onStatus?.(status, job?.statusReason ?? '');
    before = status;
    if (status === 'SUCCEEDED') return { jobId };
    if (status === 'FAILED') throw failure(`npx afterbell logs ${image} --stage ${stage}`, jobName, job!);
    if (signal?.aborted) throw leftRunning(jobName, jobId);
    await pause(Math.min(wait, pollMs), undefined, { signal }).catch(() => undefined);
  }
}

/** Batch's own reason often is "Essential container in task exited"; the attempt knows the exit code and more. */
function failure(words: string, jobName: string, { statusReason, attempts = [], container }: JobDetail): NamedError {
  const last = attempts.at(-1)?.container ?? container;
  const exit = last?.exitCode === undefined ? '' : `exit code ${last.exitCode}`;
  const found = [exit, last?.reason, statusReason].filter(Boolean).join('; ') || 'no reason given';
  const todo = `Its own words: ${words}`;
  return new NamedError('Job.Failed', { what: `the job ${jobName} failed`, found, todo });
}

function leftRunning(jobName: string, jobId: string): NamedError {
  return new NamedError('Job.Interrupted', {
    what: `waiting for ${jobName} was interrupted; the job goes on`,
    todo: `To stop it: aws batch terminate-job --job-id ${jobId} --reason "by hand"`,
  });
}
