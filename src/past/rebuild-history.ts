import type { DuckDBConnection } from '@duckdb/node-api';
import {
  datedByEvidence,
  type Evidence,
  evidenceKey,
  historyChanges,
  joinedHistory,
  nightsPart,
  openDates,
} from '../checks/past-history.ts';
import { companiesOf, type HistoryRow } from '../checks/symbol-history.ts';
import { listDates } from '../datasets/snapshots.ts';
import { NamedError } from '../errors.ts';
import { fileList, sqlText, textList } from '../lake/exact-paths.ts';
import { jsonBytes, keys, type Lake, readJson, writeIfChanged } from '../lake/lake.ts';
import { encodeRows } from '../lake/parquet.ts';
import { SYMBOL_CHANGE_COLUMNS } from '../lake/revisions.ts';
import { encodeSymbolHistory, newestSymbolHistory, PRICED_LIST } from '../lake/symbol-history-file.ts';
import { allBars, openViews } from '../lake/views.ts';
import { changesOf } from '../night/publish-list.ts';
import { statement } from '../text.ts';
import type { Warehouse } from '../warehouse/client.ts';
import { forgetFormerCompanies, readHistoryRows, writeHistory } from '../warehouse/reference.ts';
import sql from './names.sql';
import { pastDates, readDelisted, readNightList, readPastLists } from './ticker-lists.ts';

const barsBetweenSql = statement(sql, 'bars-between');
const namesAndBarsSql = statement(sql, 'names-and-bars');

export interface Rebuilding {
  lake: Lake;
  warehouse: Warehouse;
  /** A folder for what DuckDB reads of a bucket. */
  scratch: string;
  /** The session that is current: from then on the history is known as it is made now. */
  session: string;
  signal?: AbortSignal;
}

/**
 * The day of the first list of a night, before which the lists of the past count; undefined before there is one. It is
 * kept: once lists of the past are joined, the history itself no longer says it.
 */
export async function firstNight(lake: Lake, warehouse: Warehouse): Promise<string | undefined> {
  const kept = await readJson<{ until: string }>(lake, keys.backfillState);
  if (kept) return kept.until;
  const [listed] = await listDates(lake, PRICED_LIST);
  const recorded = (await readHistoryRows(warehouse, PRICED_LIST)).map(({ validFrom }) => validFrom);
  return listed === undefined ? undefined : [listed, ...recorded].sort()[0];
}

/**
 * Makes `symbol_history` of the lists of the past and of what nights have recorded since. It follows from both and from
 * the bars that are there: stopped anywhere, the same call again ends the same. Answers how many rows were written.
 */
export async function rebuildHistory({ lake, warehouse, scratch, session, signal }: Rebuilding): Promise<number> {
  const lists = await readPastLists(lake);
  const until = await firstNight(lake, warehouse);
  if (lists.length === 0 || until === undefined) return 0;
  await writeIfChanged(lake, keys.backfillState, jsonBytes({ until }));
  const stored = await readHistoryRows(warehouse, PRICED_LIST);
  if (!nightsPart(stored, until).some(({ validFrom }) => validFrom === until)) throw lostNights(until);
  const joined = joinedHistory(lists, stored, { until, list: await readNightList(lake, until) });
  const dates = [...lists.map(({ date }) => date), until];
  const delisted = await readDelisted(lake);
  const bars = await barsBetween(openDates(joined, { dates, delisted }), { lake, scratch, signal });
  const rows = datedByEvidence(joined, { dates, bars, delisted });
  const changes = historyChanges(stored, rows);
  await writeHistory(warehouse, PRICED_LIST, changes);
  await recordChanges(lake, rows, until);
  const companies = companiesOf(rows);
  const bytes = encodeSymbolHistory(companies);
  const newest = await newestSymbolHistory(lake);
  const known = newest && (await lake.read(newest));
  if (!known || Buffer.compare(known, bytes) !== 0) {
    const day = [session, newest?.slice(keys.symbolHistoryOf(PRICED_LIST).length, -'.parquet'.length) ?? '']
      .sort()
      .at(-1)!;
    await lake.write(keys.symbolHistory(PRICED_LIST, day), bytes);
  }
  await forgetFormerCompanies(warehouse, companies);
  return changes.length;
}

/** Without them every security would look as if it had ended there. */
function lostNights(until: string): NamedError {
  return new NamedError('Database.Failed', {
    what: 'symbol_history has lost what nights recorded',
    found: `no row of ${until}, the first list of a night`,
    todo: 'Load it from the lake: npx afterbell verify --repair',
  });
}

/** What came and went before the first night, in one file beside those of the nights. */
async function recordChanges(lake: Lake, rows: readonly HistoryRow[], until: string): Promise<void> {
  const byDate = new Map<string, HistoryRow[]>();
  for (const row of rows) {
    for (const date of new Set([row.validFrom, row.validTo])) {
      if (date === null || date > until) continue;
      const of = byDate.get(date);
      if (of) of.push(row);
      else byDate.set(date, [row]);
    }
  }
  const dates = [...byDate.keys()].sort();
  const changes = dates.flatMap((date) => changesOf(PRICED_LIST, byDate.get(date)!, date));
  await writeIfChanged(lake, keys.symbolChangesBefore(PRICED_LIST), encodeRows(SYMBOL_CHANGE_COLUMNS, changes));
}

async function barsBetween(
  asked: readonly { symbol: string; after: string; before: string }[],
  over: Pick<Rebuilding, 'lake' | 'scratch' | 'signal'>,
): Promise<Evidence> {
  if (asked.length === 0) return new Map();
  return onBars(over, [], async (connection, bars) => {
    const values = {
      bars,
      symbols: textList(asked.map(({ symbol }) => symbol)),
      after: textList(asked.map(({ after }) => after)),
      before: textList(asked.map(({ before }) => before)),
    };
    const found = await connection.runAndReadAll(filled(barsBetweenSql, values));
    const rows = found.getRowObjectsJson() as Record<'symbol' | 'after' | 'first' | 'last', string>[];
    return new Map(rows.map(({ symbol, after, first, last }) => [evidenceKey(symbol, after), { first, last }]));
  });
}

/** Names of the lists beside the bars, over every session of which both are there. */
export interface NamesAndBars {
  sessions: number;
  names: number;
  bars: number;
  /** Bars of symbols that no list names, and of symbols that a list names at other times only. */
  unlisted: number;
  at_other_times: number;
  /** A few of both. */
  unnamed: string[] | null;
  /** Names without a bar: of OTC, and of the rest. */
  otc: number;
  not_traded: number;
}

/** Compares names and bars from the first list of the past on, before the first night's; undefined without a list. */
export async function compareNames(
  over: Pick<Rebuilding, 'lake' | 'scratch' | 'signal'>,
  until: string,
): Promise<NamesAndBars | undefined> {
  const dates = await pastDates(over.lake);
  if (dates.length === 0) return undefined;
  const lists = dates.map((date) => keys.backfilled(PRICED_LIST, date));
  return onBars(over, lists, async (connection, bars, paths) => {
    const relation = `read_parquet(${fileList(paths)}, hive_partitioning = false)`;
    const day = (date: string) => `DATE ${sqlText(date)}`;
    const values = { bars, lists: relation, first: day(dates[0]!), until: day(until) };
    const found = await connection.runAndReadAll(filled(namesAndBarsSql, values));
    return found.getRowObjectsJson()[0] as unknown as NamesAndBars;
  });
}

async function onBars<T>(
  { lake, scratch, signal }: Pick<Rebuilding, 'lake' | 'scratch' | 'signal'>,
  files: readonly string[],
  work: (connection: DuckDBConnection, bars: string, paths: string[]) => Promise<T>,
): Promise<T> {
  const bars = await allBars(lake);
  const wanted = [bars, 'symbol_history'];
  const views = await openViews(lake, scratch, {
    intervals: [],
    lists: [],
    isWanted: (name) => wanted.includes(name),
    signal,
  });
  try {
    return await work(views.connection, bars, await lake.localise(files, scratch));
  } catch (error) {
    throw await views.blame(error as Error);
  } finally {
    views.close();
  }
}

function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => values[name]!);
}
