import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { AwsFault, jsonRoute, type Routes } from '../../src/local/aws/protocol.ts';
import type { Jobs } from '../../src/local/jobs.ts';
import type { Deployed } from './deployed.ts';

const SubmitJob = z.object({
  jobName: z.string(),
  jobQueue: z.string(),
  jobDefinition: z.string(),
  containerOverrides: z.object({
    command: z.array(z.string()).default([]),
    environment: z.array(z.object({ name: z.string(), value: z.string() })).default([]),
  }),
});
const DescribeJobs = z.object({ jobs: z.array(z.string()) });

/** SubmitJob and DescribeJobs for a job by hand, on the deployed definitions. */
export function batchRoutes({ queues }: Pick<Deployed, 'queues'>, jobs: () => ReadonlyMap<string, Jobs>): Routes {
  const submitted = new Map<string, { jobId: string; jobName: string; status: string; statusReason?: string }>();
  return {
    'POST /v1/submitjob': jsonRoute(SubmitJob, ({ jobName, jobQueue, jobDefinition, containerOverrides }) => {
      if (!queues.includes(jobQueue)) throw new AwsFault('ClientException', `JobQueue ${jobQueue} is not deployed`);
      const deployedJob = jobs().get(jobDefinition);
      if (!deployedJob) throw new AwsFault('ClientException', `JobDefinition ${jobDefinition} is not deployed`);
      const job: { jobId: string; jobName: string; status: string; statusReason?: string } = {
        jobId: randomUUID(),
        jobName,
        status: 'RUNNING',
      };
      submitted.set(job.jobId, job);
      const Environment = containerOverrides.environment.map(({ name, value }) => ({ Name: name, Value: value }));
      const overrides = { Command: containerOverrides.command, Environment };
      const work = deployedJob.submitJob({
        JobName: jobName,
        JobQueue: jobQueue,
        JobDefinition: jobDefinition,
        ContainerOverrides: overrides,
      });
      work.then(
        () => Object.assign(job, { status: 'SUCCEEDED' }),
        (error: Error) => Object.assign(job, { status: 'FAILED', statusReason: error.message }),
      );
      return { jobId: job.jobId, jobName };
    }),
    'POST /v1/describejobs': jsonRoute(DescribeJobs, ({ jobs: ids }) => {
      return { jobs: ids.map((id) => submitted.get(id)).filter((job) => job !== undefined) };
    }),
  };
}
