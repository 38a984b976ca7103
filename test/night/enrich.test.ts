import { describe, expect, test } from 'vitest';
import type { VendorResponse } from '../../src/datasets/dataset.ts';
import { NamedError } from '../../src/errors.ts';
import { claimLake } from '../../src/lake/lake.ts';
import { enrich } from '../../src/night/enrich.ts';
import { storeValuations } from '../../src/warehouse/enrichment.ts';
import { FIRST, LONG, NEXT, names, openEnrichment, vendorOf } from './enriching.ts';

const { rooms: stores, query, sourceOf, enrichAll, values, quarantined } = openEnrichment();

test('every symbol is asked for once, in chunks, and the dataset is complete', async () => {
  const { asked, vendor } = vendorOf(() => 5);
  const { page } = await enrichAll(sourceOf(names(120), vendor));
  expect(page).toMatchObject({
    status: 'success',
    pages: 3,
    rows: 120,
    new: 120,
    changed: 0,
    rejected: 0,
    reasons: [],
  });
  expect([...asked].sort()).toEqual(names(120));
  expect((await values()).size).toBe(120);
  expect(await stores().runs.lastSync('valuations')).toMatchObject({ lastSyncTimestamp: FIRST.openedAt, rows: 120 });
  expect(await stores().runs.progress('valuations')).toBeUndefined();
});

test('a second run the same night asks for nothing and writes nothing', async () => {
  const first = vendorOf(() => 5);
  await enrichAll(sourceOf(names(3), first.vendor));
  const [rows, lake] = [await query('SELECT * FROM dcf_valuations'), stores().lake.contents()];
  const second = vendorOf(() => 6);
  const { page } = await enrichAll(sourceOf(names(3), second.vendor), { ...FIRST, runId: 'night-1b' });
  expect(page).toMatchObject({ status: 'success', rows: 0, new: 0, changed: 0 });
  expect(second.asked).toEqual([]);
  expect(await query('SELECT * FROM dcf_valuations')).toEqual(rows);
  expect(stores().lake.contents()).toEqual(lake);
});

test('500 long rejects beside 5,000 earlier attempts are all kept, however long one of them is', async () => {
  await query(`INSERT INTO enrichment_attempts (dataset, symbol, attempted_at, ending)
    SELECT 'valuations', 'T' || n, '2025-11-01', 'ok' FROM generate_series(1, 5000) AS n`);
  const rowOf = (symbol: string) => ({ symbol, dcf: '"x" '.repeat(symbol === 'S0007' ? 40_000 : 1000) });
  const ask = async (symbol: string): Promise<VendorResponse> => {
    return { reading: { kind: 'invalid', reason: `${symbol}: dcf is no number`, row: rowOf(symbol) }, practice: true };
  };
  const { page } = await enrichAll(sourceOf(names(500), { callsPerMinute: 0, ask }));
  expect(page).toMatchObject({ done: true, rejected: 500 });
  const lines = await quarantined();
  expect(lines.map(({ symbol }) => symbol)).toEqual(names(500));
  // A long text is kept by its beginning and its length.
  const kept = ({ symbol, dcf }: ReturnType<typeof rowOf>) => ({
    symbol,
    dcf: `${dcf.slice(0, 200)}… (${dcf.length} characters)`,
  });
  expect(lines.map(({ row }) => row)).toEqual(names(500).map(rowOf).map(kept));
});

test('the same values the next night change no row', async () => {
  await enrichAll(sourceOf(names(3), vendorOf(() => 5).vendor));
  const rows = await query('SELECT * FROM dcf_valuations');
  const { asked, vendor } = vendorOf(() => 5);
  const { page } = await enrichAll(sourceOf(names(3), vendor), NEXT);
  expect(asked).toHaveLength(3);
  expect(page).toMatchObject({ status: 'success', rows: 3, new: 0, changed: 0 });
  expect(await query('SELECT * FROM dcf_valuations')).toEqual(rows);
});

test('a night asks for as many symbols as its budget, and the next one goes on', async () => {
  const first = vendorOf(() => 5);
  await enrichAll(sourceOf(names(10), first.vendor, { budget: 4 }));
  const second = vendorOf(() => 5);
  await enrichAll(sourceOf(names(10), second.vendor, { budget: 4 }), NEXT);
  const later = { ...NEXT, session: '2025-11-21', runId: 'night-3', openedAt: '2025-11-22T09:00:00.000Z' };
  const third = vendorOf(() => 5);
  await enrichAll(sourceOf(names(10), third.vendor, { budget: 4 }), later);
  expect([first, second, third].map(({ asked }) => [...asked].sort())).toEqual([
    names(10).slice(0, 4),
    names(10).slice(4, 8),
    [...names(10).slice(8), ...names(10).slice(0, 2)].sort(),
  ]);
});

describe('a run that was killed', () => {
  test.each([1, 2, 3])('after chunk %i goes on with the next one, and repeats at most one', async (chunks) => {
    const { asked, vendor } = vendorOf(() => 5);
    let stored = 0;
    const source = sourceOf(names(170), vendor, {
      store: async (items, at) => {
        const result = await storeValuations(stores().warehouse, at, items);
        stored += 1;
        if (stored === chunks) throw new Error('killed');
        return result;
      },
    });
    await expect(enrich(source, FIRST, stores(), LONG)).rejects.toThrow('killed');
    const before = asked.length;
    expect(before).toBe(50 * chunks);
    const { page } = await enrichAll(source, { ...FIRST, runId: 'night-1b' });
    expect(page).toMatchObject({ status: 'success' });
    expect((await values()).size).toBe(170);
    expect(asked.length - before).toBe(170 - 50 * (chunks - 1));
    const sync = await query('SELECT DISTINCT attempted_at::text AS at FROM enrichment_attempts');
    expect(sync).toHaveLength(1);
  });

  test('before its quarantine was written leaves it to the next one', async () => {
    const { vendor } = vendorOf((symbol) => (symbol === 'S0001' ? 'empty' : 5));
    const source = sourceOf(names(3), vendor);
    const { runs, lake, warehouse } = stores();
    const open = (key: string) =>
      key.startsWith('quarantine/') ? Promise.reject(new Error('killed')) : lake.open(key);
    const dying = {
      runs,
      warehouse,
      lake: new Proxy(lake, { get: (of, name) => (name === 'open' ? open : Reflect.get(of, name)) }),
    };
    await expect(enrich(source, FIRST, dying, LONG)).rejects.toThrow('killed');
    expect(await runs.lastSync('valuations')).toBeUndefined();
    const { page } = await enrichAll(source, { ...FIRST, runId: 'night-1b' });
    expect(page).toMatchObject({ status: 'success', rows: 2, rejected: 1 });
    expect(await quarantined()).toHaveLength(1);
  });
});

test('the invocation ends before its deadline and says so', async () => {
  const { asked, vendor } = vendorOf(() => 5);
  const page = await enrich(sourceOf(names(120), vendor), FIRST, stores(), { remainingMs: () => 80_000 });
  expect(page).toMatchObject({ done: false, waitSeconds: 0, rows: 50 });
  expect(asked).toHaveLength(50);
});

test('a slow plan is asked for one symbol a call, and the state machine waits', async () => {
  const slow = vendorOf(() => 5, 5);
  const ask = async (symbol: string) => ({ ...(await slow.vendor.ask(symbol)), practice: false });
  const { page, waits } = await enrichAll(sourceOf(names(3), { ...slow.vendor, ask }));
  expect(page).toMatchObject({ rows: 3, pages: 3 });
  expect(waits).toEqual([12, 12]);
});

test('an empty answer overwrites nothing, is told, and is not asked for again the next night', async () => {
  await enrichAll(sourceOf(names(4), vendorOf(() => 5).vendor));
  const empty = vendorOf((symbol) => (symbol === 'S0002' ? 'empty' : 6));
  const { page } = await enrichAll(sourceOf(names(4), empty.vendor), NEXT);
  expect(page).toMatchObject({ status: 'success', rows: 3, changed: 3, rejected: 1 });
  expect((await values()).get('S0002')).toBe(5);
  expect(await quarantined(NEXT.session)).toEqual([
    { dataset: 'valuations', date: NEXT.session, symbol: 'S0002', reason: 'nothing known', row: null },
  ]);
  const third = vendorOf(() => 7);
  const later = { ...NEXT, session: '2025-11-21', runId: 'night-3', openedAt: '2025-11-22T09:00:00.000Z' };
  await enrichAll(sourceOf(names(4), third.vendor), later);
  expect(third.asked.sort()).toEqual(['S0000', 'S0001', 'S0003']);
});

test('a vendor that suddenly knows nothing makes the night partial and takes nothing away', async () => {
  await enrichAll(sourceOf(names(40), vendorOf(() => 5).vendor));
  const { page } = await enrichAll(sourceOf(names(40), vendorOf(() => 'empty').vendor), NEXT);
  expect(page.status).toBe('partial');
  expect(page.reasons[0]).toContain('40 symbols that have a row had no value this time');
  expect((await values()).size).toBe(40);
});

test.each([
  ['Vendor.NotFound', 'success'],
  ['Vendor.BadRequest', 'success'],
  ['Vendor.SymbolOutOfPlan', 'success'],
  ['Data.Invalid', 'partial'],
  ['Vendor.Unavailable', 'partial'],
  ['Vendor.TruncatedBody', 'partial'],
] as const)('%s costs its symbol only', async (name, status) => {
  const { asked, vendor } = vendorOf((symbol) => (symbol === 'S0003' ? new NamedError(name, 'no') : 5));
  const { page } = await enrichAll(sourceOf(names(10), vendor));
  expect(page).toMatchObject({ status, rows: 9, rejected: 1 });
  expect(asked).toHaveLength(10);
  const [line] = await quarantined();
  expect(line).toMatchObject({ dataset: 'valuations', symbol: 'S0003', reason: `${name}: no` });
});

test('a refused key stops the vendor at once; what was answered is kept', async () => {
  const refused = new NamedError('Vendor.AuthFailed', 'FMP_API_KEY was refused');
  const { asked, vendor } = vendorOf((symbol) => (symbol >= 'S0060' ? refused : 5));
  const { page, waits } = await enrichAll(sourceOf(names(200), vendor, { concurrency: 1 }));
  expect(waits).toEqual([]);
  expect(asked).toHaveLength(61);
  expect(page).toMatchObject({ status: 'partial', rows: 60 });
  expect(page.reasons[0]).toBe('fmp: Vendor.AuthFailed: FMP_API_KEY was refused');
  expect(page.reasons[1]).toContain('140 symbols were not asked for');
  expect(await stores().runs.lastSync('valuations')).toBeUndefined();
  const again = vendorOf(() => 5);
  const repaired = await enrichAll(sourceOf(names(200), again.vendor), { ...FIRST, runId: 'night-1b' });
  expect(again.asked).toHaveLength(140);
  expect(repaired.page).toMatchObject({ status: 'success', rows: 200 });
});

test('a limit is rested for, three times, and then left for the next night', async () => {
  const limited = new NamedError('Vendor.RateLimited', 'Limit Reach');
  const { asked, vendor } = vendorOf((symbol) => (symbol >= 'S0007' ? limited : 5));
  const { page, waits } = await enrichAll(sourceOf(names(10), vendor, { concurrency: 1 }));
  expect(waits).toEqual([60, 120]);
  expect(asked).toHaveLength(7 + 3);
  expect(page).toMatchObject({ status: 'partial', rows: 7 });
  expect(page.reasons[0]).toBe('fmp: Vendor.RateLimited: Limit Reach');
});

test('a pause the vendor names is the one that is made', async () => {
  const wish = new NamedError('Vendor.RateLimited', 'later', { retryAfterSeconds: 7 });
  const { vendor } = vendorOf((symbol, time) => (symbol === 'S0000' && time === 1 ? wish : 5));
  const { page, waits } = await enrichAll(sourceOf(names(2), vendor));
  expect(waits).toEqual([7]);
  expect(page).toMatchObject({ status: 'success', rows: 2 });
});

test('a vendor that ails is rested for, and nobody is skipped when it recovers', async () => {
  const down = new NamedError('Vendor.Unavailable', '502');
  const { vendor } = vendorOf((_symbol, time) => (time === 1 ? down : 5));
  const { page, waits } = await enrichAll(sourceOf(names(20), vendor));
  expect(waits).toEqual([30]);
  expect(page).toMatchObject({ status: 'success', rows: 20, rejected: 0 });
});

test('one symbol that never answers does not stand before the others for ever', async () => {
  const down = new NamedError('Vendor.Unavailable', '502');
  const slow = vendorOf((symbol) => (symbol === 'S0000' ? down : 5), 5);
  const { page } = await enrichAll(sourceOf(names(3), slow.vendor));
  expect(page).toMatchObject({ status: 'failed', rows: 0, rejected: 1 });
  const second = vendorOf((symbol) => (symbol === 'S0000' ? down : 5), 5);
  await enrichAll(sourceOf(names(3), second.vendor), NEXT);
  expect(second.asked.slice(0, 2)).toEqual(['S0001', 'S0002']);
  expect((await values()).size).toBe(2);
});

test('nobody to ask for is skipped with what is missing', async () => {
  const { page } = await enrichAll(sourceOf([], vendorOf(() => 5).vendor));
  expect(page).toMatchObject({ status: 'skipped', reasons: ['nobody to value'] });
});

test('practice values are refused by a lake of real data before anything is stored', async () => {
  await claimLake(stores().lake, 'real');
  await expect(enrich(sourceOf(names(3), vendorOf(() => 5).vendor), FIRST, stores(), LONG)).rejects.toMatchObject({
    name: 'Lake.WrongKind',
  });
  expect((await values()).size).toBe(0);
});
