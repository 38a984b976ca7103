import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { encodeBars } from '../../src/lake/session-files.ts';
import { stagedDates, writeNote } from '../../src/lake/staging.ts';
import { startInput } from '../../src/night/night.ts';
import { executionIsRunning, openNight, previewNight } from '../../src/night/open.ts';
import { bars } from '../checks/bars.ts';
import { publish } from '../lake/published.ts';
import { type LocalTables, openLocalTables } from '../tables/local-tables.ts';
import { openTestStores, type TestStores } from './rooms.ts';

const LAST = '2026-11-25';
const START = '2026-11-27T09:00:05.123Z';
const KEYS = { POLYGON_SECRET_ARN: 'arn:p', ALPACA_SECRET_ARN: 'arn:a' };

let tables: LocalTables;
let stores: TestStores;
const isRunning = vi.fn(async (_arn: string) => false);
beforeAll(async () => {
  tables = await openLocalTables();
});
beforeEach(async () => {
  stores = await openTestStores(tables, KEYS);
  isRunning.mockReset().mockResolvedValue(false);
});
afterAll(() => tables.close());

const open = (input: object = {}, name = 'night-1') =>
  openNight(startInput.parse(input), { arn: `arn:${name}`, name, startTime: START }, { ...stores, isRunning });
const staged = async (run: string, date: string, ingestedAt = START) => {
  await stores.lake.write(keys.staged(run, date), Buffer.from(`rows of ${run}`));
  await writeNote(stores.lake, run, {
    date,
    rows: 1,
    rejected: 0,
    source: 'practice',
    kind: 'practice',
    runId: run,
    ingestedAt,
  });
};
const staging = () => [...stores.lake.objects.keys()].filter((key) => key.startsWith('staging/')).sort();

test('takes the lock in the name of its execution and plans from the scheduled time', async () => {
  const night = await open({ scheduledTime: '2026-11-25T09:00:00Z' });
  expect(night).toMatchObject({
    session: '2026-11-24',
    runId: 'night-1',
    executionArn: 'arn:night-1',
    openedAt: START,
    due: true,
  });
  expect(await stores.runs.lock()).toMatchObject({
    executionArn: 'arn:night-1',
    session: '2026-11-24',
    kind: 'night',
    since: START,
  });
});

describe('the lock', () => {
  test('of a living execution is respected and named', async () => {
    await open();
    isRunning.mockResolvedValue(true);
    await expect(open({}, 'night-2')).rejects.toMatchObject({
      name: 'Night.LockBusy',
      message: expect.stringContaining(`night night-1 for session ${LAST}`),
    });
    expect(isRunning).toHaveBeenCalledWith('arn:night-1');
    expect((await stores.runs.lock())?.executionArn).toBe('arn:night-1');
  });

  test('of a dead one is taken over', async () => {
    await open();
    await open({}, 'night-2');
    expect((await stores.runs.lock())?.executionArn).toBe('arn:night-2');
  });

  test('is passed by its own owner without asking', async () => {
    await open();
    await open();
    expect(isRunning).not.toHaveBeenCalled();
  });

  test('is free again when planning fails, and when nothing is due', async () => {
    await expect(open({ from: '2024-01-02', to: '2026-11-25' })).rejects.toMatchObject({ name: 'Usage.Invalid' });
    expect(stores.order).toEqual(['takeLock 2026-11-25', 'remove ', 'releaseLock arn:night-1']);
    stores = await openTestStores(tables);
    expect(await open()).toMatchObject({ due: false });
    expect(stores.order.at(-1)).toBe('releaseLock arn:night-1');
    expect(await stores.runs.lock()).toBeUndefined();
  });
});

test('a bad session is refused before the lock is asked for', async () => {
  await expect(open({ session: '2026-11-26' })).rejects.toMatchObject({ name: 'Usage.Invalid' });
  expect(stores.order).toEqual([]);
});

describe('staging', () => {
  test('of a dead run is adopted when young, and goes when old or incomplete', async () => {
    await staged('dead', LAST);
    await staged('dead', '2026-11-24', '2026-11-20T09:00:00.000Z');
    await stores.lake.write(keys.staged('half', '2026-11-23'), Buffer.from('no note'));
    const night = await open();
    expect(await stagedDates(stores.lake, 'night-1')).toEqual([LAST]);
    expect(staging().every((key) => key.startsWith('staging/run=night-1/'))).toBe(true);
    expect(Buffer.from((await stores.lake.read(keys.staged('night-1', LAST)))!).toString()).toBe('rows of dead');
    expect(night.prices).toMatchObject({ due: true, sessions: [] });
  });

  test('of a dead run that had begun to publish a session is finished, however old', async () => {
    for (const date of ['2026-11-23', '2026-11-24']) {
      await staged('dead', date, '2026-11-20T09:00:00.000Z');
      await publish(stores.lake, date, bars(3, date), '2026-11-19T09:00:00.000Z');
    }
    await stores.lake.write(keys.session('2026-11-24'), encodeBars(bars(2, '2026-11-24')));
    await open();
    expect(await stagedDates(stores.lake, 'night-1')).toEqual(['2026-11-24']);
  });

  test('of a held run stays, and is not adopted by another night', async () => {
    await staged('held-1', LAST);
    await stores.runs.saveWithheldRun({ runId: 'held-1', session: LAST, sessions: [LAST] });
    const night = await open();
    expect(night.prices.sessions).toEqual([LAST]);
    expect(staging().every((key) => key.startsWith('staging/run=held-1/'))).toBe(true);
  });

  test('of two dead runs the newest copy of a session is adopted, unless what is served is as new', async () => {
    await staged('dead-2', LAST, '2026-11-27T08:00:00.000Z');
    await staged('dead-1', LAST, '2026-11-27T07:00:00.000Z');
    await staged('dead-1', '2026-11-24', '2026-11-27T07:00:00.000Z');
    await publish(stores.lake, '2026-11-24', bars(3, '2026-11-24'), '2026-11-27T07:30:00.000Z');
    await open();
    expect(await stagedDates(stores.lake, 'night-1')).toEqual([LAST]);
    expect(Buffer.from((await stores.lake.read(keys.staged('night-1', LAST)))!).toString()).toBe('rows of dead-2');
    expect(staging().every((key) => key.startsWith('staging/run=night-1/'))).toBe(true);
  });

  test('of a released run is published from where it lies, and that of dead runs is left alone', async () => {
    await staged('held-1', LAST, '2026-10-01T09:00:00.000Z');
    await staged('dead', LAST);
    await staged('dead', '2026-11-24');
    await stores.runs.saveWithheldRun({ runId: 'held-1', session: LAST, sessions: [LAST] });
    const before = staging();
    const night = await open({ release: 'held-1' });
    expect(night).toMatchObject({ kind: 'release', session: LAST, releasedRun: 'held-1' });
    expect(night.prices).toMatchObject({ due: true, stagedBy: 'held-1', released: [LAST] });
    expect(staging()).toEqual(before);
  });

  test('of a session published since is refused by name, and cleared by the next night', async () => {
    for (const date of ['2026-11-24', LAST]) await staged('held-1', date, '2026-11-26T09:00:00.000Z');
    await stores.runs.saveWithheldRun({ runId: 'held-1', session: LAST, sessions: ['2026-11-24', LAST] });
    await publish(stores.lake, LAST, bars(3, LAST), '2026-11-27T07:30:00.000Z');
    const part = await open({ release: 'held-1' });
    expect(part.prices.released).toEqual(['2026-11-24']);
    expect(part.notes).toEqual([expect.stringMatching(`^not released: ${LAST} was published by run r \\(`)]);
    await publish(stores.lake, '2026-11-24', bars(3, LAST), '2026-11-27T07:30:00.000Z');
    await stores.runs.releaseLock('arn:night-1');
    await expect(open({ release: 'held-1' })).rejects.toMatchObject({ name: 'Release.Superseded' });
    expect(staging()).not.toEqual([]);
    await open();
    expect(staging()).toEqual([]);
    expect(await stores.runs.withheldRun('held-1')).toBeUndefined();
  });

  test('a run that holds nothing cannot be released', async () => {
    await expect(open({ release: 'nothing' })).rejects.toMatchObject({ name: 'Usage.Invalid' });
    expect(await stores.runs.lock()).toBeUndefined();
  });

  test('pages of another session and pages no cursor leads to go, the live ones stay', async () => {
    const cursor = {
      syncId: 'old',
      session: LAST,
      phase: 'fetch' as const,
      partition: 0,
      page: 1,
      seen: [],
      rows: 1,
      rejected: 0,
    };
    await stores.runs.saveCursor('tickers', cursor, START);
    await stores.runs.saveCursor('assets', { ...cursor, session: '2026-11-24' }, START);
    for (const [dataset, sync] of [
      ['tickers', 'old'],
      ['assets', 'old'],
      ['tickers', 'lost'],
    ] as const) {
      await stores.lake.write(keys.stagedPage(dataset, sync, 1), Buffer.from('{}'));
    }
    await open();
    expect(staging()).toEqual([keys.stagedPage('tickers', 'old', 1)]);
    expect(await stores.runs.cursor('tickers')).toMatchObject({ syncId: 'old' });
    expect(await stores.runs.cursor('assets')).toBeUndefined();
  });
});

test('a preview plans the same and changes nothing', async () => {
  const preview = await previewNight({ session: '2026-11-20' }, stores);
  expect(preview.prices).toMatchObject({ due: true, sessions: ['2026-11-20'] });
  expect(stores.order).toEqual([]);
});

test('vendors without a secret are skipped and say what to set', async () => {
  stores = await openTestStores(tables);
  expect((await open()).reasons).toEqual([
    'prices: POLYGON_API_KEY is not set',
    'sync-tickers: POLYGON_API_KEY is not set',
    'sync-splits: POLYGON_API_KEY is not set',
    'sync-dividends: POLYGON_API_KEY is not set',
    'sync-assets: ALPACA_API_KEY_ID and ALPACA_API_SECRET_KEY are not set',
    'sync-index-members: INDEX_MEMBERS_URI is not set',
    'sync-metadata: POLYGON_API_KEY is not set; FMP_API_KEY is not set',
    'sync-valuations: FMP_API_KEY is not set',
  ]);
});

test.each([
  ['RUNNING', true],
  ['PENDING_REDRIVE', true],
  ['FAILED', false],
  ['TIMED_OUT', false],
] as const)('an execution that is %s counts as running: %s', async (status, running) => {
  const client = new SFNClient({ region: 'us-east-1' });
  mockClient(client).on(DescribeExecutionCommand).resolves({ status });
  expect(await executionIsRunning(client)('arn')).toBe(running);
});

test('an execution nobody knows has ended; any other refusal is an error', async () => {
  const client = new SFNClient({ region: 'us-east-1' });
  const stub = mockClient(client).on(DescribeExecutionCommand);
  stub.rejects(Object.assign(new Error('x'), { name: 'ExecutionDoesNotExist' }));
  expect(await executionIsRunning(client)('arn')).toBe(false);
  stub.rejects(Object.assign(new Error('x'), { name: 'AccessDeniedException' }));
  await expect(executionIsRunning(client)('arn')).rejects.toMatchObject({ name: 'AccessDeniedException' });
});
