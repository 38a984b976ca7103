import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Cursor, type LakeLock, Runs } from '../../src/tables/runs.ts';
import { type LocalTables, openLocalTables } from './local-tables.ts';

const SINCE = '2025-11-19T09:00:00.000Z';
const WEEK_LATER = Date.parse(SINCE) / 1000 + 7 * 24 * 3600;
const lock = (executionArn: string): LakeLock => ({
  executionArn,
  runId: executionArn,
  session: '2025-11-18',
  kind: 'night',
  since: SINCE,
});

let tables: LocalTables;
let runs: Runs;
let table: string;
beforeAll(async () => {
  tables = await openLocalTables();
});
beforeEach(async () => {
  table = await tables.create('runs');
  runs = new Runs(tables.client, table);
});
afterAll(() => tables.close());

test('a free lock is taken once, and again by its owner', async () => {
  expect(await runs.lock()).toBeUndefined();
  expect(await runs.takeLock(lock('a'))).toBe(true);
  expect(await runs.takeLock(lock('b'))).toBe(false);
  expect(await runs.takeLock(lock('a'))).toBe(true);
  expect(await runs.lock()).toMatchObject(lock('a'));
});

test('of many at once exactly one takes it', async () => {
  const won = await Promise.all(['a', 'b', 'c', 'd'].map((name) => runs.takeLock(lock(name))));
  expect(won.filter(Boolean)).toHaveLength(1);
});

test('the lock of a dead owner is taken over, by one only', async () => {
  await runs.takeLock(lock('dead'));
  const dead = await runs.lock();
  const won = await Promise.all(['a', 'b', 'c'].map((name) => runs.takeLock(lock(name), dead)));
  expect(won.filter(Boolean)).toHaveLength(1);
});

test('only its owner frees a lock, twice if need be', async () => {
  await runs.takeLock(lock('a'));
  await runs.releaseLock('b');
  expect((await runs.lock())?.executionArn).toBe('a');
  await runs.releaseLock('a');
  await runs.releaseLock('a');
  expect(await runs.lock()).toBeUndefined();
});

test('cursors are kept per dataset and leave by themselves after a week, as locks do', async () => {
  const cursor: Cursor = {
    syncId: 'run-1',
    session: '2025-11-18',
    phase: 'fetch',
    partition: 0,
    page: 2,
    next: '/v3?cursor=x',
    seen: ['/v3?cursor=w'],
    rows: 2000,
    rejected: 1,
  };
  await runs.saveCursor('tickers', cursor, SINCE);
  expect(await runs.cursor('tickers')).toMatchObject(cursor);
  expect(await runs.cursor('assets')).toBeUndefined();
  await runs.takeLock(lock('a'));
  for (const id of ['CURSOR#tickers', 'LOCK#lake'])
    expect(await tables.item(table, { id })).toMatchObject({ ttl: WEEK_LATER });
  await runs.saveCursor('tickers', { ...cursor, page: 3, next: undefined }, SINCE);
  expect((await runs.cursor('tickers'))?.next).toBeUndefined();
  await runs.dropCursor('tickers');
  expect(await runs.cursor('tickers')).toBeUndefined();
});

test('the last sync, the state of a session and a held run stay until replaced', async () => {
  await runs.saveLastSync('tickers', { lastSyncTimestamp: SINCE, pages: 3, rows: 2500 });
  await runs.saveSessionState({ session: '2025-11-18', runId: 'r', status: 'Held', pricesDone: false });
  await runs.saveWithheldRun({ runId: 'r', session: '2025-11-18', sessions: ['2025-11-18'] });
  expect(await runs.lastSync('tickers')).toMatchObject({ lastSyncTimestamp: SINCE, pages: 3, rows: 2500 });
  expect(await runs.sessionState('2025-11-18')).toMatchObject({ status: 'Held', pricesDone: false });
  expect(await runs.withheldRun('r')).toMatchObject({ sessions: ['2025-11-18'] });
  for (const one of await tables.items(table)) expect(one.ttl).toBeUndefined();
  await runs.dropWithheldRun('r');
  expect(await runs.withheldRun('r')).toBeUndefined();
});
