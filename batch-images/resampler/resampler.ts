import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { LIST_VIEWS } from '../../src/datasets/registry.ts';
import { NamedError } from '../../src/errors.ts';
import { type JobHost, runJob } from '../../src/jobs/job.ts';
import { resample } from '../../src/jobs/resample/resample.ts';
import { writeCatalog } from '../../src/lake/catalog.ts';
import { keys } from '../../src/lake/lake.ts';

/** As many as Batch gives the job processors. */
const THREADS = 2;

/**
 * The resampler: daily bars into bars of N sessions.
 * @param thread the program of its threads; without it the job has one
 */
export function resampler(host: JobHost, thread?: URL): Promise<void> {
  return runJob('resample', host, async ({ lake, config, runId, signal, progress }) => {
    const { mode, intervals } = resamplerArguments(host.argv.slice(2));
    const summary = await resample(lake, {
      mode: mode ?? config.MODE,
      intervals: intervals ?? config.RESAMPLING_INTERVALS,
      runId,

      scratch: config.SCRATCH_DIR,
      memoryLimitMb: config.MEMORY_LIMIT_MB,
      threads: thread && { threads: THREADS, program: thread },
      signal,
      progress,
    });
    if (!lake.uri.startsWith('s3:')) return summary;
    // Here, where DuckDB is: no function of a stage has it. The bars are made with or without a catalog of them.
    const { RESAMPLING_INTERVALS, BENCHMARKS: benchmarks } = config;
    const catalog = { intervals: RESAMPLING_INTERVALS, lists: LIST_VIEWS, benchmarks };
    const failed = await writeCatalog(lake, config.SCRATCH_DIR ?? tmpdir(), catalog).then(
      () => [],
      (error: Error) => [`${keys.catalog} could not be written: ${error.name}: ${error.message}`],
    );
    return { ...summary, notes: [...(summary.notes ?? []), ...failed] };
  });
}

interface ResamplerArguments {
  mode?: 'full' | 'incremental';
  intervals?: number[];
}

/**
 * `[--mode full|incremental] [--intervals 3,5]`; what is absent comes from the environment.
 * @throws Usage.Invalid
 */
function resamplerArguments(argv: readonly string[]): ResamplerArguments {
  try {
    const options = { mode: { type: 'string' }, intervals: { type: 'string' } } as const;
    const { mode, intervals } = parseArgs({ args: [...argv], options }).values;
    if (mode !== undefined && mode !== 'full' && mode !== 'incremental') throw new Error(`--mode ${mode}`);
    const numbers = intervals?.split(',').map(Number);
    const wrong = numbers?.some((n) => !Number.isInteger(n) || n < 2 || n > 250);
    if (wrong) throw new Error(`--intervals ${intervals}`);
    return { mode, intervals: numbers };
  } catch (cause) {
    throw new NamedError(
      'Usage.Invalid',
      {
        what: 'the resampler does not know these arguments',
        found: (cause as Error).message,
        wanted: '[--mode full|incremental] [--intervals 3,5], each of 2 to 250 sessions',
      },
      { cause },
    );
  }
}
