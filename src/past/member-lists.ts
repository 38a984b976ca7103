import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { addDays } from '../calendar/dates.ts';
import { wantedDates } from '../checks/past-history.ts';
import type { HistoryRow } from '../checks/symbol-history.ts';
import { stopIfAsked } from '../concurrency.ts';
import { backfilledMembers, INDEX, indexMembers, memberLists } from '../datasets/index-members.ts';
import { isNamed, NamedError } from '../errors.ts';
import { claimLake, type Lake, lakeKind, listAll, writeIfChanged } from '../lake/lake.ts';
import { openLake } from '../lake/open-lake.ts';
import { quarantineLines, replaceQuarantine } from '../night/quarantine.ts';
import { countReasons, listingFinder, parseIndexMembers } from '../records/index-member.ts';
import { type Holdings, ishares, parseFundHoldings } from '../vendors/ishares.ts';
import type { Warehouse } from '../warehouse/client.ts';
import { readHistoryRows } from '../warehouse/reference.ts';

export interface AskedMembers {
  /** A folder, s3://bucket/folder, or the web address of the fund's file, whose `asOfDate` is put in. */
  place: string;
  from: string;
  /** The newest day there can be holdings of. */
  to: string;
  signal: AbortSignal;
  patiently: <T>(call: () => Promise<T>) => Promise<T>;
  onList: (list: { date: string; members: number; rejected: number }) => void;
}

export interface BackfilledMembers {
  lists: number;
  /** Days that are there already, of which the fund has none, or that lie outside of what was asked for. */
  known: number;
  without: number;
  outside: number;
  rejected: number;
  /** Memberships written to the warehouse. */
  memberships: number;
}

type Dated = Holdings & { from: string; practice?: boolean | undefined };

/** Brings holdings of the past into the lists of index members; of a day that is there already nothing is changed. */
export async function backfillMembers(
  lake: Lake,
  warehouse: Warehouse,
  asked: AskedMembers,
): Promise<BackfilledMembers> {
  const held = new Set((await memberLists(lake)).map(({ date }) => date));
  const history = await readHistoryRows(warehouse, 'tickers');
  const done: BackfilledMembers = { lists: 0, known: 0, without: 0, outside: 0, rejected: 0, memberships: 0 };
  const isWeb = /^https?:\/\//i.test(asked.place);
  for await (const one of isWeb ? fetched(held, asked) : filed(asked)) {
    stopIfAsked(asked.signal);
    if (one === 'known' || one === 'without') done[one] += 1;
    else if (held.has(one.asOf)) done.known += 1;
    else if (one.asOf < asked.from || one.asOf > asked.to) done.outside += 1;
    else {
      done.rejected += await storeList(lake, one, history, asked);
      done.lists += 1;
      held.add(one.asOf);
    }
  }
  done.memberships = await indexMembers.stored!.load(lake, warehouse);
  return done;
}

async function storeList(
  lake: Lake,
  { asOf, rows, from, practice }: Dated,
  history: readonly HistoryRow[],
  { onList }: AskedMembers,
): Promise<number> {
  const kind = practice === undefined ? ((await lakeKind(lake)) ?? 'real') : practice ? 'practice' : 'real';
  await claimLake(lake, kind);
  const { records, rejected } = parseIndexMembers(
    rows,
    { index: INDEX, asOf },
    listingFinder(listingsOn(history, asOf)),
  );
  if (records.length === 0) {
    throw new NamedError('Data.Invalid', {
      what: `none of the holdings in ${from} is a symbol that was listed`,
      found: countReasons(rejected.slice(0, 1000)) || `${rows.length} rows, none a listed share`,
      wanted:
        "the holdings of an index fund, and the list of tickers of its time: 'npx afterbell history --reference' first",
    });
  }
  await writeIfChanged(lake, ...backfilledMembers(records, asOf));
  await replaceQuarantine(lake, asOf, indexMembers.name, quarantineLines(indexMembers.name, asOf, rejected));
  onList({ date: asOf, members: records.length, rejected: rejected.length });
  return rejected.length;
}

/** Pure: symbols as they were listed on a day; of a day that no list reaches, every one there ever was. */
function listingsOn(history: readonly HistoryRow[], date: string): { symbol: string; active: boolean }[] {
  const listed = new Set(
    history
      .filter(({ validFrom, validTo }) => validFrom <= date && (validTo === null || validTo > date))
      .map(({ symbol }) => symbol),
  );
  const symbols = new Set(history.map(({ symbol }) => symbol));
  return [...symbols].map((symbol) => ({ symbol, active: listed.size === 0 || listed.has(symbol) }));
}

/** Files of a folder, each with the day that it says itself. */
async function* filed({ place }: AskedMembers): AsyncGenerator<Dated> {
  const files = place.startsWith('s3://') ? await inBucket(place) : await inFolder(place);
  if (files.length === 0) {
    throw new NamedError('Usage.Invalid', {
      what: `there is no holdings file in ${place}`,
      wanted: 'a folder with the CSV files of an index fund',
    });
  }
  for (const { name, read } of files) {
    const from = `${place.replace(/\/$/, '')}/${name}`;
    try {
      yield { ...parseFundHoldings((await read()).toString('utf8')), from };
    } catch (error) {
      if (!isNamed(error, 'Data.Invalid', 'Vendor.TruncatedBody', 'Vendor.NotYetAvailable')) throw error;
      throw new NamedError('Data.Invalid', {
        what: `${from} cannot be read`,
        found: (error as Error).message,
        todo: 'Take it out of the folder, or fetch it again.',
      });
    }
  }
}

interface HoldingsFile {
  name: string;
  read: () => Promise<Buffer>;
}

async function inFolder(place: string): Promise<HoldingsFile[]> {
  const folder = resolve(place);
  const names = await readdir(folder).catch((error: Error) => {
    throw new NamedError('Usage.Invalid', { what: `${folder} is no folder that can be read`, found: error.message });
  });
  return names
    .filter((name) => /\.csv$/i.test(name))
    .sort()
    .map((name) => ({ name, read: () => readFile(join(folder, name)) }));
}

async function inBucket(place: string): Promise<HoldingsFile[]> {
  const bucket = openLake(place.replace(/\/$/, ''));
  const names = (await listAll(bucket, '')).map(({ key }) => key).filter((key) => /\.csv$/i.test(key));
  return names.map((name) => ({ name, read: async () => Buffer.from((await bucket.read(name)) ?? []) }));
}

/** A fund publishes some days late; what is older than this is the answer to another question. */
const LATE_DAYS = 7;

/** The fund's file of every month's end, asked for one by one. */
async function* fetched(held: ReadonlySet<string>, asked: AskedMembers): AsyncGenerator<Dated | 'known' | 'without'> {
  const { place, from, to, patiently, signal } = asked;
  for (const date of wantedDates(from, addDays(to, 1)).toReversed()) {
    if (held.has(date)) {
      yield 'known';
      continue;
    }
    stopIfAsked(signal);
    const uri = addressFor(place, date);
    try {
      const found = await patiently(() => ishares({ uri }).holdings({ signal }));
      if (found.asOf > date || found.asOf < addDays(date, -LATE_DAYS)) throw otherDay(uri, date, found.asOf);
      yield { ...found, from: uri };
    } catch (error) {
      if (!isNamed(error, 'Vendor.NotYetAvailable', 'Vendor.NotFound')) throw error;
      yield 'without';
    }
  }
}

/** Pure: the address with `asOfDate` as the fund's site writes it, 20251128. */
export function addressFor(place: string, date: string): string {
  const url = new URL(place);
  url.searchParams.set('asOfDate', date.replaceAll('-', ''));
  return url.href;
}

function otherDay(uri: string, wanted: string, found: string): NamedError {
  return new NamedError('Data.Invalid', {
    what: 'the fund answered with the holdings of another day',
    found: `${found} from ${uri}`,
    wanted: `those of ${wanted}, or of a few days before`,
    todo: 'This address does not serve the past. Save dated files and name their folder instead.',
  });
}
