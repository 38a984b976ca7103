import { lastClosedSession } from '../../calendar/calendar.ts';
import { replayHistory } from '../../checks/symbol-history.ts';
import { stopIfAsked } from '../../concurrency.ts';
import { STORED_LISTS } from '../../datasets/registry.ts';
import { listDates, readList } from '../../datasets/snapshots.ts';
import { NamedError } from '../../errors.ts';
import { keys, type Lake } from '../../lake/lake.ts';
import { checksumOf, decodeBars, readIngest } from '../../lake/session-files.ts';
import { executionIsRunning } from '../../night/open.ts';
import { rebuildHistory } from '../../past/rebuild-history.ts';
import { counted, statement } from '../../text.ts';
import type { Warehouse } from '../../warehouse/client.ts';
import ledgerStatements from '../../warehouse/ledger.sql';
import { closeLedger, summaryOf, timestamp } from '../../warehouse/ledger.ts';
import { storePrices } from '../../warehouse/prices.ts';
import referenceStatements from '../../warehouse/reference.sql';
import { readHistory, writeHistory } from '../../warehouse/reference.ts';
import type { Context } from '../context.ts';
import { outcomeOf } from '../outcome.ts';
import type { Pipeline } from '../pipeline.ts';
import { withScratch } from '../scratch.ts';
import { LAKE_TABLES, type Rebuild } from './check.ts';
import { identityOf, lostHistories, lostRuns } from './lost-rows.ts';

const reopenSymbolHistorySql = statement(referenceStatements, 'reopen-symbol-history');
const restoreNightSql = statement(ledgerStatements, 'restore-night');

/** Pure: the steps of all checks, each once and in the order in which they can be done. */
export function inOrder(steps: readonly Rebuild[]): Rebuild[] {
  const gone = new Set(steps.flatMap((one) => (one.step === 'remove' ? one.keys : [])));
  const intervals = new Set(steps.flatMap((one) => (one.step === 'resample' ? one.intervals : [])));
  const dates = new Set(steps.flatMap((one) => (one.step === 'load-prices' ? one.dates : [])));
  const tables = new Set(steps.flatMap((one) => (one.step === 'load-table' ? [one.table] : [])));
  const consolidate = steps.some(({ step }) => step === 'consolidate');
  return [
    ...(gone.size > 0 ? [{ step: 'remove' as const, keys: [...gone].sort() }] : []),
    ...(consolidate ? [{ step: 'consolidate' as const }] : []),
    ...(intervals.size > 0 ? [{ step: 'resample' as const, intervals: [...intervals].sort((a, b) => a - b) }] : []),
    ...(dates.size > 0 ? [{ step: 'load-prices' as const, dates: [...dates].sort() }] : []),
    ...LAKE_TABLES.filter((table) => tables.has(table)).map((table) => ({ step: 'load-table' as const, table })),
  ];
}

/** What a step does, for a person. */
export function stepText(one: Rebuild): string {
  switch (one.step) {
    case 'remove':
      return `remove ${counted(one.keys.length, 'damaged file')}: ${named(one.keys)}`;
    case 'consolidate':
      return 'rebuild the histories and their manifest from the session files: run consolidate --mode full';
    case 'resample':
      return `rebuild N-session bars: run resample --mode full --intervals ${one.intervals.join(',')}`;
    case 'load-prices':
      return `load ${counted(one.dates.length, 'session')} into stock_prices: ${named(one.dates)}`;
    case 'load-table':
      return `load ${one.table} from the lake`;
  }
}

function named(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')}, …` : names.join(', ');
}

/**
 * Does one step. Each may be repeated: a repair that was killed is run again and ends the same.
 * @throws Night.LockBusy while a night writes to the lake; Job.Failed; Job.Interrupted
 */
export async function carryOut(step: Rebuild, pipeline: Pipeline, context: Context): Promise<void> {
  const { lake, warehouse } = pipeline.stores;
  await requireQuiet(pipeline);
  if (step.step === 'remove') await lake.remove(step.keys);
  else if (step.step === 'consolidate') await runJob('consolidate', {}, pipeline, context);
  else if (step.step === 'resample')
    await runJob('resample', { RESAMPLING_INTERVALS: step.intervals.join(',') }, pipeline, context);
  else if (step.step === 'load-table') await LOADS[step.table]!(lake, warehouse);
  else {
    for (const [index, date] of step.dates.entries()) {
      stopIfAsked(context.signal);
      await loadSession(date, pipeline);
      if ((index + 1) % 50 === 0) context.terminal.note(`  ${index + 1} of ${step.dates.length} sessions`);
    }
  }
}

/** The machine's own jobs take the lock; what is done here beside them goes only while nobody has it. */
export async function requireQuiet({ stores }: Pipeline): Promise<void> {
  const owner = await stores.runs.lock();
  if (!owner || stores.config.STAGE === 'local' || !(await executionIsRunning()(owner.executionArn))) return;
  throw new NamedError('Night.LockBusy', {
    what: 'an execution is writing to this lake',
    found: `${owner.kind} ${owner.runId} for session ${owner.session}`,
    todo: 'Repair when it has ended.',
  });
}

async function runJob(
  task: 'consolidate' | 'resample',
  settings: Record<string, string>,
  pipeline: Pipeline,
  { now, signal }: Context,
): Promise<void> {
  const session = lastClosedSession(now);
  const input = { task, session, settings: { MODE: 'full', ...settings } };
  const result = await pipeline.run(input, { name: `${task}-${session}`, signal });
  const { status, reasons } = await outcomeOf(result, pipeline.stores, { session, kind: 'task' });
  if (status === 'Succeeded') return;
  throw new NamedError('Job.Failed', {
    what: `${task} could not rebuild everything`,
    found: reasons.join('; ') || status,
    todo: '`npx afterbell verify` names what is left.',
  });
}

/** A session file that is not the one its manifest names is for a night to fetch again, not to be loaded. */
async function loadSession(date: string, { stores: { lake, warehouse } }: Pipeline): Promise<void> {
  const [bytes, ingest] = [await lake.read(keys.session(date)), await readIngest(lake, date)];
  if (!bytes || checksumOf(bytes) !== ingest?.checksum) return;
  await storePrices(warehouse, date, await decodeBars(bytes, keys.session(date)));
}

type Load = (lake: Lake, warehouse: Warehouse) => Promise<number>;

/** Brings one table to what the lake has for it; how many rows were written. Killed anywhere, it is done again. */
export const LOADS: Readonly<Record<string, Load>> = {
  nights: loadRuns,
  ...Object.fromEntries(STORED_LISTS.map(({ name, stored }) => [name, stored.load])),
  symbol_history: loadHistories,
};

/** Tasks first: a night that is there counts as restored. */
async function loadRuns(lake: Lake, warehouse: Warehouse): Promise<number> {
  const { lost } = await lostRuns(lake, warehouse);
  for (const run of lost) {
    await closeLedger({ ...run, releasedRun: null }, warehouse);
    await warehouse.query(restoreNightSql, {
      run_id: run.runId,
      session: run.session,
      kind: run.kind,
      status: run.status,
      started_at: timestamp(run.startedAt),
      completed_at: timestamp(run.completedAt),
      reasons: JSON.stringify(run.reasons),
      summary: summaryOf(run),
    });
  }
  return lost.length;
}

async function loadHistories(lake: Lake, warehouse: Warehouse): Promise<number> {
  const { lost } = await lostHistories(lake, warehouse);
  let written = 0;
  for (const [dataset] of lost) {
    const dates = await listDates(lake, dataset);
    await warehouse.query(reopenSymbolHistorySql, { dataset, first: dates[0]! });
    const lists: [string, ReturnType<typeof identityOf>[]][] = [];
    for (const date of dates) lists.push([date, (await readList(lake, dataset, date)).map(identityOf)]);
    const rows = replayHistory(await readHistory(warehouse, dataset), lists);
    await writeHistory(warehouse, dataset, rows);
    written += rows.length;
  }
  const session = lastClosedSession(new Date());
  written += await withScratch('history', (scratch) => rebuildHistory({ lake, warehouse, scratch, session }));
  return written;
}
