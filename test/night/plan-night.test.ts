import { describe, expect, test } from 'vitest';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import { DATASET_OF_TASK } from '../../src/datasets/registry.ts';
import { startInput } from '../../src/night/night.ts';
import { type Evidence, planNight, sessionOf } from '../../src/night/plan.ts';

/** Friday 2026-11-27 04:00 in New York, the day after Thanksgiving. */
const MORNING = '2026-11-27T09:00:00Z';
const HOLIDAY = '2026-11-26T22:00:00Z';
const LAST = '2026-11-25';

function plan(input: object, evidence: Partial<Evidence> = {}) {
  const clock = evidence.clock ?? MORNING;
  return planNight({
    input: startInput.parse(input),
    execution: { arn: 'arn:1', name: 'night-1' },
    clock,
    openedAt: clock,
    held: new Set(),
    state: () => undefined,
    lastSync: {},
    withoutKey: {},
    staged: [],
    callsPerMinute: 5,
    ...evidence,
  });
}

const done = (session: string) => ({ session, runId: 'earlier', status: 'Succeeded', pricesDone: true });
const LISTS = Object.values(DATASET_OF_TASK);
const syncedAt = (at: string) => Object.fromEntries(LISTS.map((dataset) => [dataset, at]));
const fresh = syncedAt('2026-11-27T00:00:00Z');

describe('which session', () => {
  const of = (input: object, clock = MORNING) => sessionOf(startInput.parse(input), clock);

  test.each([
    ['the last one closed before the clock', {}, MORNING, LAST],
    ['on a holiday, the day before', {}, HOLIDAY, LAST],
    ['the very instant of an early close', {}, '2026-11-27T18:00:00Z', '2026-11-27'],
    ['a second before it', {}, '2026-11-27T17:59:59Z', LAST],
    ['the named one', { session: '2015-06-30' }, MORNING, '2015-06-30'],
    ['the end of a range', { from: '2026-11-02', to: '2026-11-06' }, MORNING, '2026-11-06'],
    [
      'the last session of a range that ends on a weekend',
      { from: '2026-11-02', to: '2026-11-08' },
      MORNING,
      '2026-11-06',
    ],
  ])('%s', (_name, input, clock, session) => expect(of(input, clock)).toBe(session));

  test.each([
    ['a weekend', { session: '2026-11-21' }, /2026-11-21 is not a trading session; found Saturday/],
    ['a holiday', { session: '2026-11-26' }, /found Thanksgiving/],
    ['a session that has not closed', { session: '2026-11-27' }, /has not closed yet.*wanted 2026-11-25 or earlier/],
    ['a range without a session', { from: '2026-11-21', to: '2026-11-22' }, /no session from 2026-11-21 to 2026-11-22/],
  ])('%s is bad usage', (_name, input, message) => {
    expect(() => of(input)).toThrowError(expect.objectContaining({ name: 'Usage.Invalid' }));
    expect(() => of(input)).toThrow(message);
  });
});

test('a start input with half a range is refused', () => {
  expect(startInput.safeParse({ from: '2026-11-02' }).success).toBe(false);
  expect(startInput.safeParse({ session: '2.11.2026' }).success).toBe(false);
});

describe('a night', () => {
  test('fetches the session and every list when nothing is there, members of the index after the lists they are found in', () => {
    const night = plan({ scheduledTime: MORNING });
    expect(night).toMatchObject({ kind: 'night', session: LAST, due: true, reasons: [], releasedRun: null });
    expect(night.prices).toMatchObject({ due: true, sessions: [LAST], source: 'api', released: null, concurrency: 1 });
    expect(night.lanes).toEqual([
      { vendor: 'polygon', tasks: ['sync-tickers', 'sync-splits', 'sync-dividends'], round: 0 },
      { vendor: 'alpaca', tasks: ['sync-assets'], round: 0 },
      { vendor: 'ishares', tasks: ['sync-index-members'], round: 1 },
    ]);
    expect(night.jobs).toMatchObject({ always: false, consolidate: { wanted: true }, resample: { wanted: true } });
  });

  test('has nothing to do when session and lists are done', () => {
    const night = plan({}, { held: new Set([LAST]), state: done, lastSync: fresh });
    expect(night).toMatchObject({ due: false, lanes: [], prices: { due: false, sessions: [] } });
    expect(night.reasons[0]).toBe(`prices: session ${LAST} is already done`);
    expect(night.skipped.every((skip) => skip.fresh)).toBe(true);
  });

  test('on a holiday names it, and still syncs lists that are older than 20 hours', () => {
    const night = plan(
      {},
      {
        clock: HOLIDAY,
        held: new Set([LAST]),
        state: done,
        lastSync: { ...syncedAt('2026-11-26T02:00:01Z'), tickers: '2026-11-26T02:00:00Z' },
      },
    );
    expect(night.reasons[0]).toBe(
      `prices: session ${LAST} is already done; 2026-11-26 is no session (Thanksgiving Day)`,
    );
    expect(night.due).toBe(true);
    expect(night.lanes).toEqual([{ vendor: 'polygon', tasks: ['sync-tickers'], round: 0 }]);
    expect(night.skipped.map(({ task }) => task)).not.toContain('sync-tickers');
    expect(night.skipped).toEqual(
      expect.arrayContaining([
        { task: 'sync-assets', reason: 'complete since 2026-11-26T02:00:01Z, not older than 20 h', fresh: true },
      ]),
    );
    expect(night.jobs.consolidate.wanted).toBe(false);
  });

  test('runs the jobs of a session that was published and got no further, without fetching it again', () => {
    const state = () => ({ ...done(LAST), pricesDone: false });
    const night = plan({}, { held: new Set([LAST]), state, lastSync: fresh });
    expect(night).toMatchObject({
      due: true,
      prices: { due: true, sessions: [] },
      jobs: { always: true, resample: { wanted: true } },
    });
  });

  test('fetches a named session again though it is done', () => {
    const night = plan({ session: LAST }, { held: new Set([LAST]), state: done, lastSync: fresh });
    expect(night.prices).toMatchObject({ due: true, sessions: [LAST] });
  });

  test('does not fetch a session that a dead run had staged', () => {
    expect(plan({}, { staged: [LAST] }).prices).toMatchObject({ due: true, sessions: [] });
    const repeated = plan({}, { staged: [LAST], held: new Set([LAST]), state: done });
    expect(repeated.prices).toMatchObject({ due: true, sessions: [] });
  });

  test('without a key skips that vendor and says so', () => {
    const withoutKey = {
      polygon: 'POLYGON_API_KEY is not set',
      alpaca: 'ALPACA_API_KEY_ID is not set',
      ishares: 'INDEX_MEMBERS_URI is not set',
      fmp: 'FMP_API_KEY is not set',
    };
    const night = plan({}, { withoutKey });
    expect(night).toMatchObject({ due: false, lanes: [] });
    expect(night.reasons).toEqual([
      'prices: POLYGON_API_KEY is not set',
      'sync-tickers: POLYGON_API_KEY is not set',
      'sync-splits: POLYGON_API_KEY is not set',
      'sync-dividends: POLYGON_API_KEY is not set',
      'sync-assets: ALPACA_API_KEY_ID is not set',
      'sync-index-members: INDEX_MEMBERS_URI is not set',
      'sync-metadata: POLYGON_API_KEY is not set; FMP_API_KEY is not set',
      'sync-valuations: FMP_API_KEY is not set',
    ]);
    expect(night.skipped.every((skip) => !skip.fresh)).toBe(true);
    expect(plan({}, { withoutKey: { alpaca: 'x' } })).toMatchObject({ due: true, prices: { due: true } });
  });

  test('fetches gaps, the trailing window and its own session, in order', () => {
    const refetch = { trailing: 3, gapsAtOnce: 20, backOffs: {} };
    const held = new Set(['2026-11-17', '2026-11-18', '2026-11-20', '2026-11-23', '2026-11-24']);
    const { prices, notes } = plan({}, { held, refetch });
    expect(prices.again).toEqual(['2026-11-20', '2026-11-23', '2026-11-24']);
    expect(prices.gaps).toEqual(['2026-11-19']);
    expect(prices.sessions).toEqual(['2026-11-19', '2026-11-20', '2026-11-23', '2026-11-24', LAST]);
    expect(notes).toEqual(['1 session is missing, fetched first: 2026-11-19']);
    expect(plan({}, { held, refetch, staged: ['2026-11-19', '2026-11-23'] }).prices).toMatchObject({
      sessions: ['2026-11-20', '2026-11-24', LAST],
      again: ['2026-11-20', '2026-11-24'],
      gaps: [],
    });
    for (const input of [{ from: '2026-11-16', to: '2026-11-24' }, { source: 'flat-files' }, { release: 'night-0' }]) {
      expect(plan(input, { held, refetch }).prices).toMatchObject({ again: [], gaps: [] });
    }
  });

  test('that was held back or killed goes on with its published session and fetches nothing again', () => {
    const held = new Set(['2026-11-24', LAST]);
    const refetch = { trailing: 5, gapsAtOnce: 20, backOffs: {} };
    const state = (status: string) => () => ({ ...done(LAST), status, pricesDone: false });
    expect(plan({}, { held, refetch, state: state('Held') }).prices.sessions).toEqual([]);
    expect(plan({}, { held, refetch, state: state('Failed') }).prices.sessions).toEqual([]);
    expect(plan({}, { held, refetch, state: done }).prices).toMatchObject({ due: false, sessions: [], again: [] });
  });

  test.each([
    [0, 1],
    [6000, 1],
    [6001, 2],
    [12_500, 3],
  ])('of %i symbols is consolidated in %i jobs', (symbols, shards) => {
    const consolidation = { symbols, symbolsPerShard: 6000 };
    expect(plan({}, { consolidation }).jobs.consolidate.shards).toBe(shards);
    const limited = { task: 'consolidate', settings: { JOB_SYMBOLS: 'AAPL' } };
    expect(plan(limited, { consolidation }).jobs.consolidate.shards).toBe(1);
  });

  test('stages two sessions at once only without a limit of calls', () => {
    expect(plan({}, { callsPerMinute: 0 }).prices.concurrency).toBe(2);
    expect(plan({ source: 'flat-files' }).prices.concurrency).toBe(2);
  });
});

describe('a backfill', () => {
  const range = { from: '2026-11-16', to: '2026-11-27' };

  test('wants the closed sessions of its range that are neither held nor staged, and no list', () => {
    const night = plan(range, { held: new Set(['2026-11-17']), staged: ['2026-11-18'] });
    expect(night).toMatchObject({ kind: 'backfill', lanes: [], skipped: [] });
    expect(night.prices.sessions).toEqual(['2026-11-16', '2026-11-19', '2026-11-20', '2026-11-23', '2026-11-24', LAST]);
  });

  test('needs no key for flat files', () => {
    const night = plan({ ...range, source: 'flat-files' }, { withoutKey: { polygon: 'POLYGON_API_KEY is not set' } });
    expect(night.prices).toMatchObject({ due: true, source: 'flat-files' });
  });

  test('takes 250 sessions, not 251', () => {
    const year = sessionsBetween('2024-01-02', '2025-12-31').slice(0, 251);
    expect(plan({ from: year[0], to: year[249] }).prices.sessions).toHaveLength(250);
    expect(() => plan({ from: year[0], to: year[250] })).toThrow(/found 251 sessions; wanted at most 250/);
    expect(plan({ from: year[0], to: year[250] }, { held: new Set([year[7]!]) }).prices.sessions).toHaveLength(250);
  });
});

describe('by hand', () => {
  test('one list, whether fresh or not', () => {
    const night = plan({ task: 'sync-assets' }, { lastSync: fresh });
    expect(night.lanes).toEqual([{ vendor: 'alpaca', tasks: ['sync-assets'], round: 0 }]);
    expect(night).toMatchObject({ kind: 'task', prices: { due: false }, jobs: { consolidate: { wanted: false } } });
  });

  test('one job with its settings', () => {
    const night = plan({ task: 'resample', settings: { MODE: 'full' } });
    expect(night).toMatchObject({ due: true, lanes: [], skipped: [] });
    expect(night.jobs).toEqual({
      always: true,
      consolidate: { wanted: false, environment: [{ Name: 'MODE', Value: 'full' }], shards: 1 },
      resample: { wanted: true, environment: [{ Name: 'MODE', Value: 'full' }] },
    });
  });

  test('a release publishes what its run withheld, past the gates, and runs the jobs', () => {
    const release = { sessions: [LAST], datasets: [], superseded: [] };
    const night = plan({ release: 'night-0', session: LAST }, { staged: ['2026-11-24'], release });
    expect(night).toMatchObject({ kind: 'release', releasedRun: 'night-0', lanes: [] });
    expect(night.prices).toMatchObject({ due: true, sessions: [], stagedBy: 'night-0', released: [LAST] });
    expect(night.jobs).toMatchObject({ always: true, consolidate: { wanted: true }, resample: { wanted: true } });
  });
});

describe('a release', () => {
  const release = { release: 'night-held', session: LAST };
  const vendors = { polygon: 'no key', alpaca: 'no key' };
  const lanes = (datasets: string[], sessions: string[] = []) =>
    plan(release, { release: { sessions, datasets, superseded: [] }, withoutKey: vendors, lastSync: fresh });

  test('of held lists runs their lanes, without a key and however fresh they are, and no prices', () => {
    const night = lanes(['assets', 'tickers']);
    expect(night.lanes.map(({ vendor, tasks }) => [vendor, tasks])).toEqual([
      ['polygon', ['sync-tickers']],
      ['alpaca', ['sync-assets']],
    ]);
    expect(night).toMatchObject({ kind: 'release', due: true, releasedRun: 'night-held', skipped: [] });
    expect(night.prices.due).toBe(false);
    expect(night.jobs.consolidate.wanted).toBe(false);
  });

  test('of a held session publishes it and leaves lists alone', () => {
    const night = lanes([], [LAST]);
    expect(night.lanes).toEqual([]);
    expect(night.prices).toMatchObject({ due: true, released: [LAST], sessions: [] });
    expect(night.jobs.resample.wanted).toBe(true);
  });

  test('of both does both', () => {
    const night = lanes(['tickers'], [LAST]);
    expect([night.lanes.length, night.prices.due]).toEqual([1, true]);
  });
});

describe('enrichment', () => {
  const tasks = (night: ReturnType<typeof plan>) => night.enrich.map(({ task }) => task);

  test('is due when older than 20 hours, on a holiday too, whatever prices do', () => {
    const night = plan(
      {},
      { clock: HOLIDAY, held: new Set([LAST]), state: done, lastSync: syncedAt('2026-11-26T02:00:00Z') },
    );
    expect(night.prices.due).toBe(false);
    expect(tasks(night)).toEqual(['sync-metadata', 'sync-valuations']);
    expect(tasks(plan({}, { lastSync: fresh }))).toEqual([]);
  });

  test('needs the key of one of its vendors', () => {
    const polygon = 'POLYGON_API_KEY is not set';
    const fmp = 'FMP_API_KEY is not set';
    expect(tasks(plan({}, { withoutKey: { fmp } }))).toEqual(['sync-metadata']);
    expect(tasks(plan({}, { withoutKey: { polygon } }))).toEqual(['sync-metadata', 'sync-valuations']);
    const neither = plan({}, { withoutKey: { polygon, fmp } });
    expect(tasks(neither)).toEqual([]);
    expect(neither.skipped).toContainEqual({ task: 'sync-metadata', reason: `${polygon}; ${fmp}`, fresh: false });
  });

  test('is no part of a backfill or a release, and one task runs alone', () => {
    expect(tasks(plan({ from: '2026-11-02', to: '2026-11-06' }))).toEqual([]);
    expect(tasks(plan({ session: LAST, release: 'night-0' }))).toEqual([]);
    const one = plan({ task: 'sync-valuations' }, { lastSync: fresh });
    expect([tasks(one), one.lanes, one.prices.due]).toEqual([['sync-valuations'], [], false]);
  });
});
