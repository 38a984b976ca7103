import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ReferenceSource, type SyncPage, tableSink } from '../../src/datasets/dataset.ts';
import { tickers } from '../../src/datasets/tickers.ts';
import { NamedError } from '../../src/errors.ts';
import { claimLake, keys } from '../../src/lake/lake.ts';
import { syncPage } from '../../src/night/sync.ts';
import { parseTickers, type Ticker } from '../../src/records/ticker.ts';
import { followPages } from '../../src/vendors/paging.ts';
import { type LocalTables, openLocalTables } from '../tables/local-tables.ts';
import { openTestStores, type TestStores } from './rooms.ts';

const SESSION = '2025-11-19';
/** A new lake is tried for upper and lower case; a kill leaves the trial to the next Open Night. */
const PROBE = 'staging/run=';
const request = {
  runId: 'night-1',
  session: SESSION,
  listSession: SESSION,
  openedAt: '2025-11-20T09:00:00.000Z',
};
const NEXT = { session: '2025-11-20', listSession: '2025-11-20' };
const row = (ticker: string, more = {}) => ({ ticker, market: 'stocks', name: `${ticker} Inc`, active: true, ...more });
const many = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => row(`S${String(index + from).padStart(4, '0')}`));

/** Lists of pages as a vendor would serve them, by partition; `asked` counts what was asked for. */
function listOf(lists: Record<string, unknown[][]>, more: Partial<ReferenceSource<Ticker>> & { loop?: boolean } = {}) {
  const asked: string[] = [];
  const source: ReferenceSource<Ticker> = {
    task: 'sync-tickers',
    dataset: 'tickers',
    fields: tickers.fields,
    partitions: Object.keys(lists),
    pages: (partition, from) =>
      followPages({
        vendor: 'Polygon',
        firstPath: `/${partition}`,
        maxPages: 100,
        start: from,
        read: async (path) => {
          asked.push(path);
          const number = Number(new URLSearchParams(path.split('?')[1]).get('cursor') ?? 0);
          const last = number + 1 === lists[partition]!.length;
          const next = last && more.loop ? 1 : number + 1;
          const cursor = last && !more.loop ? undefined : `/${partition}?cursor=${next}`;
          return { rows: lists[partition]![number]!, cursor, practice: true, waitSeconds: 12 };
        },
      }),
    parse: parseTickers,
    keyOf: ({ symbol }) => symbol,
    sink: tableSink(stores.tables, stores.config.TICKERS_TABLE, tickers.fields),
    ...more,
  };
  return { source, asked };
}

/** Goes round as the state machine does. */
async function syncAll(source: ReferenceSource<Ticker>, of = request): Promise<SyncPage> {
  for (let round = 0; round < 50; round += 1) {
    const page = await syncPage(source, of, stores);
    if (page.done) return page;
  }
  throw new Error('the sync never ends');
}

let tables: LocalTables;
let stores: TestStores;
beforeAll(async () => {
  tables = await openLocalTables();
});
beforeEach(async () => {
  stores = await openTestStores(tables);
});
afterAll(() => tables.close());
const items = () => tables.items(stores.config.TICKERS_TABLE);

test('rows are durable before the cursor, and the lake is claimed before anything', async () => {
  const { source } = listOf({ stocks: [many(2), many(2, 2)] });
  expect(await syncPage(source, request, stores)).toMatchObject({ done: false, pages: 1, rows: 2, waitSeconds: 12 });
  await syncAll(source);
  const own = stores.order.filter((line) => !line.includes(PROBE));
  const sync = 'staging/sync=night-1/tickers/page';
  expect(own).toEqual([
    `write ${keys.stamp}`,
    `write ${sync}=00001.json`,
    'saveCursor tickers',
    `write ${sync}=00002.json`,
    'saveCursor tickers',
    `write reference/tickers/date=${SESSION}.parquet`,
    'saveLastSync tickers',
    'dropCursor tickers',
    `remove ${sync}=00001.json ${sync}=00002.json`,
  ]);
});

test('a complete sync fills the table and says how many are new and changed', async () => {
  const first = await syncAll(listOf({ stocks: [many(3)], otc: [many(3, 3)] }).source);
  expect(first).toMatchObject({ status: 'success', pages: 2, rows: 6, new: 6, changed: 0, rejected: 0 });
  expect((await items()).map(({ symbol, status }) => [symbol, status])).toHaveLength(6);
  expect(await stores.runs.lastSync('tickers')).toMatchObject({
    lastSyncTimestamp: request.openedAt,
    pages: 2,
    rows: 6,
  });
  const next = { ...request, runId: 'night-2', openedAt: '2025-11-21T09:00:00.000Z', ...NEXT };
  const second = await syncAll(
    listOf({ stocks: [[row('S0000', { name: 'Other' }), row('S0001'), row('NEW')]], otc: [many(3, 3)] }).source,
    next,
  );
  expect(second).toMatchObject({ status: 'success', rows: 6, new: 1, changed: 2 });
  expect((await items()).find(({ symbol }) => symbol === 'S0002')).toMatchObject({
    status: 'inactive',
    inactiveSince: next.openedAt,
  });
});

test("the vendor's ticking clock alone changes nothing", async () => {
  const at = (time: string) => listOf({ stocks: [many(5).map((one) => ({ ...one, last_updated_utc: time }))] }).source;
  await syncAll(at('2025-11-19T00:00:00Z'));
  const changes = stores.lake.changes.length;
  expect(await syncAll(at('2025-11-19T00:00:00Z'))).toMatchObject({ new: 0, changed: 0 });
  const written = stores.lake.changes.slice(changes).filter((key) => !key.startsWith('staging/'));
  expect(written).toEqual([]);
  expect(await syncAll(at('2025-11-20T00:00:00Z'))).toMatchObject({ new: 0, changed: 0 });
});

describe('a sync that was killed', () => {
  const lists = { stocks: [many(3), many(3, 3), [...many(2, 6), { ticker: 'BAD' }]], otc: [many(2, 5)] };
  const outcome = async () => ({
    items: (await items()).map(({ firstSeenAt: _, updatedAt: __, ...rest }) => rest),
    lake: Object.fromEntries(Object.entries(stores.lake.contents()).filter(([key]) => !key.includes(PROBE))),
  });

  test('asks for page k+1 next, not for page 1', async () => {
    const first = listOf(lists);
    await syncPage(first.source, request, stores);
    await syncPage(first.source, request, stores);
    expect(first.asked).toEqual(['/stocks', '/stocks?cursor=1']);
    const second = listOf(lists);
    expect(await syncAll(second.source, { ...request, runId: 'night-2' })).toMatchObject({ pages: 4, rows: 8, new: 8 });
    expect(second.asked).toEqual(['/stocks?cursor=2', '/otc']);
  });

  test('anywhere ends in the same table, snapshot and quarantine as one that was not', async () => {
    await syncAll(listOf(lists).source);
    const undisturbed = await outcome();
    const changes = stores.lake.changes.length;
    await fc.assert(
      fc.asyncProperty(fc.nat(changes), fc.boolean(), async (point, before) => {
        stores = await openTestStores(tables);
        if (before) stores.lake.killBefore = point;
        else stores.lake.killAfter = point + 1;
        await syncAll(listOf(lists).source).catch(() => {});
        stores = { ...stores, lake: stores.lake.copy() };
        await syncAll(listOf(lists).source);
        expect(await outcome()).toEqual(undisturbed);
      }),
      { numRuns: 12 },
    );
  });

  test('on another session starts over: its pages are of another day', async () => {
    await syncPage(listOf(lists).source, request, stores);
    const next = listOf(lists);
    await syncPage(next.source, { ...request, ...NEXT, runId: 'night-2' }, stores);
    expect(next.asked).toEqual(['/stocks']);
    expect(await stores.runs.cursor('tickers')).toMatchObject({ session: '2025-11-20', syncId: 'night-2', page: 1 });
  });

  test('for an old session is resumed by the night of the day it was begun on', async () => {
    await syncPage(listOf(lists).source, { ...request, session: '2025-11-04', runId: 'repair' }, stores);
    const night = listOf(lists);
    await syncAll(night.source, { ...request, runId: 'night-2' });
    expect(night.asked[0]).toBe('/stocks?cursor=1');
    expect(await stores.lake.read(keys.snapshot('tickers', SESSION))).toBeDefined();
  });

  test('and lost a staged page publishes nothing and starts over', async () => {
    const { source } = listOf({ stocks: [many(3), many(3, 3)] });
    await syncPage(source, request, stores);
    await syncPage(source, request, stores);
    await stores.lake.remove([keys.stagedPage('tickers', 'night-1', 1)]);
    await expect(syncPage(source, request, stores)).rejects.toMatchObject({ name: 'Lake.Corrupt' });
    expect(await items()).toEqual([]);
    expect(await syncAll(source)).toMatchObject({ status: 'success', rows: 6 });
  });
});

test('a list that runs in a circle is named, publishes nothing and is started over', async () => {
  const { source } = listOf({ stocks: [many(2), many(2, 2)] }, { loop: true });
  await syncPage(source, request, stores);
  await expect(syncPage(source, request, stores)).rejects.toMatchObject({ name: 'Pagination.CursorLoop' });
  expect(await stores.runs.cursor('tickers')).toBeUndefined();
  expect(await items()).toEqual([]);
  const good = listOf({ stocks: [many(2)] });
  await syncAll(good.source);
  expect(good.asked).toEqual(['/stocks']);
});

test('any other trouble keeps the cursor', async () => {
  const lists = { stocks: [many(2), many(2, 2)] };
  await syncPage(listOf(lists).source, request, stores);
  const failing = listOf(lists, {
    pages: () => {
      throw new NamedError('Vendor.Unavailable', 'down');
    },
  });
  await expect(syncPage(failing.source, request, stores)).rejects.toMatchObject({ name: 'Vendor.Unavailable' });
  expect(await stores.runs.cursor('tickers')).toMatchObject({ page: 1 });
});

test('pages that could not be published are fetched again by the next run', async () => {
  const lists = { stocks: [many(2), many(2, 2)] };
  const refused = new NamedError('Database.Failed', 'invalid byte sequence; SQLState: 22P05');
  const failing = listOf(lists, { identity: ({ symbol }) => ({ symbol }) });
  stores.warehouse.trouble = refused;
  await expect(syncAll(failing.source)).rejects.toMatchObject({ name: 'Database.Failed' });
  stores.warehouse.trouble = undefined;
  const next = listOf(lists);
  expect(await syncAll(next.source, { ...request, runId: 'night-2' })).toMatchObject({ status: 'success', rows: 4 });
  expect(next.asked).toEqual(['/stocks', '/stocks?cursor=1']);
});

test('pages whose publication found the warehouse asleep are published without being fetched again', async () => {
  const lists = { stocks: [many(2)] };
  stores.warehouse.trouble = new NamedError('Database.Resuming', 'waking up');
  const first = listOf(lists, { identity: ({ symbol }) => ({ symbol }) });
  await expect(syncAll(first.source)).rejects.toMatchObject({ name: 'Database.Resuming' });
  stores.warehouse.trouble = undefined;
  const next = listOf(lists);
  expect(await syncAll(next.source)).toMatchObject({ status: 'success', rows: 2 });
  expect(next.asked).toEqual([]);
});

test('a list over budget is held: table, snapshot and last sync stay as they were', async () => {
  await syncAll(listOf({ stocks: [many(40)] }).source);
  const [before, lake] = [await items(), stores.lake.contents()];
  const next = { ...request, ...NEXT, runId: 'night-2', openedAt: '2025-11-21T09:00:00.000Z' };
  const held = await syncAll(listOf({ stocks: [many(35)] }).source, next);
  expect(held).toMatchObject({ done: true, status: 'held', rows: 35, new: 0, changed: 0 });
  expect(held.reasons[0]).toContain('5 of 40 active rows are missing');
  expect(await items()).toEqual(before);
  const own = /^(staging\/|reports\/date=2025-11-20\/held-tickers\.json$)/;
  const kept = Object.fromEntries(Object.entries(stores.lake.contents()).filter(([key]) => !own.test(key)));
  expect(kept).toEqual(lake);
  expect(await stores.runs.lastSync('tickers')).toMatchObject({ lastSyncTimestamp: request.openedAt });
  expect(await stores.runs.cursor('tickers')).toBeUndefined();
});

test('items that cannot be written make it partial: counted, no last sync, tried again by the next run', async () => {
  const list = [...many(3), row('HUGE')];
  // A row as no parser lets it through.
  const parse = (rows: unknown[]) => {
    const parsed = parseTickers(rows);
    const name = 'x'.repeat(401 * 1024);
    return { ...parsed, records: parsed.records.map((one) => (one.symbol === 'HUGE' ? { ...one, name } : one)) };
  };
  const partial = await syncAll(listOf({ stocks: [list.slice(0, 3)], otc: [list.slice(3)] }, { parse }).source);
  expect(partial.status).toBe('partial');
  expect(partial.reasons[0]).toMatch(/^tickers: \d items? not written, first /);
  expect(await items()).toHaveLength(partial.new);
  expect(await stores.runs.lastSync('tickers')).toBeUndefined();
  expect(await stores.runs.cursor('tickers')).toMatchObject({ phase: 'publish' });
});

test('a symbol in two markets is kept once, the second lies in quarantine', async () => {
  const { source } = listOf({ stocks: [[row('A'), row('B')]], otc: [[row('B', { market: 'otc' }), { ticker: 'C' }]] });
  const page = await syncAll(source);
  expect(page).toMatchObject({ rows: 2, rejected: 2, new: 2 });
  expect((await items()).map(({ symbol, market }) => [symbol, market])).toEqual([
    ['A', 'stocks'],
    ['B', 'stocks'],
  ]);
  const lines = Buffer.from((await stores.lake.read(keys.quarantine(SESSION)))!)
    .toString()
    .trim()
    .split('\n');
  expect(
    lines.map((line) => JSON.parse(line)).map(({ dataset, date, symbol, reason }) => [dataset, date, symbol, reason]),
  ).toEqual([
    ['tickers', SESSION, 'B', 'duplicate row'],
    ['tickers', SESSION, 'C', expect.stringContaining('market')],
  ]);
});

test('practice rows are refused by a lake of real data before anything is staged', async () => {
  await claimLake(stores.lake, 'real');
  const before = stores.lake.contents();
  await expect(syncPage(listOf({ stocks: [many(2)] }).source, request, stores)).rejects.toMatchObject({
    name: 'Lake.WrongKind',
  });
  expect(stores.lake.contents()).toEqual(before);
  expect(await stores.runs.cursor('tickers')).toBeUndefined();
});
