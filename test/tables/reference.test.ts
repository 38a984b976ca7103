import { QueryCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { planSync } from '../../src/checks/diff.ts';
import { applyPlan, readStored } from '../../src/tables/reference-table.ts';
import { type LocalTables, openLocalTables } from './local-tables.ts';

interface Row {
  symbol: string;
  [field: string]: unknown;
}
const row = (symbol: string, more = {}): Row => ({ symbol, market: 'stocks', type: 'CS', ...more });
const fields = ['market', 'type', 'name', 'cik', 'status'];
const MONDAY = '2025-11-17T09:00:00.000Z';
const TUESDAY = '2025-11-18T09:00:00.000Z';
let tables: LocalTables;
let table: string;
beforeAll(async () => {
  tables = await openLocalTables();
});
beforeEach(async () => {
  table = await tables.create('tickers');
});
afterAll(() => tables.close());

const plan = async (list: Row[]) => planSync(await readStored(tables.client, table), list, ({ symbol }) => symbol);
const apply = (planned: Awaited<ReturnType<typeof plan>>, at: string) =>
  applyPlan(tables.client, table, planned, { at, fields });
const sync = async (list: Row[], at: string) => apply(await plan(list), at);
const item = (name: string) => tables.item(table, { symbol: name });
const DONE = { failed: [], newer: [] };

test('a first sync writes in batches, and a second one asks for nothing', async () => {
  const list = Array.from({ length: 30 }, (_, index) => row(`S${index}`));
  expect(await sync(list, MONDAY)).toEqual({ ...DONE, new: 30, changed: 0, requests: 2 });
  expect(await item('S7')).toEqual({
    symbol: 'S7',
    market: 'stocks',
    type: 'CS',
    status: 'active',
    firstSeenAt: MONDAY,
    updatedAt: MONDAY,
    contentHash: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect(await sync(list, TUESDAY)).toEqual({ ...DONE, new: 0, changed: 0, requests: 0 });
});

test('a changed item keeps firstSeenAt and the fields of others, and loses what the vendor no longer sends', async () => {
  await sync([row('A', { name: 'Old', cik: '1' })], MONDAY);
  await tables.client.send(
    new UpdateCommand({
      TableName: table,
      Key: { symbol: 'A' },
      UpdateExpression: 'SET note = :n',
      ExpressionAttributeValues: { ':n': 'mine' },
    }),
  );
  expect(await sync([row('A', { name: 'New' })], TUESDAY)).toEqual({ ...DONE, new: 0, changed: 1, requests: 1 });
  expect(await item('A')).toEqual({
    symbol: 'A',
    market: 'stocks',
    type: 'CS',
    name: 'New',
    note: 'mine',
    status: 'active',
    firstSeenAt: MONDAY,
    updatedAt: TUESDAY,
    contentHash: expect.any(String),
  });
});

test('a vanished item becomes inactive, and active again when it comes back', async () => {
  await sync([row('A'), row('B')], MONDAY);
  await sync([row('A')], TUESDAY);
  expect(await item('B')).toMatchObject({
    status: 'inactive',
    inactiveSince: TUESDAY,
    firstSeenAt: MONDAY,
    type: 'CS',
  });
  await sync([row('A')], '2025-11-19T09:00:00.000Z');
  expect(await item('B')).toMatchObject({ inactiveSince: TUESDAY });
  await sync([row('A'), row('B')], '2025-11-20T09:00:00.000Z');
  const back = await item('B');
  expect(back).toMatchObject({ status: 'active', firstSeenAt: MONDAY });
  expect(back).not.toHaveProperty('inactiveSince');
});

test('a field of the vendor that is named as one of ours does not stop an update', async () => {
  await sync([row('A', { status: 'active', name: 'Old' })], MONDAY);
  expect((await sync([row('A', { status: 'active', name: 'New' })], TUESDAY)).failed).toEqual([]);
  expect(await item('A')).toMatchObject({ name: 'New', status: 'active' });
});

describe('two writers at once', () => {
  const before = [row('A'), row('B'), row('GONE')];
  const older = [row('A', { name: 'older' }), row('B'), row('NEW', { name: 'older' })];
  const newer = [row('A', { name: 'newer' }), row('B', { name: 'newer' }), row('NEW', { name: 'newer' }), row('GONE')];
  const stored = async () =>
    (await tables.items(table)).map(({ symbol, name, status }) => [symbol, name ?? '', status]);
  const AFTER_NEWER = [
    ['A', 'newer', 'active'],
    ['B', 'newer', 'active'],
    ['GONE', '', 'active'],
    ['NEW', 'newer', 'active'],
  ];

  test('with one plan: each item is written once, nobody fails', async () => {
    await sync(before, MONDAY);
    const both = await plan([row('A', { name: 'x' }), row('B', { name: 'x' }), row('NEW')]);
    const ends = await Promise.all([TUESDAY, TUESDAY].map((at) => apply(both, at)));
    expect(ends.map(({ failed, newer: left }) => [...failed, ...left])).toEqual([[], []]);
    expect(ends[0]!.new + ends[1]!.new).toBe(1);
    expect(ends[0]!.changed + ends[1]!.changed).toBe(3);
  });

  test('what a later run wrote is left by an earlier one, and named', async () => {
    await sync(before, MONDAY);
    const [late, early] = [await plan(newer), await plan(older)];
    await apply(late, TUESDAY);
    const lost = await apply(early, '2025-11-17T10:00:00.000Z');
    expect(lost).toMatchObject({ new: 0, failed: [] });
    expect(lost.newer.sort()).toEqual(['A', 'NEW']);
    expect((await stored()).filter(([symbol]) => symbol !== 'GONE')).toEqual(
      AFTER_NEWER.filter(([symbol]) => symbol !== 'GONE'),
    );
  });

  test('a later run reads again what an earlier one changed under it, and writes over it', async () => {
    await sync(before, MONDAY);
    const [late, early] = [await plan(newer), await plan(older)];
    await apply(early, '2025-11-17T10:00:00.000Z');
    expect(await apply(late, TUESDAY)).toMatchObject({ failed: [], newer: [] });
    const table_ = new Map((await stored()).map(([symbol, name]) => [symbol, name]));
    expect([...table_]).toEqual(AFTER_NEWER.map(([symbol, name]) => [symbol, name]));
  });

  test('in whatever order their writes fall, the later content stays', async () => {
    await sync(before, MONDAY);
    const [late, early] = [await plan(newer), await plan(older)];
    const ends = await Promise.all([apply(early, '2025-11-17T10:00:00.000Z'), apply(late, TUESDAY)]);
    expect(ends.flatMap(({ failed }) => failed)).toEqual([]);
    for (const [symbol, name] of await stored())
      if (symbol !== 'GONE') expect([symbol, name]).toEqual([symbol, 'newer']);
  });
});

test('an item that cannot be written is named, the rest is written', async () => {
  await sync([row('A'), row('B')], MONDAY);
  const tooLarge = 'x'.repeat(401 * 1024);
  const { failed, changed } = await sync([row('A', { name: tooLarge }), row('B', { name: 'New' })], TUESDAY);
  expect(failed.map((one) => one.key)).toEqual(['A']);
  expect(failed[0]!.reason).toMatch(/^ValidationException: /);
  expect(changed).toBe(1);
  expect(await item('B')).toMatchObject({ name: 'New' });
});

test('known items are read over all pages of a scan', async () => {
  const large = Array.from({ length: 6 }, (_, index) => row(`S${index}`, { name: 'x'.repeat(300 * 1024) }));
  for (let count = 1; count <= large.length; count += 1) await sync(large.slice(0, count), MONDAY);
  expect([...(await readStored(tables.client, table)).keys()].sort()).toEqual(large.map((one) => one.symbol));
});

describe('one query of an index answers', () => {
  const ask = async (IndexName: string, hash: [string, string], status = 'active') => {
    const answer = await tables.client.send(
      new QueryCommand({
        TableName: table,
        IndexName,
        KeyConditionExpression: '#hash = :hash AND #status = :status',
        ExpressionAttributeNames: { '#hash': hash[0], '#status': 'status' },
        ExpressionAttributeValues: { ':hash': hash[1], ':status': status },
      }),
    );
    expect(answer.LastEvaluatedKey).toBeUndefined();
    return (answer.Items ?? []).map(({ symbol }) => symbol as string).sort();
  };
  const list = [
    row('SPY', { type: 'ETF' }),
    row('QQQ', { type: 'ETF' }),
    row('OLD', { type: 'ETF' }),
    row('A'),
    row('FOREIGN', { market: 'otc', type: 'OS' }),
    row('UNTYPED', { market: 'otc', type: undefined }),
  ];

  test('all active ETFs, without those that left', async () => {
    await sync(list, MONDAY);
    await sync(
      list.filter(({ symbol }) => symbol !== 'OLD'),
      TUESDAY,
    );
    expect(await ask('by-type', ['type', 'ETF'])).toEqual(['QQQ', 'SPY']);
    expect(await ask('by-type', ['type', 'ETF'], 'inactive')).toEqual(['OLD']);
  });

  test('all OTC, those without a type too', async () => {
    await sync(list, MONDAY);
    expect(await ask('by-market', ['market', 'otc'])).toEqual(['FOREIGN', 'UNTYPED']);
  });
});
