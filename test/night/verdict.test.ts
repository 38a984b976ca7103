import { describe, expect, test } from 'vitest';
import { judgeNight } from '../../src/night/verdict.ts';
import type { NightStatus } from '../../src/records/run.ts';
import { type Changes, closing, ended, failed, HELD, night, SESSION, unstaged } from './closing.ts';

const judge = (changes: Changes, jobs = {}) => {
  const { reasons, ...verdict } = judgeNight(closing(changes), jobs);
  return { ...verdict, reasons: reasons.map(({ text }) => text) };
};
const lanes = [failed('sync-tickers', 'Vendor.AuthFailed', 'POLYGON_API_KEY was refused'), ended('sync-assets')];
const jobTrouble = {
  state: 'Consolidate',
  error: 'Batch.JobFailed',
  cause: '{"StatusReason":"Essential container in task exited"}',
};
const noLimit = { prices: { ...night().prices, due: false, sessions: [] } };
const fresh = { task: 'sync-tickers', reason: 'complete since 04:00', fresh: true };
const keyless = { task: 'sync-assets', reason: 'ALPACA_API_KEY_ID is not set', fresh: false };

const older = ({ held }: { held: string[] }) => {
  return { check: { publish: [SESSION], held, holds: held.map((date) => `${date}: few rows`), notes: [] } };
};
const full = (date: string) => {
  return { date, trouble: { state: 'Publish Session', error: 'Lake.Unwritable', cause: 'disk full' } };
};

const table: [what: string, changes: Changes, word: NightStatus][] = [
  ['everything due was done', {}, 'Succeeded'],
  ['lists were fresh and are not asked for', { night: { lanes: [], skipped: [fresh] }, reference: [] }, 'Succeeded'],
  [
    'a lane had no key',
    {
      night: { lanes: [{ vendor: 'polygon', tasks: ['sync-tickers'], round: 0 }], skipped: [keyless] },
      reference: [ended('sync-tickers')],
    },
    'Succeeded',
  ],
  [
    'only lists were due, and are done',
    { night: noLimit, prices: { staged: [], check: null, published: [], jobs: [] } },
    'Succeeded',
  ],
  [
    'a key vanished from its secret',
    { reference: [ended('sync-tickers'), failed('sync-assets', 'Vendor.KeyMissing')] },
    'Succeeded',
  ],
  ['a list failed', { reference: [ended('sync-tickers'), failed('sync-assets', 'Vendor.Unavailable')] }, 'Partial'],
  [
    'a list was over budget',
    { reference: [ended('sync-tickers', { status: 'held', reasons: ['half is gone'] }), ended('sync-assets')] },
    'Partial',
  ],
  [
    'items of a list were not written',
    { reference: [ended('sync-tickers', { status: 'partial', reasons: ['3 items'] }), ended('sync-assets')] },
    'Partial',
  ],
  [
    "a list's vendor refused the key",
    { reference: [ended('sync-tickers'), failed('sync-assets', 'Vendor.AuthFailed')] },
    'Partial',
  ],
  ['a lane never ran', { reference: [ended('sync-tickers')] }, 'Partial'],
  [
    'sessions lie outside the plan',
    {
      prices: {
        staged: [{ date: SESSION, status: 'skipped', rows: 0, rejected: 0, reason: 'out of plan' }],
        published: [],
        jobs: [],
      },
    },
    'Partial',
  ],
  ['prices were over budget', { prices: HELD }, 'Held'],
  ['prices were over budget and a list failed', { prices: HELD, reference: lanes }, 'Held'],
  [
    'one session of a backfill was over budget, the others are published',
    {
      night: { kind: 'backfill', lanes: [] },
      reference: [],
      prices: { check: { publish: ['2026-11-24'], held: [SESSION], holds: ['few'], notes: [] } },
    },
    'Held',
  ],
  [
    'an older session was over budget, the own one is published',
    { prices: older({ held: ['2026-11-20'] }) },
    'Partial',
  ],
  [
    'the own session and an older one were over budget',
    { prices: { ...HELD, check: { ...HELD.check!, held: ['2026-11-20', SESSION] } } },
    'Held',
  ],
  ['the own session could not be published', { prices: { published: [], unpublished: [full(SESSION)] } }, 'Failed'],
  ['an older session could not be published', { prices: { unpublished: [full('2026-11-20')] } }, 'Partial'],
  [
    'one session of a backfill could not be published',
    { night: { kind: 'backfill', lanes: [] }, reference: [], prices: { unpublished: [full('2026-11-20')] } },
    'Failed',
  ],
  ['Polygon refused the key for prices', { reference: lanes, prices: unstaged('Vendor.AuthFailed') }, 'Failed'],
  ['the data was not there after the last wait', { prices: unstaged('Vendor.NotYetAvailable') }, 'Failed'],
  ['a job failed', { prices: { jobs: [], trouble: jobTrouble } }, 'Failed'],
  [
    'a held session and another that failed',
    { prices: { ...HELD, staged: [...unstaged('Vendor.Unavailable').staged!] } },
    'Failed',
  ],
  [
    'publishing broke off',
    {
      prices: {
        published: [],
        jobs: [],
        trouble: { state: 'Publish Session', error: 'Lake.Unwritable', cause: 'disk full' },
      },
    },
    'Failed',
  ],
  [
    'the warehouse did not wake up',
    { trouble: { state: 'Prepare Warehouse', error: 'Database.Resuming', cause: 'asleep' } },
    'Failed',
  ],
  [
    'a task by hand failed',
    { night: { kind: 'task', ...noLimit }, reference: [failed('sync-tickers', 'Vendor.Unavailable')] },
    'Failed',
  ],
  [
    'a task by hand was partly done',
    { night: { kind: 'task', ...noLimit }, reference: [ended('sync-tickers', { status: 'partial', reasons: ['x'] })] },
    'Failed',
  ],
];

test.each(table)('%s', (_what, changes, word) => expect(judge(changes).status).toBe(word));

describe('reasons', () => {
  test('a refused key is told for the list and, in the same words, for prices', () => {
    const cause = JSON.stringify({ errorType: 'Vendor.AuthFailed', errorMessage: 'POLYGON_API_KEY was refused' });
    const { reasons } = judge({
      reference: [failed('sync-tickers', 'Vendor.AuthFailed', cause), ended('sync-assets')],
      prices: unstaged('Vendor.AuthFailed', cause),
    });
    expect(reasons).toEqual([
      'sync-tickers: Vendor.AuthFailed: POLYGON_API_KEY was refused',
      `prices: ${SESSION}: Vendor.AuthFailed: POLYGON_API_KEY was refused`,
    ]);
  });

  test('that a list is fresh is no reason, that a key is missing is one', () => {
    const { reasons } = judge({ night: { lanes: [], skipped: [fresh, keyless] }, reference: [] });
    expect(reasons).toEqual(['sync-assets: ALPACA_API_KEY_ID is not set']);
  });

  test('a good night gives none, and keeps the notes', () => {
    const check = { publish: [SESSION], held: [], holds: [], notes: ['2 large moves'] };
    expect(judge({ prices: { check } })).toMatchObject({ reasons: [], notes: ['2 large moves'] });
  });

  test('every reason begins with its task, whatever its own first words are', () => {
    const reasons = ['sync-tickers was asked twice'];
    const verdict = judge({ reference: [ended('sync-tickers', { status: 'partial', reasons }), ended('sync-assets')] });
    expect(verdict.reasons).toEqual(['sync-tickers: sync-tickers was asked twice']);
  });

  test('each says in fields what it is about', () => {
    const check = { publish: [], held: [SESSION], holds: [`${SESSION}: few rows`], holdDates: [SESSION], notes: [] };
    const { reasons } = judgeNight(closing({ reference: lanes, prices: { ...HELD, check } }), {});
    expect(reasons).toEqual([
      {
        dataset: 'tickers',
        error: 'Vendor.AuthFailed',
        text: 'sync-tickers: Vendor.AuthFailed: POLYGON_API_KEY was refused',
      },
      { dataset: 'prices', session: SESSION, text: `prices: ${SESSION}: few rows` },
    ]);
  });

  test('of 250 failed sessions twenty are named', () => {
    const [one] = unstaged('Vendor.Unavailable').staged!;
    const staged = Array.from({ length: 250 }, () => one!);
    expect(judge({ prices: { ...unstaged('x'), staged } }).reasons).toHaveLength(20);
  });
});

describe('datasets', () => {
  test('prices count what was published', () => {
    const set = judge({}).datasets.find(({ name }) => name === 'prices');
    expect(set).toMatchObject({
      status: 'success',
      rows: 100,
      new: 90,
      changed: 10,
      revised: 10,
      rejected: 1,
      pages: 1,
    });
  });

  test("jobs count what their own run's result says, never another run's", () => {
    const result = { runId: 'night-1', status: 'success', rows: 1234, filesWritten: 5, seconds: 1 };
    const of = (runId: string) =>
      judge({}, { consolidate: { ...result, runId } }).datasets.find(({ name }) => name === 'consolidate');
    expect(of('night-1')).toMatchObject({ rows: 1234, changed: 5 });
    expect(of('night-0')).toMatchObject({ rows: 0, changed: 0 });
  });

  test('a job that left single symbols as they were is partial, says which, and prices are done', () => {
    const errors = [{ name: 'Lake.Corrupt', symbol: 'TRUE', message: 'symbol=TRUE/data.parquet is damaged' }];
    const verdict = judge(
      {},
      { consolidate: { runId: night().runId, status: 'success', seconds: 1, rows: 9, errors } },
    );
    expect(verdict.status).toBe('Partial');
    expect(verdict.reasons).toEqual(['consolidate: Lake.Corrupt: symbol=TRUE/data.parquet is damaged']);
    expect(verdict.pricesDone).toBe(true);
  });

  test('a lane that failed midway keeps the counts of its last page', () => {
    const [lane] = [failed('sync-tickers', 'Vendor.Unavailable')];
    const page = ended('sync-tickers', { status: 'success', rows: 2000, pages: 2 }).results[0]!.page;
    const { datasets } = judge({
      reference: [{ ...lane!, results: [{ ...lane!.results[0]!, page }] }, ended('sync-assets')],
    });
    expect(datasets[0]).toMatchObject({ name: 'tickers', status: 'failed', rows: 2000, pages: 2, new: 0 });
  });
});

test('an older session over budget is named, and prices are done', () => {
  const verdict = judge({ prices: older({ held: ['2026-11-20'] }) });
  expect(verdict).toMatchObject({ pricesDone: true, sessions: { published: [SESSION], held: ['2026-11-20'] } });
  expect(verdict.reasons).toEqual(['prices: 2026-11-20: few rows']);
  expect(judge({ prices: { unpublished: [full('2026-11-20')] } })).toMatchObject({
    reasons: ['prices: 2026-11-20: Lake.Unwritable: disk full'],
    sessions: { failed: ['2026-11-20'] },
  });
});

test('prices are done only when published, consolidated and resampled', () => {
  expect(judge({}).pricesDone).toBe(true);
  expect(judge({ reference: [] }).pricesDone).toBe(true);
  expect(judge({ prices: HELD }).pricesDone).toBe(false);
  expect(judge({ prices: { trouble: jobTrouble } }).pricesDone).toBe(false);
  expect(judge({ prices: unstaged('Vendor.NotYetAvailable') }).pricesDone).toBe(false);
  expect(judge({ night: noLimit }).pricesDone).toBe(false);
});

describe('what is fetched besides the session', () => {
  const DAY = '2026-11-20';
  const [word] = unstaged('Vendor.Unavailable').staged!;
  const own = closing().prices.staged[0]!;
  const besides = (set: 'again' | 'gaps', one: object) =>
    judge({
      night: { prices: { ...night().prices, [set]: [DAY] } },
      prices: { staged: [{ ...own, ...one, date: DAY }, own] },
    });

  test.each(['again', 'gaps'] as const)('%s: not given is a note, failed is Partial, and prices are done', (set) => {
    const outside = besides(set, { status: 'skipped', reason: 'not in the plan' });
    expect(outside).toMatchObject({ status: 'Succeeded', reasons: [], pricesDone: true });
    expect(outside.notes).toEqual([`${DAY}: not in the plan`]);
    const failing = besides(set, word!);
    expect(failing).toMatchObject({ status: 'Partial', pricesDone: true });
    expect(failing.reasons).toEqual([
      `prices: ${DAY}: Vendor.Unavailable: why. Every try failed; the next run asks again`,
    ]);
    expect(failing.sessions.failed).toEqual(set === 'again' ? [] : [DAY]);
  });

  test('revised rows are counted and said, and gaps of the plan are notes', () => {
    const one = { date: DAY, rows: 100, new: 1, changed: 4, revised: 3, removed: 0, rejected: 0 };
    const verdict = judge({ night: { notes: ['1 session is missing'] }, prices: { published: [one] } });
    expect(verdict.datasets.find(({ name }) => name === 'prices')).toMatchObject({ changed: 4, revised: 3 });
    expect(verdict.notes).toEqual([
      '1 session is missing',
      `${DAY}: 3 bars were revised; query "SELECT * FROM revisions" shows them`,
    ]);
  });
});

describe('a job that could not do every symbol', () => {
  const errors = ['A', 'B', 'C', 'D', 'E', 'TRUE'].map((symbol) => {
    return { name: 'Data.Invalid', symbol, message: `${symbol} breaks the OHLC rules` };
  });
  const result = { runId: 'night-1', status: 'success', seconds: 1, rows: 9, errors };

  test('below its threshold is partial, names them, and prices are done', () => {
    const verdict = judge({}, { resample: result });
    expect(verdict).toMatchObject({ status: 'Partial', pricesDone: true });
    expect(verdict.reasons).toHaveLength(6);
    expect(verdict.reasons.at(-1)).toBe('resample: 6 symbols in all: A, B, C, D, E, TRUE');
    const set = verdict.datasets.find(({ name }) => name === 'resample')!;
    expect(set.failed).toHaveLength(6);
    expect(set.failed![5]).toEqual({ symbol: 'TRUE', reason: 'Data.Invalid: TRUE breaks the OHLC rules' });
  });

  test('is named beside a last error that only quotes it, and once where it is the last error', () => {
    const [first] = errors;
    const ending = (name: string, message: string) => {
      const Reason = JSON.stringify({ name, message });
      const trouble = {
        state: 'Resample',
        error: 'States.TaskFailed',
        cause: JSON.stringify({ Container: { Reason } }),
      };
      const of = { runId: 'night-1', status: 'failed', seconds: 1, errors: [first!] };
      return judgeNight(closing({ prices: { jobs: [], trouble } }), { resample: of }).reasons;
    };
    const quote = 'the disk was full after Data.Invalid: A breaks the OHLC rules';
    expect(ending('Lake.Unwritable', quote).map(({ text }) => text)).toEqual([
      'resample: Data.Invalid: A breaks the OHLC rules',
      `resample: States.TaskFailed: Lake.Unwritable: ${quote}`,
    ]);
    expect(ending('Data.Invalid', first!.message)).toEqual([
      {
        dataset: 'resample',
        symbol: 'A',
        error: 'Data.Invalid',
        text: 'resample: States.TaskFailed: Data.Invalid: A breaks the OHLC rules',
      },
    ]);
  });

  test('above it fails, and the parent of an array job borrows the words of its result', () => {
    const cause = '{"StatusReason":"Array Child Job failed"}';
    const trouble = { state: 'Consolidate', error: 'States.TaskFailed', cause };
    const verdict = judge({ prices: { jobs: [], trouble } }, { consolidate: { ...result, status: 'failed' } });
    expect(verdict).toMatchObject({ status: 'Failed', pricesDone: false });
    expect(verdict.reasons.slice(0, 2)).toEqual([
      'consolidate: Data.Invalid: A breaks the OHLC rules',
      'consolidate: States.TaskFailed: Array Child Job failed',
    ]);
  });
});
