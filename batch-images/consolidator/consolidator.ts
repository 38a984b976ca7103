import { parseArgs } from 'node:util';
import { NamedError } from '../../src/errors.ts';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { type JobHost, runJob, shardOf } from '../../src/jobs/job.ts';
import { vacuum } from '../../src/jobs/vacuum.ts';

/** The consolidator: session files into one sorted history a symbol; `vacuum` clears away what lies in them. */
export function consolidator(host: JobHost): Promise<void> {
  const argv = host.argv.slice(2);
  const job = argv[0] === 'vacuum' ? 'vacuum' : 'consolidate';
  return runJob(job, host, async ({ lake, config, runId, signal, progress }) => {
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
        if (dryRun) host.stdout.write(`${JSON.stringify({ key, bytes: size })}\n`);
      },
    });
  });
}

interface ConsolidatorArguments {
  command: 'consolidate' | 'vacuum';
  mode?: 'full' | 'incremental';
  symbols?: string[];
  retentionDays?: number;
  maxWorkers?: number;
  dryRun: boolean;
}

const USAGE =
  '[--mode full|incremental] [--symbols A,B] [--retention-days N] [--max-workers N], or vacuum [--dry-run] [--symbols A,B] [--retention-days N] [--max-workers N]';

/**
 * `[vacuum]` and options; what is absent comes from the environment.
 * @throws Usage.Invalid
 */
function consolidatorArguments(argv: readonly string[]): ConsolidatorArguments {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        mode: { type: 'string' },
        symbols: { type: 'string' },
        'retention-days': { type: 'string' },
        'max-workers': { type: 'string' },
        'dry-run': { type: 'boolean' },
      },
    });
    const [command = 'consolidate', ...more] = positionals;
    if (command !== 'consolidate' && command !== 'vacuum') throw new Error(command);
    if (more.length > 0) throw new Error(more.join(' '));
    const { mode, symbols } = values;
    if (mode !== undefined && mode !== 'full' && mode !== 'incremental') throw new Error(`--mode ${mode}`);
    if (mode !== undefined && command === 'vacuum') throw new Error('vacuum with --mode');
    const dryRun = values['dry-run'] ?? false;
    if (dryRun && command !== 'vacuum') throw new Error('--dry-run without vacuum');
    const named = symbols?.split(',').filter(Boolean);
    if (named?.length === 0) throw new Error('--symbols without a symbol');
    return {
      command,
      mode,
      symbols: named,
      retentionDays: whole('--retention-days', values['retention-days'], 0),
      maxWorkers: whole('--max-workers', values['max-workers'], 1),
      dryRun,
    };
  } catch (cause) {
    throw new NamedError(
      'Usage.Invalid',
      { what: 'the consolidator does not know these arguments', found: (cause as Error).message, wanted: USAGE },
      { cause },
    );
  }
}

function whole(flag: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,6}$/.test(text) && Number(text) >= least) return Number(text);
  throw new Error(`${flag} ${text}`);
}
