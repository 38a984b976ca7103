import { closureReason, isSameCalendar, sessionsBetween } from '../../calendar/calendar.ts';
import { inFlight } from '../../concurrency.ts';
import { LIST_VIEWS, STORED_LISTS } from '../../datasets/registry.ts';
import { isNamed } from '../../errors.ts';
import { manifestIn, readConsolidated } from '../../jobs/consolidate/consolidation-state.ts';
import { decodeBarColumns } from '../../lake/bar-table.ts';
import { fileList } from '../../lake/exact-paths.ts';
import { historyKeys } from '../../lake/histories.ts';
import { dateOfKey, keys, type Lake, listAll, readJson } from '../../lake/lake.ts';
import { decodeRows } from '../../lake/parquet.ts';
import { checksumOf, type Ingest, publishedSessions, usableIngest } from '../../lake/session-files.ts';
import { decodeSilver, readSilverCheckpoint } from '../../lake/silver.ts';
import { readSplits } from '../../lake/splits-list.ts';
import { isOfFiles, type LakeViews, openViews } from '../../lake/views.ts';
import { retentionCutoff } from '../../night/maintenance.ts';
import { COMMANDS } from '../../report/next-steps.ts';
import { counted as counts, figure, placeIn, statement } from '../../text.ts';
import type { SqlRow, Warehouse } from '../../warehouse/client.ts';
import enrichmentStatements from '../../warehouse/enrichment.sql';
import { readPaged } from '../../warehouse/paged.ts';
import pricesStatements from '../../warehouse/prices.sql';
import { type Check, type Rebuild, refetch, SHOWN } from './check.ts';
import checksStatements from './checks.sql';
import { lostHistories, lostRuns } from './lost-rows.ts';

const enrichmentCountsSql = statement(enrichmentStatements, 'enrichment-counts');
const pricesPerSessionSql = statement(pricesStatements, 'prices-per-session');
const barsAgainstSessionsSql = statement(checksStatements, 'bars-against-sessions');
const barFaultsSql = statement(checksStatements, 'bar-faults');
const historySql = statement(checksStatements, 'history');
const sessionRowsSql = statement(checksStatements, 'session-rows');
const silverSql = statement(checksStatements, 'silver');
const splitWindowsSql = statement(checksStatements, 'split-windows');

/** Sessions by their ingest manifests; undefined where the manifest itself is damaged. */
export type Ingests = ReadonlyMap<string, Ingest | undefined>;

export async function readIngests(lake: Lake): Promise<Ingests> {
  const found = new Map<string, Ingest | undefined>();
  for (const { date } of await publishedSessions(lake)) found.set(date, await usableIngest(lake, date));
  return found;
}

/** Every session file against its ingest manifest, byte for byte. */
export async function checkSessions(lake: Lake, ingests: Ingests): Promise<Check> {
  const problems: string[] = [];
  const dates: string[] = [];
  const fault = (date: string, text: string) => {
    problems.push(`${date}: ${text}`);
    dates.push(date);
  };
  let rows = 0;
  for (const [date, ingest] of ingests) {
    const bytes = await lake.read(keys.session(date));
    if (!ingest) fault(date, 'the ingest manifest is damaged');
    else if (!bytes) fault(date, 'the session file is missing');
    else if (checksumOf(bytes) !== ingest.checksum) {
      fault(date, 'the session file is not the one that was published');
    } else rows += ingest.rows;
  }
  const files = (await listAll(lake, 'bronze/sessions/date=')).map(({ key }) => dateOfKey(key) ?? key);
  for (const date of files) if (!ingests.has(date)) fault(date, 'a session file without an ingest manifest');
  const counted = `${counts(ingests.size, 'session')}, ${counts(rows, 'row')}`;
  return { name: 'sessions', counted, problems, repairs: dates.map(refetch), notes: [] };
}

export function checkCalendar(ingests: Ingests): Check {
  const dates = [...ingests.keys()];
  const problems = dates.flatMap((date) => {
    const closed = closureReason(date);
    return closed === undefined ? [] : [`${date} is published but was no session: ${closed}`];
  });
  const [first, last] = [dates[0], dates.at(-1)];
  const missing = first && last ? sessionsBetween(first, last).filter((date) => !ingests.has(date)) : [];
  const named = missing.slice(0, SHOWN).join(', ');
  const notes =
    missing.length > 0
      ? [`${counts(missing.length, 'session')} between ${missing.length === 1 ? 'is' : 'are'} not published: ${named}`]
      : [];
  return {
    name: 'calendar',
    counted: first ? `${first} to ${last}` : 'nothing published',
    problems,
    repairs: [],
    notes,
  };
}

/** The warehouse's other tables against what the lake has of them. */
export async function checkTables(lake: Lake, warehouse: Warehouse): Promise<Check[]> {
  const runs = await lostRuns(lake, warehouse);
  const lists: Check[] = [];
  for (const { name, stored } of STORED_LISTS) {
    const { counted, problems } = await stored.check(lake, warehouse);
    lists.push(tableCheck(name, counted, problems));
  }
  const histories = await lostHistories(lake, warehouse);
  const lines = (count: number, text: string) => (count === 0 ? [] : [`${figure(count)} ${text}`]);
  return [
    tableCheck('nights', `${figure(runs.listed)} reports`, lines(runs.lost.length, 'runs with a report are not in it')),
    ...lists,
    tableCheck(
      'symbol_history',
      `${figure(histories.listed)} symbols`,
      histories.lost.map(([dataset, what]) => `${dataset}: ${what}`),
    ),
    await checkEnrichment(warehouse),
  ];
}

function tableCheck(table: string, counted: string, problems: string[]): Check {
  const rebuild = problems.length > 0 ? { rebuild: [{ step: 'load-table' as const, table }] } : {};
  return { name: table, counted, problems, ...rebuild, repairs: [], notes: [] };
}

/** Company data and valuations lie in the warehouse alone. */
async function checkEnrichment(warehouse: Warehouse): Promise<Check> {
  const sets = await warehouse.query(enrichmentCountsSql);
  const empty = sets.filter(({ stored, brought }) => Number(stored) === 0 && Number(brought) > 0);
  return {
    name: 'enrichment',
    counted: sets.map(({ task, stored }) => `${figure(Number(stored))} by ${task}`).join(', '),
    problems: empty.map(({ task }) => `${task} has brought rows, its table is empty`),
    repairs: empty.map(({ task }) => COMMANDS.run(String(task))),
    notes: [],
  };
}

/** Rows and watermarks of `stock_prices`, session by session: what prices-per-session.sql answers. */
export type PricesPerSession = readonly SqlRow[];

export function readPricesPerSession(warehouse: Warehouse): Promise<PricesPerSession> {
  return readPaged(warehouse, pricesPerSessionSql, {}, { key: ['date'] });
}

/**
 * Pure: `stock_prices` and watermarks against the sessions held. Of sessions older than the retention some rows or
 * all may be gone.
 * @param now ISO
 */
export function checkPrices(
  rows: PricesPerSession,
  ingests: Ingests,
  { now, years }: { now: string; years: number },
): Check {
  const cutoff = retentionCutoff(now, years);
  const stored = new Map(rows.map((row) => [String(row.date), Number(row.row_count)]));
  const problems: string[] = [];
  const dates = new Set<string>();
  let old = 0;
  for (const [date, ingest] of ingests) {
    const found = stored.get(date) ?? 0;
    // A damaged manifest has been named already, and says nothing about rows.
    if (!ingest || found === ingest.rows) continue;
    if (date < cutoff && found < ingest.rows) old += 1;
    else {
      problems.push(`${date}: ${found} rows in stock_prices, ${ingest.rows} in the session file`);
      dates.add(date);
    }
  }
  const unrecognisedKeys = [...stored.keys()].filter((date) => !ingests.has(date));
  for (const date of unrecognisedKeys) problems.push(`${date}: rows in stock_prices, no published session`);
  const behind = rows.filter((row) => Number(row.behind) > 0 && ingests.get(String(row.date)));
  const symbols = behind.reduce((sum, row) => sum + Number(row.behind), 0);
  if (symbols > 0) problems.push(`${counts(symbols, 'watermark')} behind stock_prices`);
  for (const { date } of behind) dates.add(String(date));
  return {
    name: 'warehouse',
    counted: `${counts(stored.size, 'session')} in stock_prices`,
    problems,
    ...(dates.size > 0 && { rebuild: [{ step: 'load-prices' as const, dates: [...dates].sort() }] }),
    repairs: unrecognisedKeys.map((date) => COMMANDS.backfill(date, date)),
    notes:
      old > 0
        ? [
            `${counts(old, 'session')} before ${cutoff} ${old === 1 ? 'is' : 'are'} kept in the lake only (RETENTION_YEARS)`,
          ]
        : [],
  };
}

/** What the jobs derive from the session files. */
export async function checkDerived(
  lake: Lake,
  ingests: Ingests,
  scratch: string,
  intervals: readonly number[],
  signal?: AbortSignal,
): Promise<Check[]> {
  let views: LakeViews | undefined;
  try {
    views = await openViews(lake, scratch, { intervals, lists: LIST_VIEWS, isWanted: isOfFiles, signal });
    const over = views;
    return [
      await checkRows(lake, ingests, over, scratch),
      await checkHistory(lake, over, scratch),
      ...(await Promise.all(intervals.map((interval) => checkSilver(over, interval)))),
    ];
  } catch (error) {
    signal?.throwIfAborted();
    return [await findDamaged(lake, (error as Error).message)];
  } finally {
    views?.close();
  }
}

async function ask(views: LakeViews, sql: string): Promise<Record<string, string | number>[]> {
  const reader = await views.connection.runAndReadAll(sql);
  return reader.getRowObjectsJson() as Record<string, string | number>[];
}

async function checkRows(lake: Lake, ingests: Ingests, views: LakeViews, scratch: string): Promise<Check> {
  const found = (await listAll(lake, 'bronze/sessions/date=')).map(({ key }) => key);
  const name = 'session rows';
  if (found.length === 0) return { name, counted: 'none', problems: [], repairs: [], notes: [] };
  const rows = await ask(views, sessionRowsSql.replace('$files', fileList(await lake.localise(found, scratch))));
  const problems = rows.flatMap((row) => {
    const date = /date=(\d{4}-\d{2}-\d{2})/.exec(String(row.filename))?.[1];
    const faults: string[] = [];
    const promised = ingests.get(date ?? '')?.rows;
    if (row.row_count !== promised)
      faults.push(`${date}: ${counts(Number(row.row_count), 'row')}, the ingest manifest says ${promised}`);
    if (row.symbols !== row.row_count)
      faults.push(`${date}: ${counts(Number(row.row_count), 'row')} for ${counts(Number(row.symbols), 'symbol')}`);
    if (Number(row.other_dates) > 0) faults.push(`${date}: ${counts(Number(row.other_dates), 'row')} of another date`);
    if (Number(row.broken) > 0) faults.push(`${date}: ${counts(Number(row.broken), 'bar')} against the OHLC rules`);
    return faults;
  });
  for (const text of await barFaults(lake, views, found, scratch)) problems.push(`${dateOfKey(text)}: ${text}`);
  const dates = new Set(problems.map((problem) => problem.slice(0, 10)));
  return { name, counted: counts(rows.length, 'file'), problems, repairs: [...dates].map(refetch), notes: [] };
}

/** Files with bars that have a number no bar can have: symbol, date and value of the first, and the file's key. */
async function barFaults(lake: Lake, views: LakeViews, files: readonly string[], scratch: string): Promise<string[]> {
  if (files.length === 0) return [];
  const paths = await lake.localise(files, scratch);
  const keyOf = new Map(paths.map((path, place) => [path, files[place]!]));
  const found = await ask(views, barFaultsSql.replace('$files', fileList(paths)));
  return found.map((row) => faultText(row, keyOf.get(String(row.filename)) ?? String(row.filename)));
}

function faultText({ faults, fault }: Record<string, string | number>, key: string): string {
  const more = Number(faults) > 1 ? `, and ${figure(Number(faults) - 1)} more like it` : '';
  return `${fault}: no usable number${more}, in ${key}`;
}

interface ManifestRow {
  symbol: string;
  row_count: number;
  last_consolidated_date: string;
}

async function checkHistory(lake: Lake, views: LakeViews, scratch: string): Promise<Check> {
  const name = 'history';
  const bytes = await lake.read(keys.manifest);
  if (!bytes) return { name, counted: 'not consolidated yet', problems: [], repairs: [], notes: [] };
  const wanted = ['symbol', 'row_count', 'last_consolidated_date'];
  const manifest = await decodeRows<ManifestRow>(bytes, keys.manifest, wanted);
  const present = await historyKeys(lake);
  const files = manifest.map(({ symbol }) => present.get(symbol)).filter((key) => key !== undefined);
  const rows =
    files.length > 0
      ? await ask(views, historySql.replace('$files', fileList(await lake.localise(files, scratch))))
      : [];
  const bySymbol = new Map(rows.map((row) => [String(row.symbol), row]));
  const problems: string[] = [];
  for (const { symbol, row_count, last_consolidated_date } of manifest) {
    const row = bySymbol.get(symbol);
    if (row?.row_count !== row_count)
      problems.push(`${symbol}: ${counts(Number(row?.row_count ?? 0), 'row')}, the manifest says ${row_count}`);
    if (row && row.last_date !== last_consolidated_date) {
      problems.push(`${symbol}: ends ${row.last_date}, the manifest says ${last_consolidated_date}`);
    }
    if (Number(row?.out_of_order ?? 0) > 0) problems.push(`${symbol}: dates do not increase`);
  }
  problems.push(...(await barFaults(lake, views, files, scratch)));
  const [difference] = await ask(views, barsAgainstSessionsSql);
  if (Number(difference?.only_in_sessions) > 0)
    problems.push(`${difference?.only_in_sessions} session rows are not in the history`);
  if (Number(difference?.only_in_history) > 0)
    problems.push(`${difference?.only_in_history} rows of the history are in no session file`);
  const total = manifest.reduce((sum, row) => sum + row.row_count, 0);
  const counted = `${counts(manifest.length, 'symbol')}, ${counts(total, 'row')}`;
  const rebuild = problems.length > 0 ? [{ step: 'consolidate' as const }] : [];
  return { name, counted, problems, rebuild, repairs: [], notes: [] };
}

async function checkSilver(views: LakeViews, interval: number): Promise<Check> {
  const [row] = await ask(views, silverSql.replaceAll('FROM silver', `FROM "bars_${interval}d"`));
  const problems: string[] = [];
  if (row?.bars_in_windows !== row?.bars_in_history) {
    problems.push(`windows hold ${row?.bars_in_windows} bars, the history ${row?.bars_in_history}`);
  }
  if (Number(row?.doubled) > 0) problems.push(`${row?.doubled} windows exist twice`);
  if (Number(row?.broken) > 0) problems.push(`${row?.broken} windows break the OHLC rules`);
  if (Number(row?.faults) > 0) problems.push(faultText(row!, keys.silver(interval, String(row!.fault).slice(0, 7))));
  if (Number(row?.too_complete) > 0) problems.push(`${row?.too_complete} windows are called complete before their end`);
  const [adjusted] = await ask(views, splitWindowsSql.replaceAll('FROM silver', `FROM "bars_${interval}d"`));
  if (Number(adjusted?.unadjusted) > 0) {
    problems.push(`${adjusted?.unadjusted} windows are not adjusted by the splits in force (${adjusted?.example}, …)`);
  }
  const rebuild = problems.length > 0 ? [{ step: 'resample' as const, intervals: [interval] }] : [];
  const counted = `${figure(Number(row?.windows))} windows over ${figure(Number(row?.bars_in_windows))} bars`;
  return { name: `${interval}-session bars`, counted, problems, rebuild, repairs: [], notes: [] };
}

const READERS = 8;

/** Checkpoints, the manifest and the list of splits are few and small: read whole by every verify. */
export async function checkCheckpoints(lake: Lake, intervals: readonly number[]): Promise<Check> {
  const problems: string[] = [];
  const rebuild: Rebuild[] = [];
  const damaged = (key: string, ...steps: Rebuild[]) => {
    problems.push(`${placeIn(lake, key)} is damaged`);
    rebuild.push(...steps);
  };
  const bytes = await lake.read(keys.manifest);
  if (bytes && !(await manifestIn(bytes))) damaged(keys.manifest, { step: 'consolidate' });
  if (!(await isJson(lake, keys.consolidated)))
    damaged(keys.consolidated, { step: 'remove', keys: [keys.consolidated] }, { step: 'consolidate' });
  for (const interval of intervals) {
    const key = keys.silverCheckpoint(interval);
    const resample: Rebuild = { step: 'resample', intervals: [interval] };
    if (!(await isJson(lake, key))) {
      damaged(key, { step: 'remove', keys: [key] }, resample);
      continue;
    }
    const calendar = (await readSilverCheckpoint(lake, interval))?.calendar;
    if (!calendar || isSameCalendar(calendar)) continue;
    problems.push(`the exchange calendar has changed since the ${interval}-session bars were made`);
    rebuild.push(resample);
  }
  const repairs: string[] = [];
  await readSplits(lake).catch((error: Error) => {
    if (!isNamed(error, 'Lake.Corrupt')) throw error;
    problems.push(error.message);
    repairs.push(COMMANDS.run('sync-splits'));
  });
  return { name: 'checkpoints', counted: `${intervals.length + 3} looked at`, problems, rebuild, repairs, notes: [] };
}

async function isJson(lake: Lake, key: string): Promise<boolean> {
  return readJson(lake, key).then(
    () => true,
    (error: Error) => {
      if (isNamed(error, 'Lake.Corrupt')) return false;
      throw error;
    },
  );
}

/**
 * Where a reader would stop, or has stopped (`message`), at the first damaged file: every one, and what rebuilds it. A history is rebuilt from
 * the session files once the damaged one is out of the way; one that may have rows which lie nowhere else stays.
 */
export async function findDamaged(lake: Lake, message?: string): Promise<Check> {
  const histories = await damagedOf(lake, 'bronze/raw_ohlcv/symbol=', /\/data\.parquet$/, decodeBarColumns);
  const months = await damagedOf(lake, 'silver/silver_', /\.parquet$/, decodeSilver);
  const notes = ['history, N-session bars: not recounted; fix what is named first and verify again'];
  const check = { name: 'derived files', counted: 'each opened', notes };
  const problems = [...histories, ...months].map((key) => `${placeIn(lake, key)} cannot be read`);
  if (problems.length === 0 && message === undefined) return { ...check, problems, repairs: [] };
  if (problems.length === 0) {
    // Readable one by one, and yet not all together: nothing that could be rebuilt is known.
    return {
      ...check,
      problems: [`a file cannot be read: ${message}`],
      repairs: [COMMANDS.run('resample --mode full')],
    };
  }
  const outside = await nonSessionDates(lake);
  const stay = outside === undefined || outside.length > 0 ? histories : [];
  const gone = [...histories.filter((key) => !stay.includes(key)), ...months];
  const intervals = [...new Set(months.map((key) => Number(/silver_(\d+)d\//.exec(key)?.[1])))];
  const rebuild: Rebuild[] = [
    ...(gone.length > 0 ? [{ step: 'remove' as const, keys: gone }] : []),
    ...(histories.length > stay.length ? [{ step: 'consolidate' as const }] : []),
    ...(intervals.length > 0 ? [{ step: 'resample' as const, intervals }] : []),
  ];
  const why = outside
    ? `rows of ${counts(outside.length, 'date')} up to ${outside.at(-1)} are`
    : 'it may have rows that are';
  const repairs = stay.map((key) => `put an older version of ${placeIn(lake, key)} back: ${why} in no session file`);
  return { ...check, problems, rebuild, repairs };
}

/** Dates with rows that came from elsewhere than a session file; undefined when nobody knows. */
async function nonSessionDates(lake: Lake): Promise<string[] | undefined> {
  const checkpoint = await readConsolidated(lake).catch(() => undefined);
  return checkpoint?.outside && Object.keys(checkpoint.outside).sort();
}

async function damagedOf(
  lake: Lake,
  prefix: string,
  name: RegExp,
  decode: (bytes: Uint8Array, key: string) => Promise<unknown>,
): Promise<string[]> {
  const found = (await listAll(lake, prefix)).map(({ key }) => key).filter((key) => name.test(key));
  const damaged: string[] = [];
  await inFlight(found, READERS, async (key) => {
    const bytes = await lake.read(key);
    if (!bytes) return;
    await decode(bytes, key).catch((error: Error) => {
      if (!isNamed(error, 'Lake.Corrupt')) throw error;
      damaged.push(key);
    });
  });
  return damaged.sort();
}
