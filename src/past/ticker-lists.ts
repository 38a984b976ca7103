import { type Delisted, delistedOf, isLikeNeighbour, type PastList } from '../checks/past-history.ts';
import type { Listed } from '../checks/symbol-history.ts';
import { stopIfAsked } from '../concurrency.ts';
import { columnName, columnsOf, type Fields, listDates, recordsOf } from '../datasets/snapshots.ts';
import { tickers } from '../datasets/tickers.ts';
import { isNamed, NamedError } from '../errors.ts';
import { claimLake, dateOfKey, jsonBytes, keys, type Lake, listAll, readJson, writeIfChanged } from '../lake/lake.ts';
import { decodeRows, encodeRows, type Row } from '../lake/parquet.ts';
import { PRICED_LIST } from '../lake/symbol-history-file.ts';
import { quarantineLines, replaceQuarantine } from '../night/quarantine.ts';
import type { Rejected } from '../records/record.ts';
import { ofTypes, parseTickers, type Ticker, tickerIdentity } from '../records/ticker.ts';
import { figure } from '../text.ts';
import type { Polygon } from '../vendors/polygon.ts';
import { isNotInPlan } from '../vendors/polygon-errors.ts';

/** Columns of a list of the past: those of a night's list, and that it is none. */
export const PAST_TICKER_FIELDS = { ...tickers.fields, source: 'text' } as const satisfies Fields;
const DELISTED_FIELDS = {
  compositeFigi: 'text',
  shareClassFigi: 'text',
  delistedUtc: 'text',
} as const satisfies Fields;

/** Whom to ask, and for what. */
export interface AskedLists {
  vendor: Pick<Polygon, 'tickerPages'>;
  markets: readonly string[];
  types: readonly string[];
  /** Takes a list of any size beside its neighbour. */
  anySize: boolean;
  signal: AbortSignal;
  /** Repeats a call that a vendor in trouble did not answer. */
  patiently: <T>(call: () => Promise<T>) => Promise<T>;
  onList: (list: { date: string; rows: number; rejected: number }) => void;
}

/** Pages of one list that was begun: `processing_metadata/history/tickers/{of}/{market}/page=….json`. */
const STAGED = 'processing_metadata/history/tickers/';

interface StagedPage {
  records: Ticker[];
  rejected: Rejected[];
  /** The next page; absent on the last one. */
  next?: string;
}

/** Days of the lists of the past that are there, oldest first. */
export async function pastDates(lake: Lake): Promise<string[]> {
  const found = await listAll(lake, keys.backfilledOf(PRICED_LIST));
  return found.flatMap(({ key }) => dateOfKey(key) ?? []);
}

/** Lists of the past, oldest first. @throws Lake.Corrupt */
export async function readPastLists(lake: Lake): Promise<PastList[]> {
  const lists: PastList[] = [];
  for (const date of await pastDates(lake)) {
    const rows = await rowsOf(lake, keys.backfilled(PRICED_LIST, date));
    lists.push({ date, list: recordsOf(rows, PAST_TICKER_FIELDS).map((row) => tickerIdentity(row as Ticker)) });
  }
  return lists;
}

/** A night's own list of a day; none where the lake has lost it. @throws Lake.Corrupt */
export async function readNightList(lake: Lake, date: string): Promise<Listed[]> {
  const key = keys.snapshot(PRICED_LIST, date);
  if (!(await lake.read(key))) return [];
  return recordsOf(await rowsOf(lake, key), tickers.fields).map((row) => tickerIdentity(row as Ticker));
}

/** Securities that are listed no more, as the vendor had them; none as long as nobody has asked. @throws Lake.Corrupt */
export async function readDelisted(lake: Lake): Promise<Delisted[]> {
  if (!(await lake.read(keys.delisted))) return [];
  return recordsOf(await rowsOf(lake, keys.delisted), DELISTED_FIELDS).flatMap((row) => {
    const { delistedUtc } = row as { delistedUtc?: string };
    return delistedOf(tickerIdentity(row as unknown as Ticker), delistedUtc) ?? [];
  });
}

async function rowsOf(lake: Lake, key: string): Promise<Row[]> {
  return decodeRows((await lake.read(key)) ?? new Uint8Array(), key, ['symbol']);
}

/** What ended the asking before every list was there. */
export type Refusal = { date: string; error: Error };

/**
 * Fetches the lists of these days, newest first, and before them the securities that are listed no more. Each page is
 * kept at once, so that a run that was stopped goes on with the next one. Ends with the first list that the plan does
 * not include, or that cannot be whole: the older ones are not asked for.
 */
export async function fetchPastLists(
  lake: Lake,
  dates: readonly string[],
  asked: AskedLists,
): Promise<Refusal | undefined> {
  if (!(await lake.read(keys.delisted))) await fetchDelisted(lake, asked);
  let newer = await newestCounts(lake, dates);
  for (const date of dates.toReversed()) {
    stopIfAsked(asked.signal);
    try {
      newer = await fetchList(lake, date, newer, asked);
    } catch (error) {
      if (isNamed(error, 'Vendor.DateOutOfPlan', 'Data.Invalid') || isNotInPlan(error))
        return { date, error: error as Error };
      throw error;
    }
  }
  return undefined;
}

type Counts = ReadonlyMap<string, number>;

/** Rows a market of the oldest list that is newer than all of these days. */
async function newestCounts(lake: Lake, dates: readonly string[]): Promise<Counts> {
  const last = dates.at(-1) ?? '';
  const past = (await pastDates(lake)).find((date) => date > last);
  const [own] = await listDates(lake, PRICED_LIST);
  const key = past ? keys.backfilled(PRICED_LIST, past) : keys.snapshot(PRICED_LIST, own!);
  return countsOf((await rowsOf(lake, key)).map(({ market }) => String(market)));
}

function countsOf(markets: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const market of markets) counts.set(market, (counts.get(market) ?? 0) + 1);
  return counts;
}

async function fetchList(lake: Lake, date: string, newer: Counts, asked: AskedLists): Promise<Counts> {
  const { records, rejected } = await stagedList(lake, `date=${date}`, asked, { date });
  const counts = countsOf(records.map(({ market }) => market));
  const odd = asked.markets.find((market) => !isLikeNeighbour(counts.get(market) ?? 0, newer.get(market) ?? 0));
  if (odd !== undefined && !asked.anySize) {
    await dropStaged(lake, `date=${date}`);
    throw unlikely(date, odd, counts.get(odd) ?? 0, newer.get(odd)!);
  }
  const rows = rowsFor(
    records.map((record) => ({ ...record, source: 'backfill' })),
    PAST_TICKER_FIELDS,
  );
  await writeIfChanged(lake, keys.backfilled(PRICED_LIST, date), encodeRows(columnsOf(PAST_TICKER_FIELDS), rows));
  await replaceQuarantine(lake, date, PRICED_LIST, quarantineLines(PRICED_LIST, date, rejected));
  await dropStaged(lake, `date=${date}`);
  asked.onList({ date, rows: records.length, rejected: rejected.length });
  return counts;
}

async function fetchDelisted(lake: Lake, asked: AskedLists): Promise<void> {
  const { records } = await stagedList(lake, 'delisted', asked, { active: false });
  await lake.write(keys.delisted, encodeRows(columnsOf(DELISTED_FIELDS), rowsFor(records, DELISTED_FIELDS)));
  await dropStaged(lake, 'delisted');
}

/** Every market of a list, from the pages that are there and those that are still to fetch. */
async function stagedList(
  lake: Lake,
  of: string,
  asked: AskedLists,
  what: { date?: string; active?: boolean },
): Promise<{ records: Ticker[]; rejected: Rejected[] }> {
  const pages: StagedPage[] = [];
  for (const market of asked.markets) {
    try {
      pages.push(...(await marketPages(lake, `${STAGED}${of}/${market}/`, market, asked, what)));
    } catch (error) {
      // A cursor that leads nowhere must not be asked again: the next run asks for this list from its first page.
      if (isNamed(error, 'Pagination.CursorLoop', 'Pagination.CursorExpired', 'Lake.Corrupt'))
        await dropStaged(lake, of);
      throw error;
    }
  }
  return wholeList(pages, what.active === false);
}

async function marketPages(
  lake: Lake,
  folder: string,
  market: string,
  { vendor, types, signal, patiently }: AskedLists,
  what: { date?: string; active?: boolean },
): Promise<StagedPage[]> {
  const pages: StagedPage[] = [];
  for (const { key } of await listAll(lake, folder)) pages.push((await readJson<StagedPage>(lake, key))!);
  while (pages.length === 0 || pages.at(-1)!.next !== undefined) {
    stopIfAsked(signal);
    const seenCursors = pages.flatMap(({ next }) => next ?? []).slice(0, -1);
    const start = { cursor: pages.at(-1)?.next, startPage: pages.length + 1, seenCursors, signal };
    const page = await patiently(async () => {
      for await (const one of vendor.tickerPages({ market, ...what, ...start })) return one;
      throw new Error('a list of pages has at least one page');
    });
    await claimLake(lake, page.practice ? 'practice' : 'real');
    // A symbol may have been delisted more than once.
    const { records, rejected } =
      what.active === false ? eachAlone(page.rows) : ofTypes(parseTickers(page.rows), types);
    const staged: StagedPage = { records, rejected, ...(page.cursor !== undefined && { next: page.cursor }) };
    await lake.write(`${folder}page=${String(pages.length + 1).padStart(5, '0')}.json`, jsonBytes(staged));
    pages.push(staged);
  }
  return pages;
}

function eachAlone(rows: readonly unknown[]): { records: Ticker[]; rejected: Rejected[] } {
  const parsed = rows.map((row) => parseTickers([row]));
  return { records: parsed.flatMap(({ records }) => records), rejected: parsed.flatMap(({ rejected }) => rejected) };
}

function wholeList(pages: readonly StagedPage[], repeats: boolean): { records: Ticker[]; rejected: Rejected[] } {
  const records = pages.flatMap((page) => page.records);
  const rejected = pages.flatMap((page) => page.rejected);
  if (repeats) return { records, rejected };
  const bySymbol = new Map<string, Ticker>();
  for (const record of records) {
    if (bySymbol.has(record.symbol)) rejected.push({ symbol: record.symbol, reason: 'duplicate row', row: record });
    else bySymbol.set(record.symbol, record);
  }
  return { records: [...bySymbol.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1)), rejected };
}

function rowsFor(records: readonly object[], fields: Fields): Row[] {
  const names = ['symbol', ...Object.keys(fields)];
  return (records as Row[]).map((record) =>
    Object.fromEntries(names.map((name) => [columnName(name), record[name] ?? null])),
  );
}

async function dropStaged(lake: Lake, of: string): Promise<void> {
  await lake.remove((await listAll(lake, `${STAGED}${of}/`)).map(({ key }) => key));
}

function unlikely(date: string, market: string, rows: number, newer: number): NamedError {
  return new NamedError('Data.Invalid', {
    what: `the list of ${date} cannot be the whole market`,
    found: `${figure(rows)} rows of ${market}, ${figure(newer)} in the next list`,
    wanted: 'between 80 and 125 % of it',
    todo: 'It was not stored. The same command asks for it again; --any-size takes it as it is.',
  });
}
