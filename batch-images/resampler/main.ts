import { runJob } from '../../src/jobs/job.ts';
import { resample } from '../../src/jobs/resample/resample.ts';
import { resamplerArguments } from './arguments.ts';

/** The resampler: daily bars into bars of N sessions. */
await runJob('resample', async ({ lake, config, runId, signal, progress }) => {
  const { mode, intervals } = resamplerArguments(process.argv.slice(2));
  return resample(lake, {
    mode: mode ?? config.MODE,
    intervals: intervals ?? config.RESAMPLING_INTERVALS,
    runId,
    scratch: config.SCRATCH_DIR,
    memoryLimitMb: config.MEMORY_LIMIT_MB,
    signal,
    progress,
  });
});
