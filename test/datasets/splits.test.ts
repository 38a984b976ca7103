import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SyncPage, SyncRequest } from '../../src/datasets/dataset.ts';
import { sourceOf } from '../../src/datasets/dataset.ts';
import { splits, splitsSource } from '../../src/datasets/splits.ts';
import { keys } from '../../src/lake/lake.ts';
import { readSplits, splitsInForce } from '../../src/lake/splits-list.ts';
import { syncPage } from '../../src/night/sync.ts';
import type { Stores } from '../../src/stores.ts';
import { followPages } from '../../src/vendors/paging.ts';
import type { Polygon } from '../../src/vendors/polygon.ts';
import { migrate } from '../../src/warehouse/client.ts';
import { storedSplits, storeSplits } from '../../src/warehouse/reference.ts';
import { openTestStores, type TestStores } from '../night/rooms.ts';
import { type LocalTables, openLocalTables } from '../tables/local-tables.ts';
import { type LocalWarehouse, openLocalWarehouse } from '../warehouse/local-warehouse.ts';

let tables: LocalTables;
let warehouse: LocalWarehouse;
let stores: Omit<TestStores, 'warehouse'> & Pick<Stores, 'warehouse'>;
beforeAll(async () => {
  tables = await openLocalTables();
  warehouse = await openLocalWarehouse();
  await migrate(warehouse);
});
beforeEach(async () => {
  stores = { ...(await openTestStores(tables)), warehouse };
  await warehouse.query('TRUNCATE splits');
});
afterAll(async () => {
  await warehouse.close();
  await tables.close();
});

const night = (session: string): SyncRequest => ({
  runId: `night-${session}`,
  session,
  listSession: session,
  openedAt: `${session}T23:00:00.000Z`,
});
const NIGHT = night('2025-11-19');
const row = (ticker: string, execution_date: string, split_from = 1, split_to = 4) => ({
  ticker,
  execution_date,
  split_from,
  split_to,
});

/** Polygon with these pages of splits; `asked` are the paths. */
function vendorOf(pages: unknown[][]) {
  const asked: string[] = [];
  const read = async (path: string) => {
    asked.push(path);
    const page = Number(/cursor=(\d+)/.exec(path)?.[1] ?? 0);
    const cursor = page + 1 < pages.length ? `/splits?cursor=${page + 1}` : undefined;
    return { rows: pages[page]!, cursor, practice: true, waitSeconds: 0 };
  };
  const splitPages: Polygon['splitPages'] = (start = {}) =>
    followPages({ vendor: 'Polygon', firstPath: '/splits', maxPages: 9, start, read });
  return {
    asked,
    source: sourceOf(
      splits,
      splitsSource(() => ({ splitPages }) as Polygon, warehouse),
    ),
  };
}

async function sync(pages: unknown[][], request = NIGHT): Promise<SyncPage> {
  const { source } = vendorOf(pages);
  for (;;) {
    const page = await syncPage(source, request, stores);
    if (page.done) return page;
  }
}

const PAGES = [
  [row('AAPL', '2014-06-09', 1, 7), row('SHOP', '2022-06-22', 1, 10)],
  [row('SHOP', '2022-06-29', 1, 10), row('BAD', '2022-07-01', 0, 1)],
  [row('AAPL', '2025-11-18', 1, 4), row('LATER', '2026-03-02', 10, 1)],
];

test('splits of all pages are stored once, announced ones too, and applied from their day on', async () => {
  expect(await sync(PAGES)).toMatchObject({ status: 'success', pages: 3, rows: 4, new: 4, changed: 0, rejected: 2 });
  const rows = await warehouse.query('SELECT *, first_seen::text AS seen FROM splits ORDER BY symbol, execution_date');
  expect(rows.map(({ symbol, seen }) => `${symbol} ${seen}`)).toEqual([
    'AAPL 2025-11-19',
    'AAPL 2025-11-19',
    'LATER 2025-11-19',
    'SHOP 2025-11-19',
  ]);
  const splits = await readSplits(stores.lake);
  expect(splits).toHaveLength(4);
  expect([...splitsInForce(splits, '2025-11-19').keys()].sort()).toEqual(['AAPL', 'SHOP']);
  expect([...splitsInForce(splits, '2026-03-02').keys()].sort()).toEqual(['AAPL', 'LATER', 'SHOP']);
  const lines = Buffer.from((await stores.lake.read(keys.quarantine('2025-11-19')))!).toString();
  expect(lines).toContain('listed again for 2022-06-29');
});

test('the same list again writes nothing', async () => {
  await sync(PAGES);
  const [written, sent] = [stores.lake.changes.length, warehouse.sent.length];
  expect(await sync(PAGES)).toMatchObject({ new: 0, changed: 0, notes: [] });
  expect(stores.lake.changes.slice(written).filter((key) => !key.startsWith('staging/'))).toEqual([]);
  expect(warehouse.sent.slice(sent).filter(({ sql }) => /INSERT|DELETE/.test(sql))).toEqual([]);
});

test('a corrected and a withdrawn split are put right and named, and the first day of the others stays', async () => {
  await sync(PAGES);
  const later = night('2025-11-20');
  const page = await sync(
    [[row('AAPL', '2014-06-09', 1, 7), row('AAPL', '2025-11-18', 1, 5), row('LATER', '2026-03-09', 10, 1)]],
    later,
  );
  expect(page).toMatchObject({ status: 'success', new: 1, changed: 3 });
  expect(page.notes).toEqual([
    'splits: AAPL 2025-11-18: was 4 for 1, the vendor says 5 for 1 now',
    'splits: LATER 2026-03-02: 1 for 10 is no longer at the vendor',
    'splits: SHOP 2022-06-29: 10 for 1 is no longer at the vendor',
  ]);
  expect(
    (await storedSplits(warehouse)).map(({ symbol, executionDate, splitTo }) => [symbol, executionDate, splitTo]),
  ).toEqual([
    ['AAPL', '2014-06-09', 7],
    ['AAPL', '2025-11-18', 5],
    ['LATER', '2026-03-09', 1],
  ]);
  const seen = await warehouse.query("SELECT count(*)::int AS old FROM splits WHERE first_seen = '2025-11-19'");
  expect(seen).toEqual([{ old: 2 }]);
  expect((await readSplits(stores.lake)).map(({ split_to }) => split_to)).toEqual([7, 5, 1]);
});

test('killed after any page the next run asks for the page after it, and ends the same', async () => {
  for (const killed of [1, 2, 3]) {
    stores = { ...(await openTestStores(tables)), warehouse };
    await warehouse.query('TRUNCATE splits');
    const first = vendorOf(PAGES);
    for (let page = 1; page <= killed; page += 1) await syncPage(first.source, NIGHT, stores);
    const second = vendorOf(PAGES);
    let page = await syncPage(second.source, { ...NIGHT, runId: 'night-2' }, stores);
    while (!page.done) page = await syncPage(second.source, { ...NIGHT, runId: 'night-2' }, stores);
    expect([...first.asked, ...second.asked]).toEqual(['/splits', '/splits?cursor=1', '/splits?cursor=2']);
    expect(page).toMatchObject({ pages: 3, rows: 4, new: 4 });
  }
});

test('more splits than a call holds are stored and read in several', async () => {
  const written = Array.from({ length: 9001 }, (_, index) => {
    return { symbol: `S${String(index).padStart(5, '0')}`, executionDate: '2020-01-02', splitFrom: 1, splitTo: 2.5 };
  });
  expect(await storeSplits(warehouse, '2025-11-19', { written, gone: [] })).toEqual({ new: 9001, changed: 0, gone: 0 });
  const sent = warehouse.sent.length;
  expect(await storedSplits(warehouse)).toEqual(written);
  expect(warehouse.sent.length - sent).toBe(3);
});
