import { consolidate } from '../../src/lake/bronze/consolidate.ts';
import { runJob } from '../../src/lake/job.ts';
import { consolidatorArguments } from './arguments.ts';

/** The consolidator: session files into one sorted history a symbol. */
await runJob('consolidate', async ({ lake, config, runId, signal, progress }) => {
  const { mode, symbols } = consolidatorArguments(process.argv.slice(2));
  return consolidate(lake, {
    mode: mode ?? config.MODE,
    symbols: symbols ?? config.JOB_SYMBOLS,
    maxWorkers: config.MAX_WORKERS,
    runId,
    signal,
    progress,
  });
});
