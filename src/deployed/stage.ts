import { setTimeout as pause } from 'node:timers/promises';
import { BatchClient, DescribeJobsCommand, type JobDetail, SubmitJobCommand } from '@aws-sdk/client-batch';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DescribeExecutionCommand,
  type DescribeExecutionOutput,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { type Config, loadConfig, preferRegion } from '../config.ts';
import { NamedError } from '../errors.ts';
import type { ExecutionEnd, ExecutionEvent } from '../local/states/events.ts';
import { openStores, type Stores } from '../stores.ts';
import { executionLink } from '../text.ts';
import { History } from './history.ts';
import { stageRegion } from './tfvars.ts';

const NAME = /^[a-z][a-z0-9-]{0,19}$/;
/** Asked often at first, for much is done in a second; then every so often. */
const POLL_MS = { first: 250, most: 2000 };

/** A deployed pipeline, driven from here: what Terraform made is asked for, never guessed. */
export interface Stage {
  stage: string;
  region: string;
  account: string;
  /** The functions' own settings, as deployed. */
  config: Config;
  stores: Stores;
  /** Starts an execution and follows it to its end; an interruption leaves it running. */
  run(machine: string, input: object, options: FollowOptions): Promise<ExecutionEnd & { runId: string }>;
}

export interface FollowOptions {
  /** First words of the execution's name. */
  name: string;
  onEvent?: (event: ExecutionEvent) => void;
  /** Told once, when the execution has started. */
  onStarted?: (started: { executionArn: string; console: string }) => void;
  signal?: AbortSignal;
  pollMs?: number;
}

export interface StageClients {
  lambda: Pick<LambdaClient, 'send'>;
  sfn: Pick<SFNClient, 'send'>;
}

/** Region of a `--stage` command: what is set for AWS, in the environment or the profile; else where a checkout deploys it. */
export async function findRegion(stage: string, root: string): Promise<void> {
  preferRegion();
  const set = await new LambdaClient({}).config.region().catch(() => undefined);
  if (set === undefined) preferRegion(stageRegion(root, stage));
}

/**
 * Finds a deployed stage by the one thing that knows all its names: the environment of its `open-night` function.
 * @throws Usage.Invalid for a stage that is not there; Config.Invalid for credentials that are missing or expired
 */
export async function openStage(
  stage: string,
  clients: StageClients = { lambda: new LambdaClient({}), sfn: new SFNClient({}) },
): Promise<Stage> {
  if (!NAME.test(stage)) {
    throw new NamedError('Usage.Invalid', { what: `--stage ${stage} is no stage's name`, wanted: 'dev, prod, …' });
  }
  const name = `afterbell-${stage}-open-night`;
  const deployed = await clients.lambda
    .send(new GetFunctionConfigurationCommand({ FunctionName: name }))
    .catch((error: Error) => {
      throw refusal(error, stage, name);
    });
  const [, , , region = '', account = ''] = (deployed.FunctionArn ?? '').split(':');
  const config = loadConfig(deployed.Environment?.Variables ?? {});
  return {
    stage,
    region,
    account,
    config,
    stores: openStores(config),
    run: (machine, input, options) => {
      const arn = `arn:aws:states:${region}:${account}:stateMachine:afterbell-${stage}-${machine}`;
      return follow(clients.sfn, arn, input, options);
    },
  };
}

async function follow(
  sfn: StageClients['sfn'],
  stateMachineArn: string,
  input: object,
  { name, onEvent, onStarted, signal, pollMs = POLL_MS.most }: FollowOptions,
): Promise<ExecutionEnd & { runId: string }> {
  const runId = `${name}-${new Date().toISOString().replace(/[-:]|\.\d+Z$/g, '')}`;
  const start = new StartExecutionCommand({ stateMachineArn, name: runId, input: JSON.stringify(input) });
  const { executionArn } = await sfn.send(start);
  onStarted?.({ executionArn: executionArn!, console: executionLink(executionArn!) });
  const events = newEvents(sfn, executionArn!);
  const history = new History();
  for (let wait = POLL_MS.first; ; wait *= 2) {
    // Asked before the history is read: what ended after this question is still read below.
    const now = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    for await (const event of events()) {
      const read = history.read(event);
      if (read) onEvent?.(read);
    }
    if (now.status !== 'RUNNING' && now.status !== 'PENDING_REDRIVE') return { ...resultOf(now), runId };
    await pause(Math.min(wait, pollMs), undefined, { signal }).catch(() => undefined);
    if (signal?.aborted) throw leftRunning(runId, executionArn!);
  }
}

/** Each call answers the events since the call before; full pages are not read again. */
function newEvents(sfn: StageClients['sfn'], executionArn: string): () => AsyncGenerator<HistoryEvent> {
  let nextToken: string | undefined;
  let seen = 0;
  return async function* () {
    for (;;) {
      const page = await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000, nextToken }));
      for (const event of page.events ?? []) {
        if ((event.id ?? 0) <= seen) continue;
        seen = event.id ?? seen;
        yield event;
      }
      if (!page.nextToken) return;
      nextToken = page.nextToken;
    }
  };
}

function resultOf(ended: DescribeExecutionOutput): ExecutionEnd {
  const { status, output, error, cause, startDate = new Date(), stopDate = new Date() } = ended;
  return {
    status: status as ExecutionEnd['status'],
    ...(output === undefined ? {} : { output: JSON.parse(output) }),
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
    startedAt: startDate.toISOString(),
    stoppedAt: stopDate.toISOString(),
  };
}

function leftRunning(runId: string, executionArn: string): NamedError {
  return new NamedError('Job.Interrupted', {
    what: `following ${runId} was interrupted; the execution goes on`,
    todo: `To stop it: aws stepfunctions stop-execution --execution-arn ${executionArn}`,
  });
}

/** What keeps us from a stage, with what to do about it. */
function refusal(error: Error, stage: string, name: string): Error {
  if (error.name === 'ResourceNotFoundException') {
    return new NamedError('Usage.Invalid', {
      what: `there is no stage ${stage} in this account and region`,
      found: `no function ${name}`,
      todo: `Deploy it with \`make deploy STAGE=${stage}\` in a clone of afterbell, or name the right AWS_PROFILE and AWS_REGION.`,
    });
  }
  const expired = ['ExpiredTokenException', 'ExpiredToken', 'UnrecognizedClientException', 'InvalidClientTokenId'];
  if (expired.includes(error.name) || error.name === 'CredentialsProviderError') {
    return new NamedError('Config.Invalid', {
      what: 'AWS does not take these credentials',
      found: `${error.name}: ${error.message}`,
      todo: 'Sign in again (`aws sso login`) or set AWS_PROFILE.',
    });
  }
  if (/region/i.test(error.message) && error.message.includes('missing')) {
    return new NamedError('Config.Invalid', {
      what: 'no AWS region is set',
      found: `none in AWS_REGION, AWS_DEFAULT_REGION or the profile, and no terraform/environments/${stage}.tfvars`,
      todo: 'Set AWS_REGION to the region that the stage is deployed in.',
    });
  }
  return error;
}

const JOB_POLL_MS = { first: 500, most: 5000 };

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
  { image, jobName, command, environment, onStatus, signal, pollMs = JOB_POLL_MS.most }: JobByHand,
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
  for (let wait = JOB_POLL_MS.first; ; wait *= 2) {
    const { jobs = [] } = await client.send(new DescribeJobsCommand({ jobs: [jobId] }));
    const [job] = jobs;
    const status = job?.status ?? 'UNKNOWN';
    if (status !== before) onStatus?.(status, job?.statusReason ?? '');
    before = status;
    if (status === 'SUCCEEDED') return { jobId };
    if (status === 'FAILED') throw failure(`npx afterbell logs ${image} --stage ${stage}`, jobName, job!);
    if (signal?.aborted) throw jobLeftRunning(jobName, jobId);
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

function jobLeftRunning(jobName: string, jobId: string): NamedError {
  return new NamedError('Job.Interrupted', {
    what: `waiting for ${jobName} was interrupted; the job goes on`,
    todo: `To stop it: aws batch terminate-job --job-id ${jobId} --reason "by hand"`,
  });
}
