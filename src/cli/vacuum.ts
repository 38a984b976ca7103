import { settingProblem } from '../config.ts';
import { runStageJob } from '../deployed/stage.ts';
import { NamedError } from '../errors.ts';
import type { Expired } from '../jobs/expire.ts';
import { type VacuumSummary, vacuum } from '../jobs/vacuum.ts';
import { keys, readJson } from '../lake/lake.ts';
import { openHome } from '../local/home.ts';
import { figure } from '../text.ts';
import { type Context, homeLake } from './context.ts';
import { table } from './terminal.ts';

export interface VacuumCommandOptions {
  dryRun?: boolean;
  symbols?: string;
  retentionDays?: string;
  maxWorkers?: string;
}

const SHOWN = 10;

/** Deletes old date files whose rows are in the symbol's data.parquet, or lists them. Exits 1 when something failed. */
export async function vacuumLake(options: VacuumCommandOptions, context: Context): Promise<number> {
  const { config, terminal, signal } = context;
  const symbols = options.symbols?.split(',').filter(Boolean);
  if (symbols?.length === 0) throw new NamedError('Usage.Invalid', { what: '--symbols names no symbol' });
  const retentionDays = asNumber('--retention-days', 'RETENTION_DAYS', options.retentionDays) ?? config.RETENTION_DAYS;
  const maxWorkers = asNumber('--max-workers', 'MAX_WORKERS', options.maxWorkers) ?? config.MAX_WORKERS;
  const dryRun = options.dryRun === true;
  const lake = homeLake(config);
  if (context.stage && !dryRun)
    return vacuumStage(context.stage.stage, { symbols, retentionDays, maxWorkers }, context);
  // A dry run only reads; a real one must not meet a night.
  const home = dryRun ? undefined : await openHome(config.AFTERBELL_HOME, { mode: 'write' });
  try {
    const files: Expired[] = [];
    const summary = await vacuum(lake, {
      symbols,
      retentionDays,
      maxWorkers,
      dryRun,
      runId: 'by-hand',
      maxFailedPercent: config.MAX_FAILED_PERCENT,
      signal,
      onFile: (file) => files.push(file),
    });
    if (terminal.json) {
      const listed = files.map(({ symbol, date, key, size }) => ({ symbol, date, key, bytes: size }));
      terminal.print(JSON.stringify({ ...summary, files: listed }));
    } else show(summary, files, context);
    return summary.status === 'success' ? 0 : 1;
  } finally {
    await home?.close();
  }
}

/** On a deployed stage the job does it, near the lake. */
async function vacuumStage(
  stage: string,
  { symbols, retentionDays, maxWorkers }: { symbols?: string[]; retentionDays: number; maxWorkers: number },
  { terminal, config, signal }: Context,
): Promise<number> {
  const command = ['vacuum', '--retention-days', String(retentionDays), '--max-workers', String(maxWorkers)];
  if (symbols) command.push('--symbols', symbols.join(','));
  await runStageJob(stage, {
    image: 'consolidator',
    jobName: 'by-hand-vacuum',
    command,
    environment: {},
    onStatus: (status, reason) => terminal.note(`  ${status.toLowerCase()}${reason ? `: ${reason}` : ''}`),
    signal,
  });
  const summary = await readJson<VacuumSummary>(homeLake(config), keys.jobResult('vacuum'));
  if (terminal.json) terminal.print(JSON.stringify(summary));
  else if (summary) show(summary, [], { terminal });
  return summary?.status === 'success' ? 0 : 1;
}

function show(summary: VacuumSummary, files: readonly Expired[], { terminal }: Pick<Context, 'terminal'>): void {
  const { dryRun, filesDeleted, bytesFreed, filesRecent, filesUntouched, kept, cutoff, errors } = summary;
  if (dryRun) for (const { key } of files) terminal.print(key);
  const rows: [string, string, number][] = [
    ['with data.parquet, in it', dryRun ? 'would go' : 'deleted', filesDeleted],
    ['with data.parquet, not proven to be in it', 'kept', kept.length],
    [`of ${cutoff} or later`, 'kept', filesRecent],
    ['of symbols without data.parquet', 'untouched', filesUntouched],
  ];
  terminal.print(table(['date files', '', 'files'], rows));
  terminal.print(`${figure(bytesFreed)} bytes ${dryRun ? 'would be freed' : 'freed'}.`);
  for (const { key, reason } of kept.slice(0, SHOWN)) terminal.note(`kept ${key}: ${reason}`);
  if (kept.length > SHOWN) terminal.note(`… ${figure(kept.length)} kept in all; --json names every one`);
  for (const { name, message } of errors.slice(0, SHOWN)) terminal.note(`${name}: ${message}`);
}

/** A flag in place of a setting takes what the setting takes. */
function asNumber(flag: string, setting: string, text: string | undefined): number | undefined {
  const wanted = text === undefined ? undefined : settingProblem(setting, text);
  if (wanted) throw new NamedError('Usage.Invalid', { what: `${flag} ${text}`, wanted });
  return text === undefined ? undefined : Number(text);
}
