import { join } from 'node:path';
import type { DuckDBConnection, DuckDBResultReader } from '@duckdb/node-api';
import { LIST_VIEWS } from '../datasets/registry.ts';
import { isNamed, NamedError } from '../errors.ts';
import { exactPath, textList } from '../lake/exact-paths.ts';
import { type Lake, listAll } from '../lake/lake.ts';
import { type LakeViews, openViews } from '../lake/views.ts';
import { type Context, homeLake, requireBegun } from './context.ts';
import { withWarehouse } from './pipeline.ts';
import { withScratch } from './scratch.ts';
import { type Cell, table } from './terminal.ts';

const SHOWN_ROWS = 100;

export interface QueryOptions {
  warehouse?: boolean;
}

type Record_ = Record<string, Cell | boolean>;

/** Asks the lake (DuckDB) or the warehouse (PostgreSQL) and prints the rows. */
export async function query(sql: string, options: QueryOptions, context: Context): Promise<number> {
  await requireBegun(context);
  const rows = options.warehouse ? await askWarehouse(sql, context) : await askLake(sql, context);
  const { terminal } = context;
  if (terminal.json) terminal.print(JSON.stringify(rows));
  else if (rows.length === 0) terminal.print('no rows');
  else {
    const head = Object.keys(rows[0]!);
    const cells = rows.slice(0, SHOWN_ROWS).map((row) => head.map((name) => shown(row[name])));
    terminal.print(table(head, cells, String));
    if (rows.length > SHOWN_ROWS) terminal.print(`… ${rows.length} rows in all; --json gives every one`);
  }
  return 0;
}

/** Numbers as they are, to the last digit: these are prices. */
function shown(value: Cell | boolean): Cell {
  return typeof value === 'boolean' ? String(value) : value;
}

async function askLake(sql: string, context: Context): Promise<Record_[]> {
  return withScratch('query', (scratch) => askViews(sql, scratch, context));
}

async function askViews(sql: string, scratch: string, { config, signal }: Context): Promise<Record_[]> {
  const lake = homeLake(config);
  let views: LakeViews | undefined;
  try {
    views = await openViews(lake, scratch, {
      intervals: await intervalsIn(lake, config.RESAMPLING_INTERVALS),
      lists: LIST_VIEWS,
      signal,
    });
    await lockFiles(views, join(scratch, 'spill'));
    const reader = await runReading(views.connection, sql);
    return reader.getRowObjectsJson().map((row) => plain(row as Record<string, unknown>));
  } catch (error) {
    if (isNamed(error, 'Usage.Invalid')) throw error;
    const blamed = views ? await views.blame(error as Error) : (error as Error);
    if (!views || blamed instanceof NamedError) throw blamed;
    throw sqlError(blamed, `views of the lake: ${views.names.join(', ')}`);
  } finally {
    views?.close();
  }
}

/** The intervals of the settings, and those somebody made by hand. */
async function intervalsIn(lake: Lake, usual: readonly number[]): Promise<number[]> {
  const made = (await listAll(lake, 'silver/')).map(({ key }) =>
    Number(/^silver\/silver_(\d+)d\//.exec(key)?.[1] ?? 0),
  );
  return [...new Set([...usual, ...made])].filter((interval) => interval > 0).sort((a, b) => a - b);
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
  const rows = await withWarehouse(context, async (warehouse) => {
    try {
      return await warehouse.read(asked(sql));
    } catch (error) {
      if (/size limit/.test((error as Error).message)) throw tooLarge(error as Error);
      const names = await warehouse.query(
        "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
      );
      const wanted = `SELECT, WITH, VALUES, TABLE, SHOW or EXPLAIN; tables of the warehouse: ${names.map(({ name }) => name).join(', ')}`;
      throw sqlError(error as Error, wanted);
    }
  });
  if (rows) return rows;
  throw new NamedError('Usage.Invalid', {
    what: `${context.config.AFTERBELL_HOME} has no warehouse yet`,
    todo: 'Run a night first: npx afterbell night',
  });
}

/**
 * In a subquery PostgreSQL's grammar knows neither DO nor COPY, which in a read-only transaction, too, may write files.
 * SHOW and EXPLAIN are no subqueries: they go as they are.
 */
function asked(sql: string): string {
  const statement = sql.trim().replace(/;\s*$/, '');
  return /^(show|explain)\b/i.test(statement) ? statement : `SELECT * FROM (${statement}\n) AS asked`;
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

function sqlError(error: Error, wanted: string): Error {
  return new NamedError('Usage.Invalid', `${error.message.trim()}\n${wanted}`, { cause: error });
}

/** From here on DuckDB opens no file but those of the views and its own overflow, and no setting can be changed. */
async function lockFiles({ connection, paths }: LakeViews, spill: string): Promise<void> {
  // A path with a pattern's characters is looked up as the pattern it is given as, and opened as what that finds.
  const allowed = [...new Set([...paths, ...paths.map(exactPath)])];
  await connection.run(`SET temp_directory = '${spill.replaceAll("'", "''")}'`);
  await connection.run(`SET allowed_paths = ${textList(allowed)}`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

/**
 * Runs what only reads, in a read-only transaction, and returns the rows of the last statement. What a statement is, the
 * parser says: SHOW, DESCRIBE and SUMMARIZE are a SELECT; PIVOT comes apart into a type in memory and a SELECT.
 * @throws Usage.Invalid for nothing, and for a statement that could write: COPY, ATTACH, EXPORT, INSTALL, SET …
 */
export async function runReading(connection: DuckDBConnection, sql: string): Promise<DuckDBResultReader> {
  // DuckDB's own words for nothing are "Error in native callback".
  if (/^[\s;]*$/.test(sql.replace(/--.*|\/\*[\s\S]*?\*\//g, ' '))) throw notReading('no statement');
  const { StatementType } = await import('@duckdb/node-api');
  await connection.run('BEGIN TRANSACTION READ ONLY');
  try {
    const statements = await connection.extractStatements(sql);
    let reader: DuckDBResultReader | undefined;
    for (let index = 0; index < statements.count; index += 1) {
      const isLast = index === statements.count - 1;
      const prepared = await statements.prepare(index);
      try {
        const type = prepared.statementType;
        const reads =
          type === StatementType.SELECT ||
          (type === StatementType.CREATE && !isLast) ||
          (type === StatementType.EXPLAIN && (await explainsReading(connection, sql)));
        if (!reads) throw notReading(JSON.stringify(sql.trim().slice(0, 60)));
        reader = await prepared.runAndReadAll();
      } finally {
        prepared.destroySync();
      }
    }
    return reader!;
  } finally {
    await connection.run('ROLLBACK');
  }
}

/** EXPLAIN ANALYZE runs what it explains, and a COPY over a file of the views is kept by no lock: it must be a SELECT. */
async function explainsReading(connection: DuckDBConnection, sql: string): Promise<boolean> {
  const { StatementType } = await import('@duckdb/node-api');
  const explained = sql.replace(/^\s*explain\b\s*(analy[sz]e\b|\([^)]*\)(?=\s*\w))?/i, '');
  const statements = await connection.extractStatements(explained).catch(() => undefined);
  if (statements?.count !== 1) return false;
  const prepared = await statements.prepare(0).catch(() => undefined);
  const reads = prepared?.statementType === StatementType.SELECT;
  prepared?.destroySync();
  return reads;
}

function notReading(found: string): NamedError {
  return new NamedError('Usage.Invalid', {
    what: 'query reads only',
    found,
    wanted: 'SELECT, FROM, WITH, VALUES, TABLE, PIVOT, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN',
  });
}
