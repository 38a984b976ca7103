import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sessionHours, sessionsBetween } from '../calendar/calendar.ts';
import { NamedError } from '../errors.ts';
import { createDerived, DATED_LISTS, DERIVED_VIEWS, type Snapshots } from './derived-views.ts';
import { exactPath, sqlText, textList } from './exact-paths.ts';
import { keys, type Lake, readJson } from './lake.ts';
import { openDuckDb } from './open-duckdb.ts';
import { publishedSessions } from './session-files.ts';
import {
  allBars,
  BENCHMARKS,
  datedFiles,
  fileViews,
  intervalsIn,
  MISSING_SESSIONS,
  nothing,
  selectOf,
  type ViewOptions,
} from './views.ts';

/** What DuckDB 1.1 opens, and every later version. */
const STORAGE_VERSION = 'v1.0.0';

/** Goes before every path, so that one line says where the lake is. */
const ROOT = 'lake_root()';
const rootIs = (root: string) => `CREATE OR REPLACE MACRO ${ROOT} AS ${sqlText(exactPath(root))}`;
const below = (key: string) => `${ROOT} || ${sqlText(`/${key}`)}`;

/**
 * Writes `catalog/afterbell.duckdb`, a database of views and macros over the lake, and the same as `catalog/views.sql`;
 * whether anything had changed. Whoever opens the file has the views of `afterbell query` without us and without a lock.
 * Views name patterns, so that a later session is seen when it is there; `bars` shows the sessions that every history
 * holds, so that one which is being consolidated is not seen in part.
 * @param scratch a folder for the file until it is complete
 * @throws what DuckDB says of a file that cannot be read
 */
export async function writeCatalog(
  lake: Lake,
  scratch: string,
  options: Pick<ViewOptions, 'intervals' | 'lists' | 'benchmarks'>,
): Promise<boolean> {
  const folder = await mkdtemp(join(scratch, 'catalog-'));
  try {
    const isFolder = lake.uri.startsWith('file:');
    const root = isFolder ? fileURLToPath(lake.uri) : lake.uri;
    const { statements, samples } = await catalogStatements(lake, options);
    const text = Buffer.from(`${HEAD}\n${[rootIs(root), ...statements].map((one) => `\n${one};\n`).join('')}`);
    const stored = await lake.read(keys.catalogSql);
    if (stored && Buffer.compare(stored, text) === 0 && (await lake.read(keys.catalog))) return false;
    // DuckDB looks at a file of each pattern when a view is made. It reads no bucket here: they are fetched.
    const local = isFolder ? root : join(folder, 'lake');
    if (!isFolder) for (const key of samples) await fetchTo(lake, key, join(local, key));
    const path = join(folder, 'afterbell.duckdb');
    await fill(path, [rootIs(local), ...statements, rootIs(root)]);
    await lake.write(keys.catalog, await readFile(path));
    // Last: it says that the other one is up to date.
    await lake.write(keys.catalogSql, text);
    return true;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const HEAD = `-- The views and macros of ${keys.catalog}, for DuckDB 1.1 and later. Rewritten when they change; edits are lost.`;

async function fill(path: string, statements: readonly string[]): Promise<void> {
  const { connection, close } = await openDuckDb();
  try {
    await connection.run(`ATTACH ${sqlText(path)} AS lake_catalog (STORAGE_VERSION '${STORAGE_VERSION}')`);
    await connection.run('USE lake_catalog');
    for (const statement of statements) await connection.run(statement);
    await connection.run('USE memory');
    // Only then everything is in the file itself, and nothing in a log beside it.
    await connection.run('DETACH lake_catalog');
  } finally {
    close();
  }
}

/** What makes the views, and as `samples` the keys of the files that must be there for it: one of each pattern. */
async function catalogStatements(
  lake: Lake,
  { intervals, lists, benchmarks = BENCHMARKS }: Parameters<typeof writeCatalog>[2],
): Promise<{ statements: string[]; samples: string[] }> {
  const statements: string[] = [];
  const samples: string[] = [];
  const views = fileViews(lake, { intervals: await intervalsIn(lake, intervals), lists });
  for (const { name, list, patterns, ...view } of views) {
    const files = await list();
    const firstOf = (pattern: string) => files.find((key) => key.startsWith(pattern.slice(0, pattern.indexOf('*'))));
    // A pattern that finds no Parquet is an error to DuckDB.
    const named = view.json ? patterns : patterns?.filter((one) => firstOf(one) !== undefined);
    const sampled = named ? named.map(firstOf).filter((key) => key !== undefined) : files;
    samples.push(...sampled);
    const paths = (named ?? files).map(below);
    const select = paths.length > 0 ? selectOf(view, `[${paths.join(', ')}]`) : nothing(view.columns);
    const only = name === 'bars' && files.length > 0 ? await consolidatedOnly(lake) : '';
    statements.push(`CREATE OR REPLACE VIEW "${name}" AS ${select}${only}`);
  }
  statements.push(...(await calendarViews(lake)));
  const snapshots: Record<string, Snapshots> = {};
  for (const list of DATED_LISTS) {
    const { prefix, dates } = await datedFiles(lake, list);
    snapshots[list] = { dates, fileAt: (place) => `${below(prefix)} || ${textList(dates)}[${place}] || '.parquet'` };
  }
  const sources = { bars: await allBars(lake), benchmarks, snapshots };
  const derived = DERIVED_VIEWS.map((view) => createDerived(view, sources));
  statements.push(...derived.map((one) => one.replace(/^CREATE /, 'CREATE OR REPLACE ')));
  return { statements, samples };
}

async function fetchTo(lake: Lake, key: string, path: string): Promise<void> {
  const bytes = await lake.read(key);
  if (!bytes) throw new NamedError('Lake.Corrupt', { what: `${key} is missing from ${lake.uri}` });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

/** The condition that leaves out what only some histories hold yet. */
async function consolidatedOnly(lake: Lake): Promise<string> {
  const done = await readJson<{ sessions?: object; outside?: object }>(lake, keys.consolidated);
  const dates = [...new Set([...Object.keys(done?.sessions ?? {}), ...Object.keys(done?.outside ?? {})])].sort();
  const runs = stretches(dates).map(([from, to]) => `date BETWEEN DATE '${from}' AND DATE '${to}'`);
  return runs.length === 0 ? '' : ` WHERE ${runs.join(' OR ')}`;
}

/** Pure: dates in order as stretches from first to last, between which no session is missing. */
export function stretches(dates: readonly string[]): [from: string, to: string][] {
  const found: [string, string][] = [];
  for (const date of dates) {
    const last = found.at(-1);
    if (last && isNext(last[1], date)) last[1] = date;
    else found.push([date, date]);
  }
  return found;
}

/** Not known of days that the calendar does not reach: an adopted history may have some. */
function isNext(before: string, date: string): boolean {
  try {
    return sessionsBetween(before, date).every((one) => one === before || one === date);
  } catch {
    return false;
  }
}

/** `calendar` and `missing_sessions` as `afterbell query` has them, true at any later moment: what is held, and what has closed. */
async function calendarViews(lake: Lake): Promise<string[]> {
  const published = (await publishedSessions(lake)).map(({ date }) => date);
  const [first, last] = [published[0], published.at(-1)];
  const missing = `CREATE OR REPLACE VIEW "missing_sessions" AS ${MISSING_SESSIONS}`;
  if (first === undefined || last === undefined)
    return [`CREATE OR REPLACE VIEW "calendar" AS ${nothing('date DATE, held BOOLEAN')}`, missing];
  // Up to the end of the next year, so that it is true for long and changes but once a year.
  const sessions = sessionsBetween(first, `${Number(last.slice(0, 4)) + 1}-12-31`);
  const closes = sessions.map((date) => Date.parse(sessionHours(date).close));
  return [
    `CREATE OR REPLACE VIEW "calendar" AS
SELECT date, date IN (SELECT regexp_extract(file, 'date=([-0-9]+)\\.json$', 1)::DATE FROM glob(${below('processing_metadata/ingest/date=*.json')})) AS held
FROM (SELECT unnest(${textList(sessions)}::DATE[]) AS date, unnest([${closes.join(', ')}]::BIGINT[]) AS closes)
WHERE closes <= epoch_ms(now()) OR date <= DATE '${last}'`,
    missing,
  ];
}
