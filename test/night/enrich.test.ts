import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { NamedError } from '../../src/errors.ts';
import { keys } from '../../src/lake/keys.ts';
import { claimLake } from '../../src/lake/stamp.ts';
import type { Told } from '../../src/night/ask-chunk.ts';
import { enrich } from '../../src/night/enrich.ts';
import type { EnrichmentPage, EnrichmentSource } from '../../src/night/enrichment.ts';
import type { Valuation } from '../../src/records/valuation.ts';
import { storeValuations } from '../../src/warehouse/enrichment.ts';
import { migrate } from '../../src/warehouse/migrate.ts';
import { type LocalTables, openLocalTables } from '../tables/local-tables.ts';
import { type LocalWarehouse, openLocalWarehouse } from '../warehouse/local-warehouse.ts';
import { openRooms, type Rooms } from './rooms.ts';

const SESSION = '2025-11-19';
const FIRST = { runId: 'night-1', session: SESSION, openedAt: '2025-11-20T09:00:00.000Z', vendorDown: {} };
const NEXT = { runId: 'night-2', session: '2025-11-20', openedAt: '2025-11-21T09:00:00.000Z', vendorDown: {} };
const names = (count: number) => Array.from({ length: count }, (_, index) => `S${String(index).padStart(4, '0')}`);

let tables: LocalTables;
let warehouse: LocalWarehouse;
let rooms: Omit<Rooms, 'warehouse'> & { warehouse: LocalWarehouse };
beforeAll(async () => {
  tables = await openLocalTables();
  warehouse = await openLocalWarehouse();
  await migrate(warehouse);
});
beforeEach(async () => {
  rooms = { ...(await openRooms(tables)), warehouse };
  await warehouse.query('TRUNCATE dcf_valuations, symbol_metadata, enrichment_attempts');
});
afterAll(async () => {
  await warehouse.close();
  await tables.close();
});

type Answer = number | 'empty' | NamedError;

/** A vendor that answers as told, and counts. */
function vendorOf(answers: (symbol: string, time: number) => Answer, callsPerMinute = 0) {
  const asked: string[] = [];
  const ask = async (symbol: string): Promise<Told> => {
    asked.push(symbol);
    const answer = answers(symbol, asked.filter((other) => other === symbol).length);
    if (answer instanceof NamedError) throw answer;
    if (answer === 'empty') return { reading: { kind: 'empty', reason: 'nothing known' }, practice: true };
    const record = { symbol, date: SESSION, dcf: answer, stockPrice: null, source: 'fmp' };
    return { reading: { kind: 'record', record }, practice: true };
  };
  return { asked, vendor: { callsPerMinute, ask } };
}

function sourceOf(
  universe: readonly string[],
  vendor: ReturnType<typeof vendorOf>['vendor'],
  more: Partial<EnrichmentSource<Valuation>> = {},
): EnrichmentSource<Valuation> {
  return {
    task: 'sync-valuations',
    dataset: 'valuations',
    universe: async () => [...universe],
    nobody: 'nobody to value',
    refreshHours: 20,
    budget: 1000,
    concurrency: 4,
    vendors: { fmp: vendor },
    merge: (_symbol, { fmp }) => fmp as Valuation,
    store: (items, at) => storeValuations(warehouse, at, items),
    ...more,
  };
}

const LONG = { remainingMs: () => 900_000 };
/** Goes round as the state machine does; the waits it was told. */
async function enrichAll(source: EnrichmentSource<Valuation>, request = FIRST, call = LONG) {
  const waits: number[] = [];
  for (let round = 0; round < 400; round += 1) {
    const page: EnrichmentPage = await enrich(source, request, rooms, call);
    if (page.done) return { page, waits };
    waits.push(page.waitSeconds);
  }
  throw new Error('the enrichment never ends');
}

const values = async () => {
  const rows = await warehouse.query('SELECT symbol, dcf FROM dcf_valuations ORDER BY symbol');
  return new Map(rows.map(({ symbol, dcf }) => [symbol, Number(dcf)]));
};
const quarantined = async (session = SESSION) => {
  const bytes = await rooms.lake.read(keys.quarantine(session));
  const lines = bytes ? Buffer.from(bytes).toString().split('\n').filter(Boolean) : [];
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
};

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
  expect(await rooms.runs.lastSync('valuations')).toMatchObject({ lastSyncTimestamp: FIRST.openedAt, rows: 120 });
  expect(await rooms.runs.progress('valuations')).toBeUndefined();
});

test('a second run the same night asks for nothing and writes nothing', async () => {
  const first = vendorOf(() => 5);
  await enrichAll(sourceOf(names(3), first.vendor));
  const [rows, lake] = [await warehouse.query('SELECT * FROM dcf_valuations'), rooms.lake.contents()];
  const second = vendorOf(() => 6);
  const { page } = await enrichAll(sourceOf(names(3), second.vendor), { ...FIRST, runId: 'night-1b' });
  expect(page).toMatchObject({ status: 'success', rows: 0, new: 0, changed: 0 });
  expect(second.asked).toEqual([]);
  expect(await warehouse.query('SELECT * FROM dcf_valuations')).toEqual(rows);
  expect(rooms.lake.contents()).toEqual(lake);
});

test('the same values the next night change no row', async () => {
  await enrichAll(sourceOf(names(3), vendorOf(() => 5).vendor));
  const rows = await warehouse.query('SELECT * FROM dcf_valuations');
  const { asked, vendor } = vendorOf(() => 5);
  const { page } = await enrichAll(sourceOf(names(3), vendor), NEXT);
  expect(asked).toHaveLength(3);
  expect(page).toMatchObject({ status: 'success', rows: 3, new: 0, changed: 0 });
  expect(await warehouse.query('SELECT * FROM dcf_valuations')).toEqual(rows);
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
        const result = await storeValuations(warehouse, at, items);
        stored += 1;
        if (stored === chunks) throw new Error('killed');
        return result;
      },
    });
    await expect(enrich(source, FIRST, rooms, LONG)).rejects.toThrow('killed');
    const before = asked.length;
    expect(before).toBe(50 * chunks);
    const { page } = await enrichAll(source, { ...FIRST, runId: 'night-1b' });
    expect(page).toMatchObject({ status: 'success' });
    expect((await values()).size).toBe(170);
    expect(asked.length - before).toBe(170 - 50 * (chunks - 1));
    const sync = await warehouse.query('SELECT DISTINCT attempted_at::text AS at FROM enrichment_attempts');
    expect(sync).toHaveLength(1);
  });

  test('before its quarantine was written leaves it to the next one', async () => {
    const { vendor } = vendorOf((symbol) => (symbol === 'S0001' ? 'empty' : 5));
    const source = sourceOf(names(3), vendor);
    const { runs, lake } = rooms;
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
  const page = await enrich(sourceOf(names(120), vendor), FIRST, rooms, { remainingMs: () => 80_000 });
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
  expect(await rooms.runs.lastSync('valuations')).toBeUndefined();
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

describe('two vendors', () => {
  const merge = (symbol: string, parts: Readonly<Record<string, unknown>>): Valuation => {
    const [a, b] = [parts.a, parts.b] as (Valuation | undefined)[];
    return {
      symbol,
      date: SESSION,
      dcf: a?.dcf ?? 0,
      stockPrice: b?.dcf ?? null,
      source: Object.keys(parts).join('+'),
    };
  };
  const both = (a: ReturnType<typeof vendorOf>, b: ReturnType<typeof vendorOf>) =>
    sourceOf(names(3), a.vendor, { vendors: { a: a.vendor, b: b.vendor }, merge });
  const sources = async () => {
    const rows = await warehouse.query('SELECT source FROM dcf_valuations ORDER BY symbol');
    return rows.map(({ source }) => source);
  };

  test('are asked side by side, and what one does not know the other may', async () => {
    const [a, b] = [vendorOf((symbol) => (symbol === 'S0001' ? 'empty' : 1)), vendorOf(() => 2)];
    const { page } = await enrichAll(both(a, b));
    expect(page).toMatchObject({ status: 'success', rows: 3, rejected: 0 });
    expect(await sources()).toEqual(['a+b', 'b', 'a+b']);
  });

  test('when one refuses its key the other goes on, and that is said', async () => {
    const refused = new NamedError('Vendor.AuthFailed', 'refused');
    const [a, b] = [vendorOf(() => refused), vendorOf(() => 2)];
    const { page } = await enrichAll(both(a, b));
    expect(page).toMatchObject({ status: 'partial', rows: 3, reasons: ['a: Vendor.AuthFailed: refused'] });
    expect(await sources()).toEqual(['b', 'b', 'b']);
  });

  test('when one was found down before, it is not asked at all', async () => {
    const [a, b] = [vendorOf(() => 1), vendorOf(() => 2)];
    const { page } = await enrichAll(both(a, b), { ...FIRST, vendorDown: { a: 'refused its key' } } as never);
    expect(a.asked).toEqual([]);
    expect(page).toMatchObject({ status: 'partial', rows: 3, reasons: ['a: refused its key'] });
  });

  test('when both were found down before, the dataset is skipped with the reason', async () => {
    const [a, b] = [vendorOf(() => 1), vendorOf(() => 2)];
    const { page } = await enrichAll(both(a, b), { ...FIRST, vendorDown: { a: 'x', b: 'y' } } as never);
    expect(page).toMatchObject({
      status: 'skipped',
      rows: 0,
      reasons: ['a is not asked again tonight: x; b is not asked again tonight: y'],
    });
    expect(await rooms.runs.lastSync('valuations')).toBeUndefined();
  });
});

describe('a bulk answer', () => {
  const all = (symbols: readonly string[], settles: boolean, error?: NamedError) => {
    const parts: number[] = [];
    const bulk: EnrichmentSource<Valuation>['bulk'] = {
      vendor: 'fmp',
      from: 3,
      settles,
      part: async (number) => {
        parts.push(number);
        if (error) throw error;
        const items = symbols.map((symbol) => ({
          record: { symbol, date: SESSION, dcf: 9, stockPrice: null, source: 'bulk' },
          attempt: settles ? { symbol, ending: 'ok', reason: null, answer: null } : undefined,
        }));
        return { items, practice: true, last: true };
      },
    };
    return { parts, bulk };
  };

  test('answers for everybody at once, beyond the budget', async () => {
    const { asked, vendor } = vendorOf(() => 5);
    const { parts, bulk } = all(names(10), true);
    const { page } = await enrichAll(sourceOf(names(10), vendor, { bulk, budget: 4 }));
    expect([parts, asked]).toEqual([[0], []]);
    expect(page).toMatchObject({ status: 'success', rows: 10, new: 10 });
  });

  test('is not asked for when few symbols are due', async () => {
    const { asked, vendor } = vendorOf(() => 5);
    const { parts, bulk } = all(names(2), true);
    await enrichAll(sourceOf(names(2), vendor, { bulk }));
    expect([parts, asked.length]).toEqual([[], 2]);
  });

  test('that the plan lacks gives way to single symbols without a word', async () => {
    const { asked, vendor } = vendorOf(() => 5);
    const { parts, bulk } = all([], true, new NamedError('Vendor.EndpointOutOfPlan', 'Restricted Endpoint'));
    const { page } = await enrichAll(sourceOf(names(10), vendor, { bulk }));
    expect([parts, asked.length]).toEqual([[0], 10]);
    expect(page).toMatchObject({ status: 'success', reasons: [] });
  });

  test('that fails again and again gives way too, after three tries', async () => {
    const { asked, vendor } = vendorOf(() => 5);
    const { parts, bulk } = all([], true, new NamedError('Vendor.TruncatedBody', 'cut'));
    const { page, waits } = await enrichAll(sourceOf(names(10), vendor, { bulk }));
    expect([parts, asked.length, waits]).toEqual([[0, 0, 0], 10, [30, 60]]);
    expect(page).toMatchObject({ status: 'success', rows: 10 });
  });

  test('of one vendor leaves the other to be asked symbol by symbol', async () => {
    const [fmp, other] = [vendorOf(() => 5), vendorOf(() => 6)];
    const { bulk } = all(names(10), false);
    const merge = (symbol: string): Valuation => ({ symbol, date: SESSION, dcf: 1, stockPrice: null, source: 'other' });
    const vendors = { fmp: fmp.vendor, other: other.vendor };
    const { page } = await enrichAll(sourceOf(names(10), fmp.vendor, { bulk, vendors, merge, budget: 4 }));
    expect([fmp.asked.length, other.asked.length]).toEqual([0, 4]);
    expect(page).toMatchObject({ status: 'success', rows: 4, new: 10, changed: 4 });
  });
});

test('nobody to ask for is skipped with what is missing', async () => {
  const { page } = await enrichAll(sourceOf([], vendorOf(() => 5).vendor));
  expect(page).toMatchObject({ status: 'skipped', reasons: ['nobody to value'] });
});

test('practice values are refused by a lake of real data before anything is stored', async () => {
  await claimLake(rooms.lake, 'real');
  await expect(enrich(sourceOf(names(3), vendorOf(() => 5).vendor), FIRST, rooms, LONG)).rejects.toMatchObject({
    name: 'Lake.WrongKind',
  });
  expect((await values()).size).toBe(0);
});
