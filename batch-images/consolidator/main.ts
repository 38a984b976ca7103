import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { runJob, shardOf } from '../../src/jobs/job.ts';
import { vacuum } from '../../src/jobs/vacuum.ts';
import { consolidatorArguments } from './arguments.ts';

const argv = process.argv.slice(2);

/** The consolidator: session files into one sorted history a symbol; `vacuum` clears away what lies in them. */
await runJob(argv[0] === 'vacuum' ? 'vacuum' : 'consolidate', async ({ lake, config, runId, signal, progress }) => {
  const { command, mode, symbols, retentionDays, maxWorkers, dryRun } = consolidatorArguments(argv);
  const common = {
    symbols: symbols ?? config.JOB_SYMBOLS,
    retentionDays: retentionDays ?? config.RETENTION_DAYS,
    maxWorkers: maxWorkers ?? config.MAX_WORKERS,
    maxFailedPercent: config.MAX_FAILED_PERCENT,
    shard: shardOf(config, runId),
    runId,
    signal,
    progress,
  };
  if (command === 'consolidate') {
    const { MODE, ADOPTED_PRICES: adoptedPrices } = config;
    return consolidate(lake, { ...common, mode: mode ?? MODE, adoptedPrices });
  }
  return vacuum(lake, {
    ...common,
    dryRun,
    onFile: ({ key, size }) => {
      if (dryRun) process.stdout.write(`${JSON.stringify({ key, bytes: size })}\n`);
    },
  });
});
