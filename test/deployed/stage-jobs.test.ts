import { BatchClient, DescribeJobsCommand, SubmitJobCommand } from '@aws-sdk/client-batch';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { type JobByHand, runStageJob } from '../../src/deployed/stage.ts';

const batch = mockClient(BatchClient);
// Stubs of a class stay for the files that share the process.
afterAll(() => {
  batch.restore();
});
beforeEach(() => {
  batch.reset();
  batch.on(SubmitJobCommand).resolves({ jobId: 'job-1' });
});
const run = (more: Partial<JobByHand> = {}) =>
  runStageJob(
    'dev',
    { image: 'consolidator', jobName: 'vacuum', command: ['vacuum'], environment: { RUN_ID: 'r' }, pollMs: 1, ...more },
    batch as never,
  );

test('a job goes to the stage’s queue with its definition unversioned, and is waited for', async () => {
  const told: string[] = [];
  batch
    .on(DescribeJobsCommand)
    .resolvesOnce({ jobs: [{ status: 'RUNNABLE' } as never] })
    .resolvesOnce({ jobs: [{ status: 'RUNNING' } as never] })
    .resolvesOnce({ jobs: [{ status: 'RUNNING' } as never] })
    .resolves({ jobs: [{ status: 'SUCCEEDED' } as never] });
  expect(await run({ onStatus: (status) => told.push(status) })).toEqual({ jobId: 'job-1' });
  expect(told).toEqual(['RUNNABLE', 'RUNNING', 'SUCCEEDED']);
  expect(batch.commandCalls(SubmitJobCommand)[0]!.args[0].input).toEqual({
    jobName: 'vacuum',
    jobQueue: 'afterbell-dev-jobs',
    jobDefinition: 'afterbell-dev-consolidator',
    containerOverrides: { command: ['vacuum'], environment: [{ name: 'RUN_ID', value: 'r' }] },
  });
});

test('a failure names the container’s own reason and exit code', async () => {
  const attempts = [{ container: { exitCode: 137, reason: 'OutOfMemoryError: container killed' } }];
  const job = { status: 'FAILED', statusReason: 'Essential container in task exited', attempts };
  batch.on(DescribeJobsCommand).resolves({ jobs: [job as never] });
  await expect(run()).rejects.toMatchObject({
    name: 'Job.Failed',
    message: expect.stringMatching(
      /exit code 137; OutOfMemoryError: container killed[\s\S]*logs consolidator --stage dev/,
    ),
  });
});

test('an interruption leaves the job running and says how to end it', async () => {
  const stop = new AbortController();
  batch.on(DescribeJobsCommand).callsFake(async () => {
    stop.abort();
    return { jobs: [{ status: 'RUNNING' } as never] };
  });
  await expect(run({ signal: stop.signal, pollMs: 60_000 })).rejects.toThrow(/terminate-job --job-id job-1/);
});
