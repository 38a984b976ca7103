import { createReadStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { DuckDBConnection } from '@duckdb/node-api';
import { LIST_VIEWS } from '../datasets/registry.ts';
import { isNamed, NamedError } from '../errors.ts';
import { exactPath, sqlText, textList } from '../lake/exact-paths.ts';
import { intervalsIn, type LakeViews, openViews, type ViewOptions } from '../lake/views.ts';
import { COMMANDS } from '../report/next-steps.ts';
import { type Context, homeLake, requireBegun, whereOf } from './context.ts';
import {
  askedFile,
  askedForm,
  csvLines,
  type ExportFile,
  type Form,
  fillFile,
  type QueryOptions,
  tellWritten,
} from './query-output.ts';
import { copyReading, refusedAsWriting, runReading, symbolsAsked } from './reading.ts';
import { withScratch } from './scratch.ts';
import { duckdbRefusal, postgresRefusal } from './sql-refusals.ts';
import { type Cell, type Terminal, table } from './terminal.ts';

const SHOWN_ROWS = 100;

/** A first query, so that one can be seen working. */
const EXAMPLE = {
  lake: "SELECT * FROM bars WHERE symbol = 'AAPL' ORDER BY date DESC LIMIT 5",
  warehouse: 'SELECT session, status FROM nights ORDER BY started_at DESC LIMIT 5',
};

function noSql({ warehouse }: QueryOptions): NamedError {
  return new NamedError('Usage.Invalid', {
    what: 'query needs SQL, in quotes',
    todo: `For example: ${COMMANDS.query(warehouse ? EXAMPLE.warehouse : EXAMPLE.lake, warehouse)}`,
  });
}

type Record_ = Record<string, Cell | boolean>;

/** Asks the lake (DuckDB) or the warehouse (PostgreSQL) and prints the rows, or writes them to a file. */
export async function query(sql: string | undefined, options: QueryOptions, context: Context): Promise<number> {
  if (sql === undefined) throw noSql(options);
  const form = askedForm(options, context.terminal);
  const file = askedFile(options);
  await requireBegun(context);
  if (options.warehouse) requireFilled(sql, context);
  try {
    if (options.warehouse) await answerWarehouse(await askWarehouse(sql, context), { form, file }, context);
    else if (file) await exportLake(sql, file, context);
    else if (form === 'csv') await printCsv(sql, context);
    else print(await askLake(sql, context), form, context.terminal);
  } catch (error) {
    throw refusedAsWriting(sql, error);
  }
  return 0;
}

/** @throws Usage.Invalid for a question about prices that are not there, which would be answered with old rows or none */
function requireFilled(sql: string, { config }: Context): void {
  if (config.WAREHOUSE === 'on' || !/\b(stock_prices|ingestion_watermarks)\b/i.test(sql)) return;
  throw new NamedError('Usage.Invalid', {
    what: 'the warehouse has no prices',
    found: 'WAREHOUSE=off',
    wanted: 'bars from the lake, without --warehouse: the views bars and sessions',
    todo: `For example: ${COMMANDS.query(EXAMPLE.lake)}; or set WAREHOUSE=on and run ${COMMANDS.repair()}, which fills stock_prices`,
  });
}

function print(rows: readonly Record_[], form: Form, terminal: Terminal): void {
  if (form === 'json') terminal.print(JSON.stringify(rows));
  else if (rows.length === 0) terminal.print('no rows');
  else {
    const head = Object.keys(rows[0]!);
    const cells = rows.slice(0, SHOWN_ROWS).map((row) => head.map((name) => shown(row[name])));
    terminal.print(table(head, cells, String));
    if (rows.length > SHOWN_ROWS)
      terminal.print(`… ${rows.length} rows in all; --json, --csv FILE or --parquet FILE give every one`);
  }
}

/** The warehouse answers with little: its rows are at hand, and become lines of CSV here. */
async function answerWarehouse(
  rows: readonly Record_[],
  { form, file }: { form: Form; file: ExportFile | undefined },
  { terminal }: Context,
): Promise<void> {
  if (!file && form !== 'csv') return print(rows, form, terminal);
  const lines = csvLines(rows);
  if (!file) return terminal.print(lines);
  await fillFile(file, (draft) => writeFile(draft, lines.map((line) => `${line}\n`).join('')));
  tellWritten(rows.length, file, terminal);
}

async function exportLake(sql: string, file: ExportFile, context: Context): Promise<void> {
  const rows = await fillFile(file, (draft) => copyLake(sql, draft, file.format, context));
  tellWritten(rows, file, context.terminal);
}

async function printCsv(sql: string, context: Context): Promise<void> {
  await withScratch('csv', async (scratch) => {
    const path = join(scratch, 'rows.csv');
    await copyLake(sql, path, 'csv', context);
    for await (const line of createInterface({ input: createReadStream(path) })) context.terminal.print(line);
  });
}

/** Writes the rows to a file that DuckDB makes; returns how many. */
function copyLake(sql: string, path: string, format: ExportFile['format'], context: Context): Promise<number> {
  return onLake(sql, context, [path], (connection) => copyReading(connection, sql, path, format));
}

async function askLake(sql: string, context: Context): Promise<Record_[]> {
  return onLake(sql, context, [], async (connection) => {
    const reader = await runReading(connection, sql);
    return reader.getRowObjectsJson().map((row) => plain(row as Record<string, unknown>));
  });
}

/** Numbers as they are, to the last digit: these are prices. */
function shown(value: Cell | boolean): Cell {
  return typeof value === 'boolean' ? String(value) : value;
}

/**
 * Gives `work` the views that this SQL reads, and no others: of the rest not even the files are looked for. A name
 * that hides from the look at the text, or the file of another view, fails at first, and is tried again with every view.
 * @param writable files that may be written
 */
async function onLake<T>(
  sql: string,
  context: Context,
  writable: readonly string[],
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const isWanted = viewsIn(sql);
  return withScratch('query', async (scratch) => {
    if (!isWanted) return askViews({ writable, scratch }, work, context);
    const symbols = (connection: DuckDBConnection) => symbolsAsked(connection, sql);
    return askViews({ writable, scratch, isWanted, symbols }, work, context).catch((error) => {
      // What DuckDB itself said; what a person reads of it is worded elsewhere.
      const { message = '' } = ((error as Error).cause ?? {}) as { message?: string };
      if (!/^(Catalog|Permission) Error/.test(message)) throw error;
      return askViews({ writable, scratch }, work, context);
    });
  });
}

/** What tells of views without naming them. */
const ABOUT_VIEWS =
  /^\s*desc\b|\b(show|describe|summarize|pragma|information_schema|sqlite_master|duckdb_\w+|pg_\w+|query|query_table)\b/i;

/** Pure: which views a text of SQL may read; undefined: any. A word in a comment or a text costs a view for nothing. */
export function viewsIn(sql: string): ((name: string) => boolean) | undefined {
  if (ABOUT_VIEWS.test(sql)) return undefined;
  const words = new Set(sql.toLowerCase().match(/\w+/g));
  return (name) => words.has(name);
}

async function askViews<T>(
  {
    writable,
    scratch,
    ...narrowed
  }: { writable: readonly string[]; scratch: string } & Pick<ViewOptions, 'isWanted' | 'symbols'>,
  work: (connection: DuckDBConnection) => Promise<T>,
  { config, signal }: Context,
): Promise<T> {
  const lake = homeLake(config);
  let views: LakeViews | undefined;
  try {
    const intervals = narrowed.isWanted
      ? config.RESAMPLING_INTERVALS
      : await intervalsIn(lake, config.RESAMPLING_INTERVALS);
    const { BENCHMARKS: benchmarks } = config;
    views = await openViews(lake, scratch, { intervals, lists: LIST_VIEWS, benchmarks, signal, ...narrowed });
    await lockFiles(views, writable, join(scratch, 'spill'));
    return await work(views.connection);
  } catch (error) {
    if (isNamed(error, 'Usage.Invalid')) throw error;
    const blamed = views ? await views.blame(error as Error) : (error as Error);
    if (!views || blamed instanceof NamedError) throw blamed;
    throw duckdbRefusal(blamed, { tables: views.names, wanted: `views of the lake: ${views.names.join(', ')}` });
  } finally {
    views?.close();
  }
}

/** DuckDB gives BIGINT as text; where a number holds it exactly, it is one. */
function plain(row: Record<string, unknown>): Record_ {
  const cells = Object.entries(row).map(([name, value]) => {
    if (typeof value === 'string' && /^-?\d{1,15}$/.test(value) && name !== 'symbol') return [name, Number(value)];
    return [name, typeof value === 'object' && value !== null ? JSON.stringify(value) : value];
  });
  return Object.fromEntries(cells) as Record_;
}

async function askWarehouse(sql: string, context: Context): Promise<Record_[]> {
  // Databases and the clients for them are for those who ask one.
  const { withWarehouse } = await import('./pipeline.ts');
  const rows = await withWarehouse(context, async (warehouse) => {
    try {
      return await warehouse.read(asked(sql));
    } catch (error) {
      if (/size limit/.test((error as Error).message)) throw tooLarge(error as Error);
      const names = await warehouse.query(
        "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
      );
      const tables = names.map(({ name }) => String(name));
      const wanted = `SELECT, WITH, VALUES, TABLE, SHOW or EXPLAIN; tables of the warehouse: ${tables.join(', ')}`;
      throw postgresRefusal(error as Error, { sql: bare(sql), sent: asked(sql) }, { tables, wanted });
    }
  });
  if (rows) return rows;
  throw new NamedError('Usage.Invalid', {
    what: `${whereOf(context)} has no warehouse yet`,
    todo: `Run a night first: ${COMMANDS.night()}`,
  });
}

/**
 * In a subquery PostgreSQL's grammar knows neither DO nor COPY, which in a read-only transaction, too, may write files.
 * SHOW and EXPLAIN are no subqueries: they go as they are.
 */
function asked(sql: string): string {
  const statement = bare(sql);
  return /^(show|explain)\b/i.test(statement) ? statement : `SELECT * FROM (${statement}\n) AS asked`;
}

function bare(sql: string): string {
  return sql.trim().replace(/;\s*$/, '');
}

/** The Data API ends an answer there, on a laptop as on AWS. */
function tooLarge(error: Error): Error {
  const text = {
    what: 'the warehouse cannot answer with so much at once',
    found: error.message,
    wanted: 'at most 1 MiB in all and 64 KB a row',
    todo: 'Ask for fewer rows (WHERE, LIMIT) or fewer columns.',
  };
  return new NamedError('Usage.Invalid', text, { cause: error });
}

/**
 * From here on DuckDB opens no file but those of the views, the one it is to write and its own overflow, and no setting
 * can be changed.
 */
async function lockFiles({ connection, paths }: LakeViews, writable: readonly string[], spill: string): Promise<void> {
  // A path with a pattern's characters is looked up as the pattern it is given as, and opened as what that finds.
  const allowed = [...new Set([...paths, ...paths.map(exactPath), ...writable])];
  await connection.run(`SET temp_directory = ${sqlText(spill)}`);
  await connection.run(`SET allowed_paths = ${textList(allowed)}`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}
