import type { DuckDBConnection } from '@duckdb/node-api';
import { lastClosedSession, sessionsBetween } from '../calendar/calendar.ts';
import {
  createDerived,
  DATED_LISTS,
  DERIVED_VIEWS,
  type DerivedSources,
  neededFor,
  type Snapshots,
} from './derived-views.ts';
import { fileList, textList } from './exact-paths.ts';
import { currentHistories } from './histories.ts';
import { dateOfKey, keys, type Lake, listAll, readJson } from './lake.ts';
import { openDuckDb } from './open-duckdb.ts';
import type { Column, ColumnType } from './parquet.ts';
import { corruptFile } from './parquet-columns.ts';
import { REVISION_COLUMNS, SYMBOL_CHANGE_COLUMNS } from './revisions.ts';
import { publishedSessions } from './session-files.ts';
import { PRICED_LIST, SYMBOL_HISTORY_COLUMNS } from './symbol-history-file.ts';

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
const QUARANTINE = 'date DATE, dataset VARCHAR, symbol VARCHAR, reason VARCHAR, row JSON';
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

export interface ViewOptions {
  intervals: readonly number[];
  lists: readonly ListView[];
  signal?: AbortSignal | undefined;
  /** Symbols of the view `benchmark`. */
  benchmarks?: readonly string[];
  /** Whether a view is of use; all are unless said. Of the others nothing is read: not even their files are looked for. */
  isWanted?: (name: string) => boolean;
  /** The only symbols whose bars are asked for; undefined: any. */
  symbols?: (connection: DuckDBConnection) => Promise<readonly string[] | undefined>;
}

export interface LakeViews {
  connection: DuckDBConnection;
  /** The names of all views, in the order shown to people, wanted or not. */
  names: string[];
  /** Those that take parameters, as they are written: `universe(as_of)`. */
  macros: string[];
  /** The files the views read, as DuckDB was given them. */
  paths: string[];
  /** The error of a failed statement, or `Lake.Corrupt` where a file of the lake is to blame. */
  blame(error: Error): Promise<Error>;
  close(): void;
}

/**
 * DuckDB over the lake (and what is made of it, `derived-views.ts`): `bars` (consolidated history), `sessions` (session files), `bars_{N}d`, and the newest
 * snapshot of each reference dataset; `index_lists` (every list of an index) and `index_members` (who was in it from
 * when to when); `reconcile` (the newest comparison of the lists), `revisions` (bars that a later
 * fetch brought otherwise), `symbol_changes` (what was listed, delisted, renamed),
 * `symbol_history` (who carried a symbol when), `quarantine` (refused rows), `calendar` and `missing_sessions`.
 * An abort of `signal` ends what a statement computes.
 * @throws Lake.Corrupt, naming the file, when the first one of a view is damaged
 */
export async function openViews(lake: Lake, scratch: string, options: ViewOptions): Promise<LakeViews> {
  const { signal, isWanted = () => true } = options;
  const { connection, close: closeDuckDb } = await openDuckDb();
  const views = fileViews(lake, options);
  const keyOf = new Map<string, string>();
  const interrupt = () => connection.interrupt();
  signal?.addEventListener('abort', interrupt);
  const blame = async (error: Error) => (signal?.aborted ? signal.reason : blameFile(error, keyOf, connection));
  const close = () => {
    signal?.removeEventListener('abort', interrupt);
    closeDuckDb();
  };
  const needed = neededFor(isWanted);
  const made = DERIVED_VIEWS.filter(({ name }) => needed.has(name));
  try {
    const bars = needed.has('all_bars') ? await allBars(lake) : 'bars';
    const wanted = (name: string) => isWanted(name) || needed.has(name) || (name === bars && needed.has('all_bars'));
    for (const { name, list, ...view } of views.filter((one) => wanted(one.name))) {
      signal?.throwIfAborted();
      const only = name === 'bars' ? await options.symbols?.(connection) : undefined;
      const files = only ? await historiesOf(lake, only) : await list();
      const paths = await lake.localise(files, scratch);
      for (const [place, path] of paths.entries()) keyOf.set(path, files[place]!);
      const select = files.length > 0 ? selectOf(view, fileList(paths)) : nothing(view.columns);
      await connection.run(`CREATE VIEW "${name}" AS ${select}`);
    }
    if (CALENDAR.some(isWanted)) await addCalendar(connection, lake);
    const snapshots = await snapshotsOf(lake, scratch, { lists: made.map(({ name }) => name), keyOf });
    const sources = { bars, benchmarks: options.benchmarks ?? BENCHMARKS, snapshots };
    for (const view of made) await connection.run(createDerived(view, sources));
    const derived = DERIVED_VIEWS.filter(({ parameters }) => parameters === undefined);
    const names = [...views, ...derived].map(({ name }) => name).concat(CALENDAR);
    const macros = DERIVED_VIEWS.flatMap(({ name, parameters }) => (parameters ? [`${name}(${parameters})`] : []));
    return { connection, names, macros, paths: [...keyOf.keys()], blame, close };
  } catch (error) {
    const blamed = await blame(error as Error);
    close();
    throw blamed;
  }
}

/** Whether a view shows files of the lake as they are. */
export function isOfFiles(view: string): boolean {
  return !DERIVED_VIEWS.some(({ name }) => name === view);
}

export const BENCHMARKS: readonly string[] = ['SPY', 'IWM', 'QQQ'];

/**
 * The view that has every bar as traded: session files, which are fewer, as long as every bar came by them; histories where
 * some are of the original layout.
 */
export async function allBars(lake: Lake): Promise<'bars' | 'sessions'> {
  const consolidated = await readJson<{ outside?: object }>(lake, keys.consolidated);
  return Object.keys(consolidated?.outside ?? {}).length > 0 ? 'bars' : 'sessions';
}

/** Snapshots of the lists that are asked for as they were, by list. */
async function snapshotsOf(
  lake: Lake,
  scratch: string,
  { lists, keyOf }: { lists: readonly string[]; keyOf: Map<string, string> },
): Promise<DerivedSources['snapshots']> {
  const found: Record<string, Snapshots> = {};
  for (const list of DATED_LISTS.filter((name) => lists.includes(`${name}_as_known`))) {
    const { dates, files } = await datedFiles(lake, list);
    const paths = await lake.localise(files, scratch);
    found[list] = { dates, fileAt: (place) => `${fileList(paths)}[${place}]` };
    for (const [place, path] of paths.entries()) keyOf.set(path, files[place]!);
  }
  return found;
}

/** Days and keys of a list's snapshots, oldest first; each key is the prefix, its day and `.parquet`. */
export async function datedFiles(
  lake: Lake,
  list: (typeof DATED_LISTS)[number],
): Promise<{ prefix: string; dates: string[]; files: string[] }> {
  const prefix = list === 'symbol_history' ? keys.symbolHistoryOf(PRICED_LIST) : `reference/${list}/date=`;
  const found = (await listAll(lake, prefix)).map(({ key }) => key).filter((key) => key.endsWith('.parquet'));
  const files = found.filter((key) => dateOfKey(key) !== undefined);
  return { prefix, dates: files.map((key) => dateOfKey(key)!), files };
}

/** A view over files of the lake; they are looked for when somebody asks for the view. */
interface FileView {
  name: string;
  list: () => Promise<string[]>;
  /** Patterns of DuckDB that find the same files, also those of later nights; none where only the newest file counts. */
  patterns?: readonly string[];
  /** For a view without a file. */
  columns: string;
  /** Lines of quarantine; Parquet unless said. */
  json?: boolean;
  /** Some of its files may lack a column, which is then null. */
  uneven?: boolean;
}

export function fileViews(lake: Lake, { intervals, lists }: Pick<ViewOptions, 'intervals' | 'lists'>): FileView[] {
  const under = async (prefix: string, ending: string) =>
    (await listAll(lake, prefix)).map(({ key }) => key).filter((key) => key.endsWith(ending));
  const newest = async (prefix: string, ending: string) => (await under(prefix, ending)).slice(-1);
  const changes = lists.filter((list) => list.changes).map(({ dataset }) => keys.symbolChangesOf(dataset));
  return [
    {
      name: 'bars',
      list: async () => currentHistories(await under('bronze/raw_ohlcv/symbol=', '/data.parquet')),
      patterns: ['bronze/raw_ohlcv/symbol=*/data.parquet'],
      columns: BAR,
    },
    {
      name: 'sessions',
      list: () => under('bronze/sessions/date=', '/bars.parquet'),
      patterns: ['bronze/sessions/date=*/bars.parquet'],
      columns: BAR,
    },
    ...intervals.map((interval) => {
      const list = () => under(keys.silverOf(interval), '.parquet');
      const patterns = [`${keys.silverOf(interval)}year=*/month=*/*.parquet`];
      return { name: `bars_${interval}d`, list, patterns, columns: SILVER };
    }),
    ...lists.map(({ dataset, name, every, columns }) => {
      const prefix = `reference/${dataset}/date=`;
      const view = { name, columns: sqlColumns(columns) };
      if (!every) return { ...view, list: () => newest(prefix, '.parquet') };
      const places = [prefix, keys.backfilledOf(dataset)];
      const list = async () => (await Promise.all(places.map((place) => under(place, '.parquet')))).flat();
      return { ...view, list, patterns: places.map((place) => `${place}*.parquet`), uneven: true };
    }),
    { name: 'reconcile', list: () => newest('reports/date=', '/reconcile.parquet'), columns: RECONCILE },
    {
      name: 'revisions',
      list: () => under(keys.revisionsOf, '.parquet'),
      patterns: [`${keys.revisionsOf}date=*/*.parquet`],
      columns: REVISIONS,
    },
    {
      name: 'symbol_changes',
      list: async () => (await Promise.all(changes.map((prefix) => under(prefix, '.parquet')))).flat(),
      patterns: changes.map((prefix) => `${prefix}*.parquet`),
      columns: CHANGES,
    },
    {
      name: 'symbol_history',
      list: () => newest(keys.symbolHistoryOf(PRICED_LIST), '.parquet'),
      columns: HISTORY,
      uneven: true,
    },
    {
      name: 'quarantine',
      list: () => under(keys.quarantineOf, '.jsonl'),
      patterns: [`${keys.quarantineOf}*.jsonl`],
      columns: QUARANTINE,
      json: true,
    },
  ];
}

/** The histories of these symbols, found by their folders and not among those of all. */
async function historiesOf(lake: Lake, symbols: readonly string[]): Promise<string[]> {
  const wanted = new Set(symbols.flatMap((symbol) => [keys.symbol(symbol), keys.oldSymbol(symbol)]));
  const folders = new Set([...wanted].map((key) => key.slice(0, key.lastIndexOf('/') + 1)));
  const found = await Promise.all([...folders].map((folder) => listAll(lake, folder)));
  return currentHistories(
    found
      .flat()
      .map(({ key }) => key)
      .filter((key) => wanted.has(key)),
  );
}

/** What a view over files selects. @param files a list of SQL */
export function selectOf(
  { json, uneven, columns }: Pick<FileView, 'json' | 'uneven' | 'columns'>,
  files: string,
): string {
  if (json) return quarantineOf(files);
  if (!uneven) return `SELECT * FROM ${parquetOf(files)}`;
  return `SELECT * FROM ${parquetOf(files, ', union_by_name = true')} UNION ALL BY NAME ${nothing(columns)}`;
}

/** The table function over a list of SQL, whose folder names mean nothing: `symbol=NULL` is a symbol. */
function parquetOf(files: string, more = ''): string {
  return `read_parquet(${files}, hive_partitioning = false${more})`;
}

/**
 * A torn line is no row here; `status --failed` and `afterbell quarantine` name it. As texts, because `read_json` refuses
 * a pattern that finds nothing: a stage's catalog is written before a first row of the night may be refused.
 */
function quarantineOf(files: string): string {
  return `SELECT TRY_CAST(line->>'date' AS DATE) AS date, line->>'dataset' AS dataset, line->>'symbol' AS symbol,
  line->>'reason' AS reason, line->'row' AS row
FROM (SELECT TRY_CAST(unnest(string_split(content, chr(10))) AS JSON) AS line FROM read_text(${files}))
WHERE dataset IS NOT NULL`;
}

function sqlColumns(columns: readonly Column[]): string {
  return columns.map(({ name, type }) => `"${name}" ${SQL_TYPES[type]}`).join(', ');
}

export function nothing(columns: string): string {
  const typed = columns.split(',').map((column) => {
    const [name, type] = column.trim().split(/\s+/);
    return `NULL::${type} AS ${name}`;
  });
  return `SELECT ${typed.join(', ')} WHERE false`;
}

/** The intervals of the settings, and those somebody made by hand. */
export async function intervalsIn(lake: Lake, usual: readonly number[]): Promise<number[]> {
  const made = (await listAll(lake, 'silver/')).map(({ key }) =>
    Number(/^silver\/silver_(\d+)d\//.exec(key)?.[1] ?? 0),
  );
  return [...new Set([...usual, ...made])].filter((interval) => interval > 0).sort((a, b) => a - b);
}

const CALENDAR = ['calendar', 'missing_sessions'];
/** What `missing_sessions` selects. */
export const MISSING_SESSIONS = 'SELECT date FROM calendar WHERE NOT held ORDER BY date';

/**
 * `calendar` (date, held): every session from the first one held to the last one closed; `missing_sessions` (date):
 * those of them the lake does not hold.
 */
async function addCalendar(connection: DuckDBConnection, lake: Lake): Promise<void> {
  const held = (await publishedSessions(lake)).map(({ date }) => date);
  const last = [lastClosedSession(new Date()), held.at(-1) ?? ''].sort()[1]!;
  const sessions = held[0] === undefined ? [] : sessionsBetween(held[0], last);
  const rows = (dates: readonly string[]) => `SELECT unnest(${textList(dates)}::DATE[])`;
  await connection.run(
    `CREATE TABLE calendar AS SELECT date, date IN (${rows(held)}) AS held FROM (${rows(sessions)} AS date)`,
  );
  await connection.run(`CREATE VIEW missing_sessions AS ${MISSING_SESSIONS}`);
}

/**
 * What a failed statement says of the lake: `Lake.Corrupt` naming the file that ended it, or the error itself where no
 * file is to blame. DuckDB names a file that is cut, but none that is damaged within: then each is read to its end.
 * @param files keys by the paths DuckDB was given
 */
async function blameFile(
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
    if (!key.endsWith('.parquet')) continue;
    try {
      // A count alone is answered from the footer; a hash needs every value.
      await connection.run(`SELECT max(hash(rows)) FROM ${parquetOf(fileList([path]))} AS rows`);
    } catch {
      return corruptFile(key, said, error);
    }
  }
  return error;
}
