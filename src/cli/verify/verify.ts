import { resolve } from 'node:path';
import { stopIfAsked } from '../../concurrency.ts';
import { fewFiles, isNamed, NamedError } from '../../errors.ts';
import { listAll } from '../../lake/lake.ts';
import { COMMANDS } from '../../report/next-steps.ts';
import { there } from '../../text.ts';
import { migrate } from '../../warehouse/client.ts';
import { type Context, homeLake } from '../context.ts';
import { onPipeline, type Pipeline, withWarehouse } from '../pipeline.ts';
import { withScratch } from '../scratch.ts';
import { blockOf, type Terminal } from '../terminal.ts';
import { type Check, type Rebuild, SHOWN } from './check.ts';
import {
  checkCalendar,
  checkCheckpoints,
  checkDerived,
  checkPrices,
  checkSessions,
  checkTables,
  findDamaged,
  readIngests,
  readPricesPerSession,
} from './checks.ts';
import { carryOut, inOrder, stepText } from './repair.ts';

export interface VerifyOptions {
  repair?: boolean;
}

/** A rebuild may reveal what else has to be rebuilt. */
const ROUNDS = 4;

/**
 * Recounts everything that is stored against everything that says what is stored; with `repair` rebuilds what
 * follows from other files, and counts again. Exits 1 when unclean.
 */
export async function verify({ repair = false }: VerifyOptions, context: Context): Promise<number> {
  const { config, terminal } = context;
  const lake = homeLake(config);
  if ((await listAll(lake, 'processing_metadata/')).length === 0) throw noLake(lake.uri);
  const where = context.stage ? `lake: ${lake.uri}` : `home: ${resolve(config.AFTERBELL_HOME)}`;
  let checks = await countAll(context);
  const done: string[] = [];
  if (repair && stepsOf(checks).length > 0) {
    if (!terminal.json) print(checks, [where], context);
    checks = await repairAll(checks, done, context);
  }
  const clean = checks.every(({ problems }) => problems.length === 0);
  if (terminal.json) {
    const steps = stepsOf(checks).map(stepText);
    const typed = checks.map((check) => ({ ...check, repairs: check.repairs.map(terminal.typed) }));
    terminal.print(JSON.stringify({ clean, checks: typed, steps, ...(repair && { done }) }));
  } else print(checks, done.length > 0 ? ['', `${where}, counted again`] : [where], context);
  return clean ? 0 : 1;
}

function stepsOf(checks: readonly Check[]): Rebuild[] {
  return inOrder(checks.flatMap(({ rebuild = [] }) => rebuild));
}

/** Round after round, as damaged files hide what lies behind them; a round that would repeat the last one is not run. */
async function repairAll(checks: readonly Check[], done: string[], context: Context): Promise<Check[]> {
  return onPipeline(context, {}, async (pipeline) => {
    let found = [...checks];
    await migrate(pipeline.stores.warehouse);
    let before = '';
    for (let round = 0; round < ROUNDS; round += 1) {
      const steps = stepsOf(found);
      if (steps.length === 0 || JSON.stringify(steps) === before) break;
      before = JSON.stringify(steps);
      for (const step of steps) {
        stopIfAsked(context.signal);
        if (!context.terminal.json) context.terminal.print(`repairing: ${stepText(step)}`);
        if (await isDone(step, pipeline, context)) done.push(stepText(step));
      }
      found = await countAll(context);
    }
    return found;
  });
}

/** A job that could not do everything has done the rest; what is left shows when all is counted again. */
async function isDone(step: Rebuild, pipeline: Pipeline, context: Context): Promise<boolean> {
  try {
    await carryOut(step, pipeline, context);
    return true;
  } catch (error) {
    if (!isNamed(error, 'Job.Failed')) throw error;
    context.terminal.note(blockOf((error as Error).message));
    return false;
  }
}

async function countAll(context: Context): Promise<Check[]> {
  const { config, now, signal } = context;
  const lake = homeLake(config);
  const ingests = await readIngests(lake);
  const checkpoints = await checkCheckpoints(lake, config.RESAMPLING_INTERVALS);
  const checks = [await checkSessions(lake, ingests), checkCalendar(ingests), checkpoints];
  stopIfAsked(signal);
  // Damaged files would end DuckDB's queries midway; what is broken has been named by then.
  const sound = checks[0]!.problems.length === 0 && checkpoints.problems.length === 0;
  const derived = (scratch: string) => checkDerived(lake, ingests, scratch, config.RESAMPLING_INTERVALS, signal);
  checks.push(...(sound ? await withScratch('verify', derived) : [await findDamaged(lake)]));
  stopIfAsked(signal);
  const years = config.RETENTION_YEARS;
  const rowsAgainst = (rows: Parameters<typeof checkPrices>[0]) =>
    config.WAREHOUSE === 'on' ? checkPrices(rows, ingests, { now: now.toISOString(), years }) : NO_PRICES;
  const tables = await withWarehouse(context, async (warehouse) => {
    const [found] = await warehouse.query("SELECT to_regclass('stock_prices')::text AS prices");
    if (!found?.prices) return undefined;
    return [
      rowsAgainst(config.WAREHOUSE === 'on' ? await readPricesPerSession(warehouse) : []),
      ...(await checkTables(lake, warehouse)),
    ];
  }).catch((error: Error) => {
    stopIfAsked(signal);
    // A limit of this computer says nothing of the warehouse.
    const limit = fewFiles(error);
    if (limit) throw limit;
    return [unreached(error)];
  });
  return [...checks, ...(tables ?? [rowsAgainst([])])];
}

/** Rows from before the setting may lie there still. */
const NO_PRICES: Check = { name: 'warehouse', counted: 'WAREHOUSE=off', problems: [], repairs: [], notes: [] };

function noLake(uri: string): NamedError {
  return new NamedError('Usage.Invalid', {
    what: `there is nothing to verify in ${uri}`,
    found: 'no lake',
    wanted: 'a home in which a night was run',
    todo: 'Check AFTERBELL_HOME.',
  });
}

function unreached({ message }: Error): Check {
  return { name: 'warehouse', counted: 'not reached', problems: [message], repairs: [], notes: [] };
}

function print(checks: readonly Check[], where: readonly string[], context: Context): void {
  const { terminal } = context;
  terminal.print(where);
  for (const { name, counted, problems, notes } of checks) {
    terminal.print(`${problems.length === 0 ? 'ok      ' : 'unclean '} ${name}: ${counted}`);
    for (const line of problems.slice(0, SHOWN)) terminal.print(`  - ${line}`);
    if (problems.length > SHOWN) terminal.print(`  - … ${problems.length} in all`);
    for (const line of notes) terminal.print(`  note: ${line}`);
  }
  if (checks.every(({ problems }) => problems.length === 0)) {
    terminal.print(['', 'Clean.']);
    return;
  }
  terminal.print(['', 'Unclean.']);
  const steps = stepsOf(checks).map(stepText);
  printList(`${COMMANDS.repair(there(context))} does this:`, steps, terminal);
  if (steps.length > 0) terminal.print('  More steps may follow from these; each is named as it is taken.');
  const repairs = [...new Set(checks.flatMap((check) => check.repairs))];
  printList('What it cannot rebuild, in this order:', repairs, terminal);
}

function printList(title: string, lines: readonly string[], terminal: Terminal): void {
  if (lines.length === 0) return;
  terminal.print(title);
  for (const line of lines.slice(0, SHOWN)) terminal.print(`  ${line}`);
  if (lines.length > SHOWN) terminal.print(`  … ${lines.length} in all`);
}
