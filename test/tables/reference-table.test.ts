import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { applyPlan, type Change, type Known, planTable, readKnown } from '../../src/tables/reference-table.ts';
import { type LocalTables, openLocalTables } from './local-tables.ts';

const change = (symbol: string, contentHash = 'h1', record = {}): Change => ({
  symbol,
  record: { symbol, market: 'stocks', type: 'CS', ...record },
  contentHash,
});
const known = (symbol: string, contentHash = 'h1', status: Known['status'] = 'active'): Known => ({
  symbol,
  contentHash,
  status,
});
const byName = (list: Known[]) => new Map(list.map((one) => [one.symbol, one]));

/** The table that a plan makes of another, as plain data. */
function after(before: ReadonlyMap<string, Known>, { added, changed, vanished }: ReturnType<typeof planTable>) {
  const table = new Map(before);
  for (const { symbol, contentHash } of [...added, ...changed]) table.set(symbol, known(symbol, contentHash));
  for (const symbol of vanished) table.set(symbol, { ...table.get(symbol)!, status: 'inactive' });
  return table;
}

test('a plan tells new, changed, reappearing, vanished and unchanged items apart', () => {
  const table = byName([
    known('SAME'),
    known('OTHER'),
    known('GONE'),
    known('BACK', 'h1', 'inactive'),
    known('LONG', 'h1', 'inactive'),
  ]);
  const plan = planTable(table, [change('SAME'), change('OTHER', 'h2'), change('NEW'), change('BACK')]);
  expect(plan.added.map(({ symbol }) => symbol)).toEqual(['NEW']);
  expect(plan.changed.map(({ symbol }) => symbol)).toEqual(['OTHER', 'BACK']);
  expect(plan.vanished).toEqual(['GONE']);
  expect(plan.unchanged).toBe(1);
});

const symbol = fc.constantFrom(...'ABCDEFGH');
const hash = fc.constantFrom('h1', 'h2');
const tableOf = fc
  .uniqueArray(fc.record({ symbol, contentHash: hash, status: fc.constantFrom('active', 'inactive') }), {
    selector: (one) => one.symbol,
  })
  .map((list) => byName(list as Known[]));
const listOf = fc
  .uniqueArray(fc.tuple(symbol, hash), { selector: ([name]) => name })
  .map((list) => list.map(([name, value]) => change(name, value)));

test('a plan applied leaves nothing for a second one', () => {
  fc.assert(
    fc.property(tableOf, listOf, (table, list) => {
      const again = planTable(after(table, planTable(table, list)), list);
      expect(again).toEqual({ added: [], changed: [], vanished: [], unchanged: list.length });
    }),
  );
});

test('after a plan exactly the listed symbols are active, and no symbol is lost', () => {
  fc.assert(
    fc.property(tableOf, listOf, (table, list) => {
      const made = after(table, planTable(table, list));
      const active = [...made.values()].filter(({ status }) => status === 'active').map((one) => one.symbol);
      expect(active.sort()).toEqual(list.map((one) => one.symbol).sort());
      for (const name of table.keys()) expect(made.has(name)).toBe(true);
    }),
  );
});

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

async function sync(list: Change[], at: string) {
  const plan = planTable(await readKnown(tables.client, table), list);
  return { plan, applied: await applyPlan(tables.client, table, plan, at) };
}
const item = (name: string) => tables.item(table, { symbol: name });

test('new items carry when they were first seen, and a second sync asks for nothing', async () => {
  const list = Array.from({ length: 30 }, (_, index) => change(`S${index}`));
  expect((await sync(list, MONDAY)).applied).toEqual({ failed: [], requests: 2 });
  expect(await item('S7')).toEqual({
    symbol: 'S7',
    market: 'stocks',
    type: 'CS',
    status: 'active',
    firstSeenAt: MONDAY,
    contentHash: 'h1',
  });
  expect((await sync(list, TUESDAY)).applied).toEqual({ failed: [], requests: 0 });
});

test('a changed item keeps firstSeenAt and the fields of others, and loses what the vendor no longer sends', async () => {
  await sync([change('A', 'h1', { name: 'Old', cik: '1' })], MONDAY);
  await tables.client.send(
    new UpdateCommand({
      TableName: table,
      Key: { symbol: 'A' },
      UpdateExpression: 'SET note = :n',
      ExpressionAttributeValues: { ':n': 'mine' },
    }),
  );
  await sync([change('A', 'h2', { name: 'New', cik: undefined })], TUESDAY);
  expect(await item('A')).toEqual({
    symbol: 'A',
    market: 'stocks',
    type: 'CS',
    name: 'New',
    note: 'mine',
    status: 'active',
    firstSeenAt: MONDAY,
    contentHash: 'h2',
  });
});

test('a vanished item becomes inactive, and active again when it comes back', async () => {
  await sync([change('A'), change('B')], MONDAY);
  await sync([change('A')], TUESDAY);
  expect(await item('B')).toMatchObject({
    status: 'inactive',
    inactiveSince: TUESDAY,
    firstSeenAt: MONDAY,
    type: 'CS',
  });
  await sync([change('A')], '2025-11-19T09:00:00.000Z');
  expect(await item('B')).toMatchObject({ inactiveSince: TUESDAY });
  await sync([change('A'), change('B')], '2025-11-20T09:00:00.000Z');
  expect(await item('B')).toEqual({
    symbol: 'B',
    market: 'stocks',
    type: 'CS',
    status: 'active',
    firstSeenAt: MONDAY,
    contentHash: 'h1',
  });
});

test('a field of the vendor that is named as one of ours does not stop an update', async () => {
  await sync([change('A', 'h1', { status: 'active', name: 'Old' })], MONDAY);
  const { applied } = await sync([change('A', 'h2', { status: 'active', name: 'New' })], TUESDAY);
  expect(applied.failed).toEqual([]);
  expect(await item('A')).toMatchObject({ name: 'New', status: 'active', contentHash: 'h2' });
});

test('of two writers with one plan the second changes nothing and fails nothing', async () => {
  await sync([change('A'), change('B'), change('GONE')], MONDAY);
  const plan = planTable(await readKnown(tables.client, table), [change('A', 'h2'), change('B', 'h2')]);
  const ends = await Promise.all([TUESDAY, TUESDAY].map((at) => applyPlan(tables.client, table, plan, at)));
  expect(ends.map(({ failed }) => failed)).toEqual([[], []]);
  const stored = await tables.items(table);
  expect(stored.map((one) => [one.symbol, one.contentHash, one.status])).toEqual([
    ['A', 'h2', 'active'],
    ['B', 'h2', 'active'],
    ['GONE', 'h1', 'inactive'],
  ]);
});

test('an item that cannot be written is named, the rest is written', async () => {
  await sync([change('A'), change('B')], MONDAY);
  const tooLarge = 'x'.repeat(401 * 1024);
  const { applied } = await sync([change('A', 'h2', { name: tooLarge }), change('B', 'h2', { name: 'New' })], TUESDAY);
  expect(applied.failed.map((one) => one.symbol)).toEqual(['A']);
  expect(applied.failed[0]!.reason).toMatch(/^ValidationException: /);
  expect(await item('B')).toMatchObject({ name: 'New', contentHash: 'h2' });
});

test('known items are read over all pages of a scan', async () => {
  const large = Array.from({ length: 6 }, (_, index) => change(`S${index}`, 'h1', { name: 'x'.repeat(300 * 1024) }));
  for (const one of large) await sync([one], MONDAY);
  expect([...(await readKnown(tables.client, table)).keys()].sort()).toEqual(large.map((one) => one.symbol));
});
