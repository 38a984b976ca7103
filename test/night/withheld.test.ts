import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readWithheldLists } from '../../src/cli/status/withheld-runs.ts';
import { type ReferenceSource, type SyncPage, type SyncRequest, tableSink } from '../../src/datasets/dataset.ts';
import { tickers } from '../../src/datasets/tickers.ts';
import { keys, listAll, readJson } from '../../src/lake/lake.ts';
import { syncPage } from '../../src/night/sync.ts';
import { endWithheld, settleWithheld, type WithheldReport, withheldBy, withheldKey } from '../../src/night/withheld.ts';
import { parseTickers, type Ticker } from '../../src/records/ticker.ts';
import { type LocalTables, openLocalTables } from '../tables/local-tables.ts';
import { openTestStores, type TestStores } from './rooms.ts';

const [MONDAY, TUESDAY, WEDNESDAY] = [1, 2, 3].map((day): SyncRequest => {
  const session = `2025-11-1${day}`;
  return { runId: `night-${day}`, session, listSession: session, openedAt: `2025-11-1${day + 1}T09:00:00.000Z` };
}) as [SyncRequest, SyncRequest, SyncRequest];
const row = (ticker: string, more = {}) => ({ ticker, market: 'stocks', type: 'CS', name: `${ticker} Inc`, ...more });
const many = (count: number, more = {}) => Array.from({ length: count }, (_, index) => row(`S${100 + index}`, more));

let tables: LocalTables;
let stores: TestStores;
let asked: number;
beforeAll(async () => {
  tables = await openLocalTables();
});
beforeEach(async () => {
  stores = await openTestStores(tables);
  asked = 0;
});
afterAll(() => tables.close());

/** A list of one page a partition. */
function source(rows: object[], more: Partial<ReferenceSource<Ticker>> = {}): ReferenceSource<Ticker> {
  return {
    task: 'sync-tickers',
    dataset: 'tickers',
    fields: tickers.fields,
    partitions: ['stocks'],
    async *pages() {
      asked += 1;
      yield { page: 1, rows, cursor: undefined, practice: true, waitSeconds: 0 };
    },
    parse: parseTickers,
    keyOf: ({ symbol }) => symbol,
    sink: tableSink(stores.tables, stores.config.TICKERS_TABLE, tickers.fields),
    ...more,
  };
}
async function sync(of: ReferenceSource<Ticker>, request: SyncRequest): Promise<SyncPage> {
  for (;;) {
    const page = await syncPage(of, request, stores);
    if (page.done) return page;
  }
}
const items = async () => (await tables.items(stores.config.TICKERS_TABLE)).map((item) => [item.symbol, item.status]);
const active = async () => (await items()).filter(([, status]) => status === 'active').length;
const report = (of: SyncRequest) => readJson<WithheldReport>(stores.lake, withheldKey({ ...of, dataset: 'tickers' }));
const staged = async () => (await listAll(stores.lake, 'staging/sync=')).map(({ key }) => key);

test('a list over budget stays staged, with what it would change beside the reports', async () => {
  await sync(source(many(40)), MONDAY);
  const list = [...many(35), row('NEW')].map((one, index) => (index === 0 ? { ...one, type: 'ETF' } : one));
  const held = await sync(source(list), TUESDAY);
  expect(held).toMatchObject({ status: 'held', rows: 36, new: 0, changed: 0 });
  expect(held.reasons).toEqual([
    expect.stringContaining('5 of 40 active rows are missing'),
    'tickers: 5 vanished (S135, S136, S137, S138, S139), 1 added (NEW), 1 changed (S100); all of it: reports/date=2025-11-12/held-tickers.json',
  ]);
  expect(await active()).toBe(40);
  expect(await staged()).toEqual([keys.stagedPage('tickers', TUESDAY.runId, 1)]);
  expect(await withheldBy(stores.runs, TUESDAY.runId)).toEqual({
    session: TUESDAY.session,
    sessions: [],
    datasets: ['tickers'],
  });
  const told = (await report(TUESDAY))!;
  expect(told).toMatchObject({ dataset: 'tickers', runId: TUESDAY.runId, state: 'held' });
  expect(told.counts).toEqual({ before: 40, seen: 36, added: 1, changed: 1, vanished: 5, unchanged: 34 });
  expect(told.added).toMatchObject([{ key: 'NEW', name: 'NEW Inc' }]);
  expect(told.vanished.map(({ key }) => key)).toEqual(['S135', 'S136', 'S137', 'S138', 'S139']);
  expect(told.changed).toEqual([{ key: 'S100', fields: { type: { before: 'CS', after: 'ETF' } } }]);
  expect(await readWithheldLists(stores.lake)).toMatchObject([{ dataset: 'tickers', runId: TUESDAY.runId }]);
});

test('a release publishes it as of its own session, asking nobody; a second call finds it published', async () => {
  await sync(source(many(40)), MONDAY);
  await sync(source(many(35)), TUESDAY);
  const before = asked;
  const release = { ...WEDNESDAY, runId: 'release-1', release: TUESDAY.runId };
  expect(await sync(source([]), release)).toMatchObject({ status: 'success', rows: 35, new: 0, changed: 5 });
  expect(asked).toBe(before);
  expect(await active()).toBe(35);
  expect(await stores.lake.read(keys.snapshot('tickers', TUESDAY.session))).toBeDefined();
  expect(await stores.lake.read(keys.snapshot('tickers', WEDNESDAY.session))).toBeUndefined();
  expect(await stores.runs.lastSync('tickers')).toMatchObject({ lastSyncTimestamp: TUESDAY.openedAt, rows: 35 });
  expect(await report(TUESDAY)).toMatchObject({ state: 'released', endedBy: 'release-1' });
  expect(await staged()).toEqual([]);
  expect(await withheldBy(stores.runs, TUESDAY.runId)).toBeUndefined();
  expect(await sync(source([]), release)).toMatchObject({ status: 'success', rows: 35, new: 0, changed: 0 });
  expect(await sync(source(many(35)), WEDNESDAY)).toMatchObject({ status: 'success', new: 0, changed: 0 });
});

test('a later good list takes the place of a held one', async () => {
  await sync(source(many(40)), MONDAY);
  await sync(source(many(30)), TUESDAY);
  expect(await sync(source(many(39)), WEDNESDAY)).toMatchObject({ status: 'success', changed: 1 });
  expect(await report(TUESDAY)).toMatchObject({ state: 'superseded', endedBy: WEDNESDAY.runId });
  expect(await staged()).toEqual([]);
  expect(await withheldBy(stores.runs, TUESDAY.runId)).toBeUndefined();
  expect(await readWithheldLists(stores.lake)).toEqual([]);
});

test('a later list that is held too takes its place', async () => {
  await sync(source(many(40)), MONDAY);
  await sync(source(many(30)), TUESDAY);
  await sync(source(many(29)), WEDNESDAY);
  expect(await report(TUESDAY)).toMatchObject({ state: 'superseded', endedBy: WEDNESDAY.runId });
  expect((await readWithheldLists(stores.lake)).map(({ runId }) => runId)).toEqual([WEDNESDAY.runId]);
  expect(await staged()).toEqual([keys.stagedPage('tickers', WEDNESDAY.runId, 1)]);
});

test('a kill between the record of a sync and the end of the held one is made good', async () => {
  await sync(source(many(40)), MONDAY);
  await sync(source(many(30)), TUESDAY);
  const held = (await stores.runs.withheldSync('tickers'))!;
  expect(await settleWithheld(stores)).toEqual([expect.objectContaining({ runId: TUESDAY.runId })]);
  await sync(source(many(40)), WEDNESDAY);
  await stores.runs.saveWithheldSync(held);
  expect(await settleWithheld(stores)).toEqual([]);
  expect(await stores.runs.withheldSync('tickers')).toBeUndefined();
  await endWithheld(held, { by: 'again', as: 'superseded' }, stores);
});

test('flips of one field over the list hold it', async () => {
  await sync(source(many(40)), MONDAY);
  const held = await sync(source(many(40, { type: 'ETF' })), TUESDAY);
  expect(held).toMatchObject({ status: 'held' });
  expect(held.reasons[0]).toContain('40 of 40 rows changed or lost their type');
});

test('rows of a market that was not asked for before are let in; those of one no longer asked for are held', async () => {
  const otc = Array.from({ length: 30 }, (_, index) => row(`O${100 + index}`, { market: 'otc' }));
  await sync(source(many(40)), MONDAY);
  const both = source([...many(40), ...otc], { selection: 'stocks,otc' });
  expect(await sync(both, TUESDAY)).toMatchObject({ status: 'success', new: 30 });
  const less = await sync(source(many(40)), WEDNESDAY);
  expect(less.status).toBe('held');
  expect(less.reasons).toContain('tickers: asked for stocks now, for stocks,otc before');
});

test('what shrinks a little each night leaves the band of the last syncs', async () => {
  let count = 100;
  const words: string[] = [];
  for (let day = 0; day < 7; day += 1) {
    const session = `2025-11-0${day + 1}`;
    const openedAt = `2025-11-0${day + 2}T09:00:00.000Z`;
    const run = { runId: `run-${day}`, session, listSession: session, openedAt };
    words.push((await sync(source(many(count)), run)).status);
    count = Math.ceil(count * 0.92);
  }
  expect(words).toEqual(['success', 'success', 'success', 'success', 'success', 'success', 'held']);
  expect((await stores.runs.lastSync('tickers'))!.recentRows).toEqual([100, 92, 85, 79, 73, 68]);
});
