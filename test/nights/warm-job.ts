import { consolidator } from '../../batch-images/consolidator/consolidator.ts';
import { resampler } from '../../batch-images/resampler/resampler.ts';
import type { JobHost } from '../../src/jobs/job.ts';

export interface WarmJob {
  /** Folder of the job in batch-images. */
  job: string;
  command: string[];
  env: Record<string, string>;
}

const JOBS: Record<string, (host: JobHost) => Promise<void>> = { consolidator, resampler };

/** Runs a job in a process that goes on afterwards. Returns its exit code. */
export async function handler({ job, command, env }: WarmJob): Promise<number> {
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, env);
  const { stdout, stderr } = process;
  const argv = [process.execPath, job, ...command];
  const host: JobHost = { argv, env, stdout, stderr, on: () => undefined, off: () => undefined };
  await JOBS[job]!(host);
  return Number(host.exitCode ?? 0);
}
