import { exchangeDate } from '../calendar/calendar.ts';
import { indexEventBetween } from '../calendar/index-events.ts';
import type { Budget } from '../checks/change-budget.ts';
import { inFlight } from '../concurrency.ts';
import { NamedError } from '../errors.ts';
import { dateOfKey, keys, type Lake, listAll } from '../lake/lake.ts';
import { type Column, decodeRows, encodeRows } from '../lake/parquet.ts';
import {
  countReasons,
  type IndexMember,
  type Listing,
  listingFinder,
  parseIndexMembers,
} from '../records/index-member.ts';
import { contentHash, type Parsed } from '../records/record.ts';
import type { Stores } from '../stores.ts';
import { readStored } from '../tables/reference-table.ts';
import { figure } from '../text.ts';
import { type Ishares, isharesOf } from '../vendors/ishares.ts';
import type { VendorPage } from '../vendors/paging.ts';
import type { Warehouse } from '../warehouse/client.ts';
import { currentMembers, type MemberRow, restoreMembers, storedMembers, storeMembers } from '../warehouse/reference.ts';
import type { AnnouncedEvent, ListDataset, OpenList, Sink, SyncRequest } from './dataset.ts';
import { type Fields, listDates } from './snapshots.ts';

const fields = { index: 'text', holdingsOf: 'date', weight: 'double' } as const satisfies Fields;
/** Lists that are read at a time. */
const READERS = 16;

/** The one index followed; the column is there for others. */
export const INDEX = 'russell_2000';

const DATASET = 'index_members';
/**
 * Between reconstitutions a few members leave by merger or delisting, and once a quarter some 30 newly listed ones join:
 * 2 % of the index at most.
 */
const ORDINARY: Partial<Budget> = { vanished: 0.05, added: 0.05 };
/** A reconstitution replaces about an eighth: 12 % a year since 2008 (Cboe), 255 joined and 199 left in June 2025. */
const RECONSTITUTION: Partial<Budget> = { vanished: 0.25, added: 0.25 };
const COLUMNS: Column[] = [
  { name: 'index', type: 'text' },
  { name: 'symbol', type: 'text' },
  { name: 'date', type: 'date' },
  { name: 'weight', type: 'double', nullable: true },
];
/** A list of the past says that it is one. */
const BACKFILLED_COLUMNS: Column[] = [...COLUMNS, { name: 'source', type: 'text', nullable: true }];

/** Members of the Russell 2000; found in the list of tickers or, when its vendor is down, of assets, so it comes after both. */
export const indexMembers: ListDataset<IndexMember> = {
  name: DATASET,
  task: 'sync-index-members',
  vendor: 'ishares',
  round: 1,
  fields,
  view: { name: 'index_lists', every: true, columns: BACKFILLED_COLUMNS },
  stored: {
    async check(lake, warehouse) {
      const { listed, lost } = await lostMemberships(lake, warehouse);
      const problems =
        lost.length === 0 ? [] : [`${figure(lost.length)} memberships of the lists are not in it, or otherwise`];
      return { counted: `${figure(listed)} memberships`, problems };
    },
    async load(lake, warehouse) {
      const { lost } = await lostMemberships(lake, warehouse);
      const [first = ''] = (await memberLists(lake)).map(({ date }) => date);
      await restoreMembers(warehouse, { index: INDEX, first }, lost);
      return lost.length;
    },
  },
  source: (request, call) => indexMembersSource(() => isharesOf(call.config), request, call),
};

/** Members of the Russell 2000 by a fund's holdings, dated by the day the holdings are of and not by the night. */
export function indexMembersSource(vendor: () => Ishares, request: SyncRequest, stores: Stores): OpenList<IndexMember> {
  return {
    partitions: [INDEX],
    pages: async function* () {
      const { asOf, rows, practice } = await vendor().holdings();
      await requireDay(asOf, request, stores.lake);
      const dated = rows.map((row) => ({ asOf, row }));
      yield { page: 1, rows: dated, cursor: undefined, practice, waitSeconds: 0 } satisfies VendorPage;
    },
    parse: async (rows) => membersOf(rows as DatedRow[], stores),
    keyOf: ({ symbol }) => symbol,
    sink: membersSink(stores.warehouse),
    watched: ['index'],
    budget: ORDINARY,
    event: (records) => eventOf(records, stores.lake),
    files: membersFiles,
  };
}

interface DatedRow {
  asOf: string;
  row: Record<string, string>;
}

async function membersOf(rows: readonly DatedRow[], stores: Stores): Promise<Parsed<IndexMember>> {
  const about = { index: INDEX, asOf: rows[0]!.asOf };
  const find = listingFinder(await readListings(stores));
  const parsed = parseIndexMembers(
    rows.map(({ row }) => row),
    about,
    find,
  );
  const { records, rejected, excluded } = parsed;
  if (records.length === 0) {
    const found = `${rejected.length} unknown or doubtful rows (${countReasons(rejected.slice(0, 1000))})`;
    throw new NamedError('Data.Invalid', { what: 'None of the holdings is in the reference list', found });
  }
  const excludedRows =
    excluded.length === 0
      ? []
      : [`${excluded.length} of ${rows.length} rows are no listed shares: ${countReasons(excluded)}`];
  return { records, rejected, excludedRows };
}

/** History is written forwards only: a list from before the newest one would end memberships that went on. */
async function requireDay(asOf: string, { openedAt }: SyncRequest, lake: Lake): Promise<void> {
  const held = await newestList(lake);
  const today = exchangeDate(new Date(openedAt));
  if ((held === undefined || asOf >= held) && asOf <= today) return;
  throw new NamedError('Data.Invalid', {
    what: 'The holdings are of a day that cannot be stored',
    found: asOf,
    wanted: held === undefined ? `${today} or earlier` : `a day from ${held}, the newest list held, to ${today}`,
    todo: 'Put a newer file where INDEX_MEMBERS_URI leads to; the list held stays.',
  });
}

/** The day of the newest list in the lake. */
async function newestList(lake: Lake): Promise<string | undefined> {
  return (await memberLists(lake)).at(-1)?.date;
}

async function eventOf(records: readonly IndexMember[], lake: Lake): Promise<AnnouncedEvent | undefined> {
  const [earlier, later] = [await newestList(lake), records[0]?.holdingsOf];
  const event = earlier && later ? indexEventBetween(INDEX, { earlier, later }) : undefined;
  return event && { name: `${event.name} of ${event.date}`, budget: RECONSTITUTION };
}

/** The newest list in `index_members`; a membership has no values of its own, so that none ever changes. */
function membersSink(warehouse: Warehouse): Sink<IndexMember> {
  return {
    known: async () => {
      const symbols = await currentMembers(warehouse, INDEX);
      return new Map(
        symbols.map((symbol) => {
          const values = { symbol, index: INDEX };
          return [symbol, { key: symbol, contentHash: contentHash(values), active: true, values }];
        }),
      );
    },
    apply: async ({ added, vanished }, _run, records) => {
      if (added.length + vanished.length === 0) return { new: 0, changed: 0, failed: [] };
      const list = { index: INDEX, date: records[0]!.holdingsOf, symbols: records.map(({ symbol }) => symbol) };
      const stored = await storeMembers(warehouse, list);
      return { new: stored.new, changed: stored.gone, failed: [] };
    },
  };
}

/** A list of the past as it lies in the lake. */
export function backfilledMembers(records: readonly IndexMember[], date: string): [string, Uint8Array] {
  const rows = records.map(({ index, symbol, weight = null }) => ({ index, symbol, date, weight, source: 'backfill' }));
  return [keys.backfilled(DATASET, date), encodeRows(BACKFILLED_COLUMNS, rows)];
}

function membersFiles(records: readonly IndexMember[]): [string, Uint8Array][] {
  const date = records[0]!.holdingsOf;
  const rows = records.map(({ index, symbol, weight = null }) => ({ index, symbol, date, weight }));
  const text = Buffer.from(`${records.map(({ symbol }) => symbol).join('\n')}\n`);
  return [
    [keys.snapshot(DATASET, date), encodeRows(COLUMNS, rows)],
    [keys.indexMembersText, text],
  ];
}

/**
 * Every exchange-listed symbol of the ticker table, or of the asset table as long as no ticker sync was ever
 * complete: a table that is still filling up would make members of an index look unknown.
 * @throws NamedError `Data.Invalid` before either was complete
 */
export async function readListings({
  config,
  runs,
  tables,
}: Pick<Stores, 'config' | 'runs' | 'tables'>): Promise<Listing[]> {
  const listed = async (table: string, isListed: (values: Readonly<Record<string, unknown>>) => boolean) => {
    const rows = [...(await readStored(tables, table)).values()].filter(({ values }) => isListed(values));
    return rows.map(({ key: symbol, active }) => ({ symbol, active }));
  };
  const tickers = (await runs.lastSync('tickers')) && (await listed(config.TICKERS_TABLE, isStock));
  if (tickers && tickers.length > 0) return tickers;
  if (await runs.lastSync('assets')) return listed(config.ASSETS_TABLE, ({ exchange }) => exchange !== 'OTC');
  throw new NamedError('Data.Invalid', {
    what: 'There is no reference list to find the members in',
    wanted: 'one complete sync of tickers or assets',
    todo: 'Run `afterbell run sync-tickers` first; the next night does both.',
  });
}

function isStock({ market }: Readonly<Record<string, unknown>>): boolean {
  return market === 'stocks';
}

/** Every membership of the symbols that the warehouse lacks one of. */
async function lostMemberships(lake: Lake, warehouse: Warehouse): Promise<{ listed: number; lost: MemberRow[] }> {
  const listed = await listedMembers(lake);
  const lacking = new Set(lostMembers(listed, await storedMembers(warehouse, INDEX)).map(({ symbol }) => symbol));
  return { listed: listed.length, lost: listed.filter(({ symbol }) => lacking.has(symbol)) };
}

/** A list of members in the lake. Of a day that a night has a list of, that one counts. */
export interface MemberList {
  date: string;
  key: string;
  source?: 'backfill';
}

/** Every list there is, oldest first. */
export async function memberLists(lake: Lake): Promise<MemberList[]> {
  const dates = await listDates(lake, DATASET);
  const own = new Set(dates);
  const past = (await listAll(lake, keys.backfilledOf(DATASET))).flatMap(({ key }) => {
    const date = dateOfKey(key);
    return date === undefined || own.has(date) ? [] : [{ date, key, source: 'backfill' as const }];
  });
  const lists: MemberList[] = [...dates.map((date) => ({ date, key: keys.snapshot(DATASET, date) })), ...past];
  return lists.sort((a, b) => (a.date < b.date ? -1 : 1));
}

/** Every membership that the lists tell of. */
async function listedMembers(lake: Lake): Promise<MemberRow[]> {
  const found = await memberLists(lake);
  const lists = new Map<string, string[]>();
  await inFlight(found, READERS, async ({ key }) => {
    const rows = await decodeRows((await lake.read(key)) ?? new Uint8Array(), key, ['symbol']);
    lists.set(
      key,
      rows.map(({ symbol }) => String(symbol)),
    );
  });
  return membershipsOf(found.map(({ date, key, source }) => [date, lists.get(key)!, source]));
}

/** Pure: from the first list that names a symbol to the first that does not. Lists in order of date. */
export function membershipsOf(
  lists: readonly (readonly [date: string, symbols: readonly string[], source?: 'backfill' | undefined])[],
): MemberRow[] {
  const open = new Map<string, MemberRow>();
  const ended: MemberRow[] = [];
  for (const [date, symbols, source] of lists) {
    const now = new Set(symbols);
    for (const [symbol, row] of open) {
      if (now.has(symbol)) continue;
      ended.push({ ...row, validTo: date });
      open.delete(symbol);
    }
    for (const symbol of now)
      if (!open.has(symbol)) open.set(symbol, { symbol, validFrom: date, validTo: null, ...(source && { source }) });
  }
  return [...ended, ...open.values()];
}

/** Pure: memberships the table lacks. It may know of a time before the oldest list that is left. */
export function lostMembers(listed: readonly MemberRow[], stored: readonly MemberRow[]): MemberRow[] {
  const first = listed.map(({ validFrom }) => validFrom).sort()[0] ?? '';
  const key = ({ symbol, validFrom, validTo, source }: MemberRow) => {
    return `${symbol} ${validFrom < first ? first : validFrom} ${validTo ?? ''} ${source ?? ''}`;
  };
  const known = new Set(stored.map(key));
  return listed.filter((one) => !known.has(key(one)));
}
