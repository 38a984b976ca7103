import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { NamedError } from '../../src/errors.ts';
import { claimLake, keys, readJson } from '../../src/lake/lake.ts';
import { closeNight, eventSender } from '../../src/night/close.ts';
import type { NightReport } from '../../src/records/run.ts';
import { type LocalTables, openLocalTables } from '../tables/local-tables.ts';
import { type Changes, closing, failed, HELD, SESSION, unstaged } from './closing.ts';
import { openTestStores, type TestStores } from './rooms.ts';

const AT = '2026-11-26T09:02:00.000Z';
const lock = { executionArn: 'arn:night-1', runId: 'night-1', session: SESSION, kind: 'night', since: AT };

let tables: LocalTables;
let stores: TestStores;
const sendEvent = vi.fn(async (_detail: object) => {});
beforeAll(async () => {
  tables = await openLocalTables();
});
beforeEach(async () => {
  stores = await openTestStores(tables);
  sendEvent.mockReset();
  await stores.runs.takeLock(lock);
});
afterAll(() => tables.close());

const close = (changes: Changes = {}) => closeNight(closing(changes), stores, sendEvent, AT);
const releasing = (date: string) => ({ ...closing().night.prices, sessions: [], released: [date] });
const report = () => readJson<NightReport>(stores.lake, keys.report(SESSION, 'night.json'));
const stagedOf = async (run: string, ...dates: string[]) => {
  for (const date of dates) {
    for (const key of [keys.staged, keys.stagedNote]) await stores.lake.write(key(run, date), Buffer.from('{}'));
  }
  await stores.runs.saveWithheldRun({ runId: run, session: SESSION, sessions: dates });
};

test('a good night is reported, entered, told and recorded, and frees the lake', async () => {
  await claimLake(stores.lake, 'practice');
  const closed = await close();
  expect(closed).toMatchObject({
    runId: 'night-1',
    session: SESSION,
    status: 'Succeeded',
    report: keys.report(SESSION, 'night.json'),
    cause: '',
  });
  expect(await report()).toMatchObject({
    status: 'Succeeded',
    practice: true,
    seconds: 120,
    startedAt: '2026-11-26T09:00:00.000Z',
    completedAt: AT,
  });
  const detail = { session: SESSION, runId: 'night-1', status: 'Succeeded', stage: 'local' };
  expect(sendEvent.mock.calls).toEqual([[{ ...detail, repair: false, portfolios: true }]]);
  expect(await stores.runs.sessionState(SESSION)).toMatchObject({
    status: 'Succeeded',
    pricesDone: true,
    runId: 'night-1',
  });
  expect(await stores.runs.lock()).toBeUndefined();
  const { values } = stores.warehouse.sent[0]!;
  expect(values).toMatchObject({ run_id: 'night-1', status: 'Succeeded', completed_at: '2026-11-26 09:02:00.000' });
  const tasks = JSON.parse(String(values.tasks)) as { task: string; error: string | null; metadata: object }[];
  expect(tasks.map(({ task }) => task)).toEqual(['sync-tickers', 'sync-assets', 'prices', 'consolidate', 'resample']);
  expect(tasks[2]).toMatchObject({
    status: 'success',
    rows: 100,
    error: null,
    metadata: { run_id: 'night-1', session: SESSION, rows: 100, rejected: 1 },
  });
});

test('closed twice it is the same night', async () => {
  const first = await close();
  const [page, state] = [await report(), await stores.runs.sessionState(SESSION)];
  expect(await close()).toEqual(first);
  expect([await report(), await stores.runs.sessionState(SESSION)]).toEqual([page, state]);
});

describe('the event', () => {
  test.each<[string, Changes, number]>([
    ['a good night', {}, 1],
    ['a partial night', { reference: [failed('sync-assets', 'Vendor.Unavailable')] }, 1],
    ['a released night', { night: { kind: 'release', releasedRun: 'night-0', prices: releasing(SESSION) } }, 1],
    [
      'the release of an older session',
      { night: { kind: 'release', releasedRun: 'night-0', prices: releasing('2026-11-20') } },
      0,
    ],
    ['a held night', { prices: HELD }, 0],
    ['a failed night', { prices: unstaged('Vendor.AuthFailed') }, 0],
    ['a backfill', { night: { kind: 'backfill' } }, 0],
    ['a task by hand', { night: { kind: 'task' } }, 0],
  ])('%s sends it, or not', async (_name, changes, times) => {
    await close(changes);
    expect(sendEvent).toHaveBeenCalledTimes(times);
  });

  test('that the bus refuses is an error, so that closing is tried again', async () => {
    const client = new EventBridgeClient({ region: 'us-east-1' });
    const stub = mockClient(client)
      .on(PutEventsCommand)
      .resolves({ FailedEntryCount: 1, Entries: [{ ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' }] });
    const whole = { session: SESSION, runId: 'r', status: 'Succeeded' as const, stage: 'dev' };
    const detail = { ...whole, repair: false, portfolios: true };
    await expect(eventSender('bus', client)(detail)).rejects.toMatchObject({
      name: 'Night.EventRefused',
      message: expect.stringContaining('ThrottlingException'),
    });
    const [entry] = stub.commandCalls(PutEventsCommand)[0]!.args[0].input.Entries!;
    expect(entry).toEqual({
      Source: 'afterbell',
      DetailType: 'Night Completed',
      Detail: JSON.stringify(detail),
      EventBusName: 'bus',
    });
  });

  test('that cannot be sent leaves the night to be closed again', async () => {
    sendEvent.mockRejectedValueOnce(new Error('no bus'));
    await expect(close()).rejects.toThrow('no bus');
    expect(await stores.runs.sessionState(SESSION)).toBeUndefined();
    expect(await close()).toMatchObject({ status: 'Succeeded' });
    expect(await stores.runs.sessionState(SESSION)).toMatchObject({ pricesDone: true });
  });
});

test('report and ledger say beside each reason what it is about', async () => {
  await close({
    reference: [failed('sync-tickers', 'Lake.Corrupt', 'x is damaged')],
    prices: unstaged('Vendor.AuthFailed'),
  });
  const reasonDetails = [
    { dataset: 'tickers', error: 'Lake.Corrupt' },
    { dataset: 'assets' },
    { dataset: 'prices', session: SESSION, error: 'Vendor.AuthFailed' },
  ];
  const stored = (await report())!;
  expect(stored.reasons).toHaveLength(3);
  expect(stored.reasonDetails).toEqual(reasonDetails);
  expect(stored.datasets[0]!.reasonDetails).toEqual([{ error: 'Lake.Corrupt' }]);
  const { summary } = stores.warehouse.sent[0]!.values;
  expect(JSON.parse(String(summary)).reasonDetails).toEqual(reasonDetails);
});

describe('a held night', () => {
  test('keeps its staging, is recorded for release and says how', async () => {
    await stagedOf('night-1', SESSION);
    const check = { ...HELD.check!, releasing: { sessions: 1, changed: 0, removed: 1526 } };
    const closed = await close({ prices: { ...HELD, check } });
    expect(closed.message).toContain(
      'Releasing publishes 1 session and removes 1,526 served rows. If it is right after all: npx afterbell release night-1',
    );
    expect(closed).toMatchObject({ status: 'Held', cause: `prices: ${SESSION}: 50 rows, usually 100` });
    expect(closed.message).toContain('afterbell release night-1');
    expect(closed.message).toContain('Published data is unchanged: no session yet.');
    expect(await stores.runs.withheldRun('night-1')).toMatchObject({ sessions: [SESSION] });
    expect(await stores.runs.sessionState(SESSION)).toMatchObject({ status: 'Held', pricesDone: false });
    expect(await stores.lake.read(keys.staged('night-1', SESSION))).toBeDefined();
  });

  test('repeated well, or released, needs its staged copy no more', async () => {
    await stagedOf('night-0', SESSION);
    await close();
    expect(await stores.runs.withheldRun('night-0')).toBeUndefined();
    expect([...stores.lake.objects.keys()].filter((key) => key.startsWith('staging/'))).toEqual([]);
  });

  test('of several sessions keeps those that were not repeated', async () => {
    await stagedOf('backfill-0', '2026-11-24', SESSION);
    await close();
    expect(await stores.runs.withheldRun('backfill-0')).toBeDefined();
    expect(
      [...stores.lake.objects.keys()]
        .filter((key) => key.startsWith('staging/'))
        .every((key) => key.includes('2026-11-24')),
    ).toBe(true);
  });
});

test('a night without prices leaves a session done as it was', async () => {
  await close();
  const prices = {
    due: false,
    reason: `prices: session ${SESSION} is already done`,
    source: 'api' as const,
    sessions: [],
    stagedBy: 'night-2',
    released: null,
    again: [],
    gaps: [],
    concurrency: 1,
  };
  await close({ night: { runId: 'night-2', prices }, prices: { staged: [], check: null, published: [], jobs: [] } });
  expect(await stores.runs.sessionState(SESSION)).toMatchObject({ runId: 'night-2', pricesDone: true });
});

test('a list that is not asked for has its row in the ledger, with the reason', async () => {
  const skipped = [
    { task: 'sync-tickers', reason: 'fresh', fresh: true },
    { task: 'sync-assets', reason: 'no key', fresh: false },
  ];
  await close({ night: { lanes: [], skipped }, reference: [] });
  const tasks = JSON.parse(String(stores.warehouse.sent[0]!.values.tasks)) as {
    task: string;
    status: string;
    error: string;
  }[];
  expect(tasks.slice(0, 2)).toMatchObject([
    { task: 'sync-tickers', status: 'skipped', error: 'fresh' },
    { task: 'sync-assets', status: 'skipped', error: 'no key' },
  ]);
});

test('a ledger that cannot be written makes the night Failed, and still frees the lake', async () => {
  stores.warehouse.trouble = new NamedError('Database.Failed', 'no such table');
  const closed = await close();
  expect(closed.status).toBe('Failed');
  expect((await report())?.reasons).toEqual(['the ledger could not be written: Database.Failed: no such table']);
  expect(await stores.runs.lock()).toBeUndefined();
  expect(sendEvent).not.toHaveBeenCalled();
});

test('a warehouse that fell asleep is waited for, one that never woke up is not', async () => {
  stores.warehouse.trouble = new NamedError('Database.Resuming', 'asleep');
  await expect(close()).rejects.toMatchObject({ name: 'Database.Resuming' });
  expect(await report()).toBeUndefined();
  const trouble = { state: 'Prepare Warehouse', error: 'Database.Resuming', cause: 'asleep' };
  expect(await close({ trouble })).toMatchObject({
    status: 'Failed',
    cause: 'Prepare Warehouse: Database.Resuming: asleep',
  });
});

test('the subject is short ASCII, the message names what was done all the same', async () => {
  const closed = await close({ prices: unstaged('Vendor.NotYetAvailable', 'nothing there — yet') });
  expect(closed.subject).toMatch(/^[\x20-\x7e]{1,100}$/);
  expect(closed.message).toContain('Done all the same: tickers, assets.');
  expect(closed.message).toContain('Vendor.NotYetAvailable: nothing there — yet');
  expect((await close({ trouble: { state: 'x', error: 'y', cause: 'z'.repeat(9000) } })).cause.length).toBe(2000);
});

test("executions beside the night have reports of their own; the night's stays", async () => {
  await close();
  const nightly = await report();
  expect((await close({ night: { runId: 'task-1', kind: 'task' } })).report).toBe(
    keys.report(SESSION, 'run=task-1.json'),
  );
  expect(await report()).toEqual(nightly);
});
