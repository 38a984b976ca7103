import { dateOf, readDay } from '../calendar/dates.ts';
import { type DividendSpan, dividendSpans } from '../checks/dividend-factors.ts';
import { inFlight } from '../concurrency.ts';
import { newestDividends } from '../datasets/dividends.ts';
import { decodeHistory } from '../lake/bar-table.ts';
import { openHistory } from '../lake/histories.ts';
import { dateOfKey, keys, type Lake, listAll } from '../lake/lake.ts';
import { decodeRows, type Row } from '../lake/parquet.ts';
import { decodeSilver } from '../lake/silver.ts';
import { factorSpans, type PriceSplit, readSplits, splitsInForce } from '../lake/splits-list.ts';
import { companyChanges, PRICED_LIST, readSymbolHistory } from '../lake/symbol-history-file.ts';
import type { Dividend } from '../records/dividend.ts';
import { groupedBy } from '../records/record.ts';
import type { ChartBars, ChartMark } from './candle-option.ts';
import { newestVersion, remembered } from './remembered.ts';
import { listingVersion, readListing, type SymbolListing } from './symbol-search.ts';
import { partReader } from './unread.ts';

/** As stored; with every price before a split on the basis of after it; the same with dividends put back. */
export type Prices = 'traded' | 'adjusted' | 'total_return';

export interface BarRequest {
  symbol: string;
  /** Sessions a bar. */
  interval: number;
  prices: Prices;
  /** The newest session of the lake, YYYY-MM-DD; undefined where nothing says which it is. */
  newest: string | undefined;
}

/** A bar that a later fetch brought with other values. */
export interface RevisedBar {
  date: string;
  kind: string;
  /** When it came, ISO 8601. */
  at: string;
  /** `close 12.3 → 12.4` */
  changes: string[];
}

/** What the lake holds of one symbol at one interval. */
export interface SymbolBars extends BarRequest, ChartBars {
  /** Last session of each bar's window, in days since 1970; of a daily bar its own. */
  end: number[];
  splits: PriceSplit[];
  revisions: RevisedBar[];
  /** First sessions of other companies that carried the symbol. */
  companies: string[];
  /** What could not be read, and why. */
  unread: string[];
}

/** About five years of sessions; a page takes no more. */
const DAILY_MOST = 1260;
const WINDOWS_MOST = 120;
/** A month has at least so many sessions. */
const MONTH_SESSIONS = 19;
const READERS = 8;
const REVISED = ['open', 'high', 'low', 'close', 'volume'] as const;

/** A lake with what is read of it once, until the file it stands in is replaced. */
export interface BrowsedLake {
  lake: Lake;
  listing(): Promise<SymbolListing>;
  splits(): Promise<PriceSplit[]>;
  /** Symbol → its dividends on the newest list. */
  dividends(): Promise<ReadonlyMap<string, readonly Dividend[]>>;
  /** Symbol → the days on which another company took it over. */
  companies(): Promise<ReadonlyMap<string, number[]>>;
}

export function browseLake(lake: Lake): BrowsedLake {
  const history = async () => companyChanges((await readSymbolHistory(lake)) ?? new Map());
  return {
    lake,
    listing: remembered(
      () => listingVersion(lake),
      () => readListing(lake),
    ),
    splits: remembered(
      () => newestVersion(lake, 'reference/splits/date='),
      () => readSplits(lake),
    ),
    dividends: remembered(
      () => newestVersion(lake, 'reference/dividends/date='),
      () => readDividends(lake),
    ),
    companies: remembered(() => newestVersion(lake, keys.symbolHistoryOf(PRICED_LIST)), history),
  };
}

async function readDividends(lake: Lake): Promise<Map<string, Dividend[]>> {
  return groupedBy(await newestDividends(lake), ({ symbol }) => symbol);
}

/** Intervals of which the lake has bars, ascending: one checkpoint stands for each. */
export async function storedIntervals(lake: Lake): Promise<number[]> {
  const found = (await listAll(lake, 'processing_metadata/silver_')).map(({ key }) =>
    Number(/silver_(\d{1,4})d_checkpoint\.json$/.exec(key)?.[1]),
  );
  return found.filter((interval) => interval > 1).sort((a, b) => a - b);
}

/**
 * The newest bars of a symbol; undefined when the lake has no history of it. Splits, companies or revisions that
 * cannot be read cost their marks (and adjusted daily bars), never the page.
 * @throws Lake.Corrupt for damaged bars
 */
export async function readSymbolBars(browsed: BrowsedLake, request: BarRequest): Promise<SymbolBars | undefined> {
  const { lake } = browsed;
  const stored = await openHistory(lake, request.symbol);
  if (!stored) return undefined;
  const all = await decodeHistory(stored.bytes, stored.key, request.symbol);
  const from = Math.max(all.date.length - DAILY_MOST, 0);
  const daily = {
    day: Array.from(all.date.subarray(from)),
    end: Array.from(all.date.subarray(from)),
    open: Array.from(all.open.subarray(from)),
    high: Array.from(all.high.subarray(from)),
    low: Array.from(all.low.subarray(from)),
    close: Array.from(all.close.subarray(from)),
    volume: Array.from(all.volume.subarray(from)),
    open_window: -1,
  };
  const fetched = Array.from(all.ingested_at.subarray(from), (micros) =>
    new Date(Number(micros / 1000n)).toISOString(),
  );
  const unread: string[] = [];
  const attempt = partReader(unread);
  // A split that is announced for a later session changes nothing yet.
  const newest = request.newest ?? dateOf(all.date.at(-1) ?? 0);
  const wantsDividends = request.interval === 1 && request.prices === 'total_return';
  const [splits, changes, revisions, dividends] = await Promise.all([
    attempt('splits', async () => splitsOf(await browsed.splits(), request.symbol, newest), null),
    attempt('companies', async () => (await browsed.companies()).get(request.symbol) ?? [], null),
    attempt('revisions', () => readRevised(lake, request.symbol, daily.day, fetched), []),
    wantsDividends ? attempt('dividends', async () => (await browsed.dividends()).get(request.symbol) ?? [], null) : [],
  ]);
  const isDaily = request.interval === 1;
  const wanted = isDaily && request.prices !== 'traded';
  // Adjusting by half of what is to be known would be silently wrong.
  const isAdjusted = wanted && splits && changes && dividends;
  const prices: Prices = isAdjusted ? request.prices : isDaily ? 'traded' : 'adjusted';
  const columns = isDaily ? daily : await readWindows(lake, request, all.date);
  if (isAdjusted) adjust(daily, splits, changes, dividendSpans(dividends, newest, { bars: all, splits, changes }));
  const companies = (changes ?? []).map(dateOf);
  const told = { splits: splits ?? [], revisions, companies };
  return { ...request, prices, ...columns, ...told, marks: marksOf(columns, told), unread };
}

function splitsOf(splits: readonly PriceSplit[], symbol: string, newest: string): PriceSplit[] {
  const own = splits.filter((split) => split.symbol === symbol);
  return splitsInForce(own, newest).get(symbol) ?? [];
}

type Columns = Omit<ChartBars, 'marks'> & { end: number[] };

/** As the resampler does. */
function adjust(
  bars: Columns,
  splits: readonly PriceSplit[],
  changes: readonly number[],
  dividends: readonly DividendSpan[],
): void {
  for (const { from, to, factor } of dividends) {
    for (const [row, day] of bars.day.entries()) {
      if (day < from || day >= to) continue;
      for (const name of ['open', 'high', 'low', 'close'] as const) bars[name][row]! *= factor;
    }
  }
  for (const { from, to, factor } of factorSpans(splits, changes)) {
    for (const [row, day] of bars.day.entries()) {
      if (day < from || day >= to) continue;
      for (const name of ['open', 'high', 'low', 'close'] as const) bars[name][row]! *= factor;
      bars.volume[row]! /= factor;
    }
  }
}

/** N-session bars from the month files in which the symbol can be. */
async function readWindows(lake: Lake, { symbol, interval }: BarRequest, days: Int32Array): Promise<Columns> {
  const found: Columns = { day: [], end: [], open: [], high: [], low: [], close: [], volume: [], open_window: -1 };
  if (days.length === 0) return found;
  const [first, last] = [days[0]!, days.at(-1)!].map((day) => dateOf(day).slice(0, 7)) as [string, string];
  const most = Math.ceil((WINDOWS_MOST * interval) / MONTH_SESSIONS) + 1;
  const files = (await listAll(lake, keys.silverOf(interval)))
    .map(({ key }) => key)
    .filter((key) => key.endsWith('.parquet') && key <= keys.silver(interval, last))
    // A window that began in the month before the symbol's first bar may hold it.
    .filter((key) => key >= keys.silver(interval, monthBefore(first, Math.ceil(interval / MONTH_SESSIONS))))
    .slice(-most);
  const months = new Map<string, Columns>();
  await inFlight(files, READERS, async (key) => {
    const bytes = await lake.read(key);
    if (bytes) months.set(key, await windowsIn(bytes, key, symbol));
  });
  for (const key of files) {
    const month = months.get(key);
    if (!month) continue;
    if (month.open_window >= 0) found.open_window = found.day.length + month.open_window;
    for (const name of ['day', 'end', 'open', 'high', 'low', 'close', 'volume'] as const)
      found[name].push(...month[name]);
  }
  return found;
}

async function windowsIn(bytes: Uint8Array, key: string, symbol: string): Promise<Columns> {
  const bars = await decodeSilver(bytes, key);
  const code = bars.symbol.values.indexOf(symbol);
  const rows: number[] = [];
  for (let row = 0; code >= 0 && row < bars.date.length; row++) if (bars.symbol.codes[row] === code) rows.push(row);
  const pick = (column: ArrayLike<number>) => rows.map((row) => column[row]!);
  return {
    day: pick(bars.date),
    end: pick(bars.window_end),
    open: pick(bars.open),
    high: pick(bars.high),
    low: pick(bars.low),
    close: pick(bars.close),
    volume: pick(bars.volume),
    open_window: rows.findIndex((row) => bars.complete[row] !== 1),
  };
}

function monthBefore(month: string, count: number): string {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return new Date(Date.UTC(year, number - 1 - count, 1)).toISOString().slice(0, 7);
}

/**
 * What later fetches changed in these bars. A revised bar carries the instant of the run that brought it, so that of
 * all the lake's revisions only files that name the symbol are opened.
 * @param fetched when each bar came, ISO 8601
 */
async function readRevised(lake: Lake, symbol: string, days: readonly number[], fetched: readonly string[]) {
  const places = new Map(days.map((day, place) => [dateOf(day), place]));
  const files = (await listAll(lake, keys.revisionsOf)).flatMap(({ key }) => {
    const date = dateOfKey(key) ?? '';
    const place = places.get(date);
    // Keys of one session sort by the time of their run.
    return place === undefined ? [] : [{ key, date, newest: keys.revisions(date, fetched[place]!) }];
  });
  const revised = new Set(files.filter(({ key, newest }) => key === newest).map(({ date }) => date));
  const found: RevisedBar[] = [];
  for (const { key, date } of files.filter((file) => revised.has(file.date) && file.key <= file.newest)) {
    const rows = await decodeRows((await lake.read(key)) ?? new Uint8Array(), key, ['symbol', 'kind', 'revised_at']);
    for (const row of rows) if (row.symbol === symbol) found.push(revisedBar(row, date));
  }
  return found;
}

function revisedBar(row: Row, date: string): RevisedBar {
  const changes = REVISED.flatMap((name) => {
    const [before, after] = [row[`${name}_before`], row[`${name}_after`]];
    return before === after || before === null || after === null ? [] : [`${name} ${before} → ${after}`];
  });
  return { date, kind: String(row.kind), at: String(row.revised_at), changes };
}

/** A sign at the bar whose window holds the date. Pure. */
function marksOf(
  { day, end }: Pick<Columns, 'day' | 'end'>,
  { splits, revisions, companies }: Pick<SymbolBars, 'splits' | 'revisions' | 'companies'>,
): ChartMark[] {
  const marks: ChartMark[] = [];
  const put = (date: string, kind: ChartMark['kind'], text: string) => {
    const wanted = readDay(date) ?? Number.NaN;
    const place = day.findIndex((_, index) => end[index]! >= wanted);
    // What is older than the first bar shown has no bar.
    if (place < 0 || wanted < day[0]!) return;
    if (!marks.some((mark) => mark.place === place && mark.kind === kind && mark.text === text))
      marks.push({ place, kind, text });
  };
  for (const { execution_date, split_from, split_to } of splits)
    put(execution_date, 'split', `${split_to}:${split_from}`);
  for (const { date } of revisions) put(date, 'revision', '');
  for (const date of companies) put(date, 'company', '');
  return marks;
}
