import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { closureReason, sessionsBetween } from '../calendar/sessions.ts';
import { heldSessions, type Ingest, readIngest } from '../lake/ingest.ts';
import { dateOfKey, keys } from '../lake/keys.ts';
import { type Lake, listAll, openLake } from '../lake/lake.ts';
import { decodeRows } from '../lake/parquet.ts';
import { type LakeViews, openViews } from '../lake/views.ts';
import pricesPerSession from '../warehouse/queries/prices-per-session.sql';
import barsAgainstSessions from './checks/bars-against-sessions.sql';
import history from './checks/history.sql';
import sessionRows from './checks/session-rows.sql';
import silver from './checks/silver.sql';
import type { Context } from './context.ts';
import { withWarehouse } from './read-warehouse.ts';
import { figure } from './terminal.ts';

/** One thing that was recounted. `problems` empty = clean; notes are worth knowing and no fault. */
interface Check {
  name: string;
  counted: string;
  problems: string[];
  notes: string[];
}

const SHOWN = 10;

/** Recounts everything that is stored against everything that says what is stored. Exits 1 when unclean. */
export async function verify(_options: object, context: Context): Promise<number> {
  const { config, terminal } = context;
  const lake = openLake(config.LAKE_URI ?? pathToFileURL(join(resolve(config.AFTERBELL_HOME), 'lake')).href);
  const ingests = await readIngests(lake);
  const checks = [await checkSessions(lake, ingests), checkCalendar(ingests)];
  const scratch = await mkdtemp(join(tmpdir(), 'afterbell-verify-'));
  try {
    const damaged = checks[0]!.problems.length > 0;
    // Damaged files would end DuckDB's queries midway; what is broken has been named by then.
    if (!damaged) checks.push(...(await checkDerived(lake, scratch, config.RESAMPLING_INTERVALS)));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  checks.push(await checkWarehouse(ingests, context));
  const clean = checks.every(({ problems }) => problems.length === 0);
  if (terminal.json) terminal.print(JSON.stringify({ clean, checks }));
  else {
    for (const { name, counted, problems, notes } of checks) {
      terminal.print(`${problems.length === 0 ? 'ok      ' : 'unclean '} ${name}: ${counted}`);
      for (const line of problems.slice(0, SHOWN)) terminal.print(`  - ${line}`);
      if (problems.length > SHOWN) terminal.print(`  - … ${problems.length} in all`);
      for (const line of notes) terminal.print(`  note: ${line}`);
    }
    terminal.print(
      clean ? '\nClean.' : '\nUnclean: see above. `npx afterbell night --session …` fetches a session again.',
    );
  }
  return clean ? 0 : 1;
}

async function readIngests(lake: Lake): Promise<Map<string, Ingest>> {
  const found = new Map<string, Ingest>();
  for (const { date } of await heldSessions(lake)) found.set(date, (await readIngest(lake, date))!);
  return found;
}

/** Every session file against its ingest manifest, byte for byte and row for row. */
async function checkSessions(lake: Lake, ingests: ReadonlyMap<string, Ingest>): Promise<Check> {
  const problems: string[] = [];
  let rows = 0;
  for (const [date, ingest] of ingests) {
    const bytes = await lake.read(keys.session(date));
    if (!bytes) {
      problems.push(`${date}: the session file is missing`);
      continue;
    }
    const checksum = createHash('sha256').update(bytes).digest('hex');
    if (checksum !== ingest.checksum) problems.push(`${date}: the session file is not the one that was published`);
    rows += ingest.rows;
  }
  const files = (await listAll(lake, 'bronze/sessions/date=')).map(({ key }) => dateOfKey(key) ?? key);
  for (const date of files) if (!ingests.has(date)) problems.push(`${date}: a session file without an ingest manifest`);
  return { name: 'sessions', counted: `${figure(ingests.size)} sessions, ${figure(rows)} rows`, problems, notes: [] };
}

function checkCalendar(ingests: ReadonlyMap<string, Ingest>): Check {
  const dates = [...ingests.keys()];
  const problems = dates.flatMap((date) => {
    const closed = closureReason(date);
    return closed === undefined ? [] : [`${date} is held but was no session: ${closed}`];
  });
  const [first, last] = [dates[0], dates.at(-1)];
  const missing = first && last ? sessionsBetween(first, last).filter((date) => !ingests.has(date)) : [];
  const notes =
    missing.length > 0
      ? [`${missing.length} sessions between are not held: ${missing.slice(0, SHOWN).join(', ')}`]
      : [];
  return { name: 'calendar', counted: first ? `${first} to ${last}` : 'nothing held', problems, notes };
}

/** What the jobs derive from the session files. */
async function checkDerived(lake: Lake, scratch: string, intervals: readonly number[]): Promise<Check[]> {
  const views = await openViews(lake, scratch, intervals);
  try {
    return [
      await checkRows(lake, views, scratch),
      await checkHistory(lake, views, scratch),
      ...(await Promise.all(intervals.map((interval) => checkSilver(views, interval)))),
    ];
  } catch (error) {
    const problem = `a file cannot be read: ${(error as Error).message}`;
    return [{ name: 'derived files', counted: 'stopped', problems: [problem], notes: [] }];
  } finally {
    views.close();
  }
}

async function ask(views: LakeViews, sql: string): Promise<Record<string, string | number>[]> {
  const reader = await views.connection.runAndReadAll(sql);
  return reader.getRowObjectsJson() as Record<string, string | number>[];
}

function fileList(paths: readonly string[]): string {
  return `[${paths.map((path) => `'${path.replaceAll("'", "''")}'`).join(', ')}]`;
}

async function checkRows(lake: Lake, views: LakeViews, scratch: string): Promise<Check> {
  const found = (await listAll(lake, 'bronze/sessions/date=')).map(({ key }) => key);
  const name = 'session rows';
  if (found.length === 0) return { name, counted: 'none', problems: [], notes: [] };
  const rows = await ask(views, sessionRows.replace('$files', fileList(await lake.localise(found, scratch))));
  const problems = rows.flatMap((row) => {
    const date = /date=(\d{4}-\d{2}-\d{2})/.exec(String(row.filename))?.[1];
    const faults: string[] = [];
    if (row.symbols !== row.row_count) faults.push(`${date}: ${row.row_count} rows for ${row.symbols} symbols`);
    if (Number(row.other_dates) > 0) faults.push(`${date}: ${row.other_dates} rows of another date`);
    if (Number(row.broken) > 0) faults.push(`${date}: ${row.broken} bars break the OHLC rules`);
    return faults;
  });
  return { name, counted: `${figure(rows.length)} files`, problems, notes: [] };
}

interface ManifestRow {
  symbol: string;
  row_count: number;
  last_consolidated_date: string;
}

async function checkHistory(lake: Lake, views: LakeViews, scratch: string): Promise<Check> {
  const name = 'history';
  const bytes = await lake.read(keys.manifest);
  if (!bytes) return { name, counted: 'not consolidated yet', problems: [], notes: [] };
  const wanted = ['symbol', 'row_count', 'last_consolidated_date'];
  const manifest = await decodeRows<ManifestRow>(bytes, keys.manifest, wanted);
  const files = manifest.map(({ symbol }) => keys.symbol(symbol));
  const rows =
    files.length > 0 ? await ask(views, history.replace('$files', fileList(await lake.localise(files, scratch)))) : [];
  const bySymbol = new Map(rows.map((row) => [String(row.symbol), row]));
  const problems: string[] = [];
  for (const { symbol, row_count, last_consolidated_date } of manifest) {
    const row = bySymbol.get(symbol);
    if (row?.row_count !== row_count)
      problems.push(`${symbol}: ${row?.row_count ?? 0} rows, the manifest says ${row_count}`);
    if (row && row.last_date !== last_consolidated_date) {
      problems.push(`${symbol}: ends ${row.last_date}, the manifest says ${last_consolidated_date}`);
    }
    if (Number(row?.out_of_order ?? 0) > 0) problems.push(`${symbol}: dates do not increase`);
  }
  const [difference] = await ask(views, barsAgainstSessions);
  if (Number(difference?.only_in_sessions) > 0)
    problems.push(`${difference?.only_in_sessions} session rows are not in the history`);
  if (Number(difference?.only_in_history) > 0)
    problems.push(`${difference?.only_in_history} rows of the history are in no session file`);
  const total = manifest.reduce((sum, row) => sum + row.row_count, 0);
  return { name, counted: `${figure(manifest.length)} symbols, ${figure(total)} rows`, problems, notes: [] };
}

async function checkSilver(views: LakeViews, interval: number): Promise<Check> {
  const [row] = await ask(views, silver.replaceAll('FROM silver', `FROM "bars_${interval}d"`));
  const problems: string[] = [];
  if (row?.bars_in_windows !== row?.bars_in_history) {
    problems.push(`windows hold ${row?.bars_in_windows} bars, the history ${row?.bars_in_history}`);
  }
  if (Number(row?.doubled) > 0) problems.push(`${row?.doubled} windows exist twice`);
  if (Number(row?.broken) > 0) problems.push(`${row?.broken} windows break the OHLC rules`);
  if (Number(row?.too_complete) > 0) problems.push(`${row?.too_complete} windows are called complete before their end`);
  return {
    name: `${interval}-session bars`,
    counted: `${figure(Number(row?.bars_in_windows))} bars`,
    problems,
    notes: [],
  };
}

async function checkWarehouse(ingests: ReadonlyMap<string, Ingest>, context: Context): Promise<Check> {
  const name = 'warehouse';
  const rows = await withWarehouse(context, (warehouse) => warehouse.query(pricesPerSession)).catch(
    (error: Error) => error,
  );
  if (rows instanceof Error) return { name, counted: 'not reached', problems: [rows.message], notes: [] };
  const stored = new Map((rows ?? []).map((row) => [String(row.date), Number(row.row_count)]));
  const problems: string[] = [];
  for (const [date, ingest] of ingests) {
    const found = stored.get(date) ?? 0;
    if (found !== ingest.rows)
      problems.push(`${date}: ${found} rows in stock_prices, ${ingest.rows} in the session file`);
  }
  for (const date of stored.keys())
    if (!ingests.has(date)) problems.push(`${date}: rows in stock_prices, no session held`);
  const behind = (rows ?? []).reduce((sum, row) => sum + Number(row.behind), 0);
  if (behind > 0) problems.push(`${behind} watermarks are behind stock_prices`);
  return { name, counted: `${figure(stored.size)} sessions in stock_prices`, problems, notes: [] };
}
