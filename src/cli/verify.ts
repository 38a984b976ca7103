import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { NamedError } from '../errors.ts';
import { listAll } from '../lake/lake.ts';
import { type Check, SHOWN } from './checks/check.ts';
import { checkDerived } from './checks/check-derived.ts';
import { checkCalendar, checkSessions, readIngests } from './checks/check-sessions.ts';
import { checkWarehouse } from './checks/check-warehouse.ts';
import type { Context } from './context.ts';
import { homeLake } from './home-lake.ts';
import type { Terminal } from './terminal.ts';

/** Recounts everything that is stored against everything that says what is stored. Exits 1 when unclean. */
export async function verify(_options: object, context: Context): Promise<number> {
  const { config, terminal } = context;
  const home = resolve(config.AFTERBELL_HOME);
  const lake = homeLake(config);
  if ((await listAll(lake, 'processing_metadata/')).length === 0) throw noLake(lake.uri);
  const ingests = await readIngests(lake);
  const checks = [await checkSessions(lake, ingests), checkCalendar(ingests)];
  const scratch = await mkdtemp(join(tmpdir(), 'afterbell-verify-'));
  try {
    // Damaged files would end DuckDB's queries midway; what is broken has been named by then.
    const sound = checks[0]!.problems.length === 0;
    checks.push(...(sound ? await checkDerived(lake, ingests, scratch, config.RESAMPLING_INTERVALS) : [unchecked()]));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  checks.push(await checkWarehouse(ingests, context));
  const clean = checks.every(({ problems }) => problems.length === 0);
  if (terminal.json) terminal.print(JSON.stringify({ clean, checks }));
  else print(checks, context.stage ? `lake: ${lake.uri}` : `home: ${home}`, terminal);
  return clean ? 0 : 1;
}

function noLake(uri: string): NamedError {
  return new NamedError('Usage.Invalid', {
    what: `there is nothing to verify in ${uri}`,
    found: 'no lake',
    wanted: 'a home in which a night was run',
    todo: 'Check AFTERBELL_HOME.',
  });
}

function unchecked(): Check {
  const notes = ['history, N-session bars: not checked; mend the sessions first and verify again'];
  return { name: 'derived files', counted: 'not checked', problems: [], repairs: [], notes };
}

function print(checks: readonly Check[], where: string, terminal: Terminal): void {
  terminal.print(where);
  for (const { name, counted, problems, notes } of checks) {
    terminal.print(`${problems.length === 0 ? 'ok      ' : 'unclean '} ${name}: ${counted}`);
    for (const line of problems.slice(0, SHOWN)) terminal.print(`  - ${line}`);
    if (problems.length > SHOWN) terminal.print(`  - … ${problems.length} in all`);
    for (const line of notes) terminal.print(`  note: ${line}`);
  }
  if (checks.every(({ problems }) => problems.length === 0)) {
    terminal.print('\nClean.');
    return;
  }
  const repairs = [...new Set(checks.flatMap((check) => check.repairs))];
  terminal.print('\nUnclean. What mends it, in this order:');
  for (const command of repairs.slice(0, SHOWN)) terminal.print(`  ${command}`);
  if (repairs.length > SHOWN) terminal.print(`  … ${repairs.length} sessions in all`);
}
