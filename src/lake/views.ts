import type { DuckDBConnection } from '@duckdb/node-api';
import { lastClosedSession, sessionsBetween } from '../calendar/calendar.ts';
import { fileList } from './exact-paths.ts';
import { currentHistories } from './histories.ts';
import { keys, type Lake, listAll } from './lake.ts';
import type { Column, ColumnType } from './parquet.ts';
import { corruptFile } from './parquet-columns.ts';
import { REVISION_COLUMNS, SYMBOL_CHANGE_COLUMNS } from './revisions.ts';
import { publishedSessions } from './session-files.ts';
import { PRICED_LIST, SYMBOL_HISTORY_COLUMNS } from './symbol-history-file.ts';
import indexMembers from './views.sql';

const SQL_TYPES: Readonly<Record<ColumnType, string>> = {
  text: 'VARCHAR',
  date: 'DATE',
  double: 'DOUBLE',
  bigint: 'BIGINT',
  integer: 'INTEGER',
  boolean: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
};

/** Columns a view has while the lake holds no file for it yet. */
const BAR = `symbol VARCHAR, date DATE, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume DOUBLE, vwap DOUBLE,
  transactions BIGINT, source VARCHAR, ingested_at TIMESTAMP`;
const SILVER = `symbol VARCHAR, date DATE, window_end DATE, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE,
  volume DOUBLE, bars INTEGER, complete BOOLEAN`;
const RECONCILE = `date DATE, symbol VARCHAR, polygon BOOLEAN, alpaca BOOLEAN, "index" BOOLEAN, bars BOOLEAN,
  reason VARCHAR`;
const [REVISIONS, CHANGES, HISTORY] = [REVISION_COLUMNS, SYMBOL_CHANGE_COLUMNS, SYMBOL_HISTORY_COLUMNS].map(
  sqlColumns,
) as [string, string, string];

/** What is shown of a reference list. */
export interface ListView {
  dataset: string;
  name: string;
  /** All of its snapshots, or the newest one. */
  every: boolean;
  columns: readonly Column[];
  /** Whether its symbols have a history, so that there are `{dataset}_changes`. */
  changes: boolean;
}

export interface LakeViews {
  connection: DuckDBConnection;
  /** View names, in the order shown to people. */
  names: string[];
  /** The files the views read, as DuckDB was given them. */
  paths: string[];
  /** The error of a failed statement, or `Lake.Corrupt` where a file of the lake is to blame. */
  blame(error: Error): Promise<Error>;
  close(): void;
}

/**
 * DuckDB over the lake: `bars` (consolidated history), `sessions` (session files), `bars_{N}d`, and the newest
 * snapshot of each reference dataset; `index_lists` (every list of an index) and `index_members` (who was in it from
 * when to when); `reconcile` (the newest comparison of the lists), `revisions` (bars that a later
 * fetch brought otherwise), `symbol_changes` (what was listed, delisted, renamed),
 * `symbol_history` (who carried a symbol when), `calendar` and `missing_sessions`.
 * An abort of `signal` ends what a statement computes.
 * @throws Lake.Corrupt, naming the file, when the first one of a view is damaged
 */
export async function openViews(
  lake: Lake,
  scratch: string,
  {
    intervals,
    lists,
    signal,
  }: { intervals: readonly number[]; lists: readonly ListView[]; signal?: AbortSignal | undefined },
): Promise<LakeViews> {
  // Loaded by who asks: a tenth of a second that a night need not spend.
  const { DuckDBInstance } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_persistent_secrets: 'false',
  });
  const connection = await instance.connect();
  const under = async (prefix: string, ending: string) =>
    (await listAll(lake, prefix)).map(({ key }) => key).filter((key) => key.endsWith(ending));
  const views: [name: string, files: string[], columns: string][] = [
    ['bars', currentHistories(await under('bronze/raw_ohlcv/symbol=', '/data.parquet')), BAR],
    ['sessions', await under('bronze/sessions/date=', '/bars.parquet'), BAR],
  ];
  for (const interval of intervals) {
    views.push([`bars_${interval}d`, await under(`silver/silver_${interval}d/`, '.parquet'), SILVER]);
  }
  for (const { dataset, name, every, columns } of lists) {
    const files = await under(`reference/${dataset}/date=`, '.parquet');
    views.push([name, every ? files : files.slice(-1), sqlColumns(columns)]);
  }
  views.push(['reconcile', (await under('reports/date=', '/reconcile.parquet')).slice(-1), RECONCILE]);
  views.push(['revisions', await under(keys.revisionsOf, '.parquet'), REVISIONS]);
  const changes = lists
    .filter((list) => list.changes)
    .map(({ dataset }) => under(keys.symbolChangesOf(dataset), '.parquet'));
  views.push(['symbol_changes', (await Promise.all(changes)).flat(), CHANGES]);
  views.push(['symbol_history', (await under(keys.symbolHistoryOf(PRICED_LIST), '.parquet')).slice(-1), HISTORY]);
  const keyOf = new Map<string, string>();
  const interrupt = () => connection.interrupt();
  signal?.addEventListener('abort', interrupt);
  const blame = async (error: Error) => (signal?.aborted ? signal.reason : blameFile(error, keyOf, connection));
  const close = () => {
    signal?.removeEventListener('abort', interrupt);
    connection.closeSync();
    instance.closeSync();
  };
  try {
    for (const [name, files, columns] of views) {
      signal?.throwIfAborted();
      const paths = await lake.localise(files, scratch);
      for (const [place, path] of paths.entries()) keyOf.set(path, files[place]!);
      const source = files.length > 0 ? `SELECT * FROM ${parquetOf(paths)}` : nothing(columns);
      await connection.run(`CREATE VIEW "${name}" AS ${source}`);
    }
    await connection.run(indexMembers);
    const names = [...views.map(([name]) => name), 'index_members', ...(await addCalendar(connection, lake))];
    return { connection, names, paths: [...keyOf.keys()], blame, close };
  } catch (error) {
    const blamed = await blame(error as Error);
    close();
    throw blamed;
  }
}

function sqlColumns(columns: readonly Column[]): string {
  return columns.map(({ name, type }) => `"${name}" ${SQL_TYPES[type]}`).join(', ');
}

function nothing(columns: string): string {
  const typed = columns.split(',').map((column) => {
    const [name, type] = column.trim().split(/\s+/);
    return `NULL::${type} AS ${name}`;
  });
  return `SELECT ${typed.join(', ')} WHERE false`;
}

/**
 * `calendar` (date, held): every session from the first one held to the last one closed; `missing_sessions` (date):
 * those of them the lake does not hold. Returns the names.
 */
export async function addCalendar(connection: DuckDBConnection, lake: Lake): Promise<string[]> {
  const held = (await publishedSessions(lake)).map(({ date }) => date);
  const last = [lastClosedSession(new Date()), held.at(-1) ?? ''].sort()[1]!;
  const sessions = held[0] === undefined ? [] : sessionsBetween(held[0], last);
  const rows = (dates: readonly string[]) => `SELECT unnest([${dates.map((date) => `'${date}'`).join(', ')}]::DATE[])`;
  await connection.run(
    `CREATE TABLE calendar AS SELECT date, date IN (${rows(held)}) AS held FROM (${rows(sessions)} AS date)`,
  );
  await connection.run('CREATE VIEW missing_sessions AS SELECT date FROM calendar WHERE NOT held ORDER BY date');
  return ['calendar', 'missing_sessions'];
}

/**
 * What a failed statement says of the lake: `Lake.Corrupt` naming the file that ended it, or the error itself where no
 * file is to blame. DuckDB names a file that is cut, but none that is damaged within: then each is read to its end.
 * @param files keys by the paths DuckDB was given
 */
export async function blameFile(
  error: Error,
  files: ReadonlyMap<string, string>,
  connection: DuckDBConnection,
): Promise<Error> {
  const said = error.message.split('\n')[0]!;
  if (/^(IO|Invalid Input) Error: /.test(said)) {
    const named = [...files].find(([path]) => said.includes(path));
    return named ? corruptFile(named[1], said.replace(named[0], named[1]), error) : error;
  }
  if (!said.startsWith('Invalid Error: ')) return error;
  for (const [path, key] of files) {
    try {
      // A count alone is answered from the footer; a hash needs every value.
      await connection.run(`SELECT max(hash(rows)) FROM ${parquetOf([path])} AS rows`);
    } catch {
      return corruptFile(key, said, error);
    }
  }
  return error;
}

/** The table function over these paths, whose folder names mean nothing: `symbol=NULL` is a symbol. */
export function parquetOf(paths: readonly string[]): string {
  return `read_parquet(${fileList(paths)}, hive_partitioning = false)`;
}
