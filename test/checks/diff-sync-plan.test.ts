import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planSync, type StoredRow, type SyncPlan } from '../../src/checks/diff.ts';
import { contentHash } from '../../src/records/record.ts';

interface Row {
  symbol: string;
  name: string;
}
const row = (symbol: string, name = 'Name'): Row => ({ symbol, name });
const known = (symbol: string, name = 'Name', active = true): StoredRow => {
  return { key: symbol, contentHash: contentHash(row(symbol, name)), active, values: row(symbol, name) as never };
};
const byKey = (list: StoredRow[]) => new Map(list.map((one) => [one.key, one]));
const plan = (table: ReadonlyMap<string, StoredRow>, list: Row[]) => planSync(table, list, ({ symbol }) => symbol);

/** The table that a plan makes of another, as plain data. */
function after(before: ReadonlyMap<string, StoredRow>, { added, changed, vanished }: SyncPlan<Row>) {
  const table = new Map(before);
  for (const { key, record } of [...added, ...changed]) table.set(key, known(key, record.name));
  for (const { key } of vanished) table.set(key, { ...table.get(key)!, active: false });
  return table;
}

test('a plan tells new, changed, reappearing, vanished and unchanged rows apart', () => {
  const table = byKey([
    known('SAME'),
    known('OTHER'),
    known('GONE'),
    known('BACK', 'Name', false),
    known('LONG', 'Name', false),
  ]);
  const made = plan(table, [row('SAME'), row('OTHER', 'New'), row('NEW'), row('BACK')]);
  expect(made.added.map(({ key }) => key)).toEqual(['NEW']);
  expect(made.changed.map(({ key, before }) => [key, before?.values.name])).toEqual([
    ['OTHER', 'Name'],
    ['BACK', 'Name'],
  ]);
  expect(made.vanished.map(({ key }) => key)).toEqual(['GONE']);
  expect(made).toMatchObject({ first: false, before: 3, unchanged: 1 });
  expect(plan(new Map(), []).first).toBe(true);
});

const symbol = fc.constantFrom(...'ABCDEFGH');
const name = fc.constantFrom('one', 'two');
const tableOf = fc
  .uniqueArray(fc.tuple(symbol, name, fc.boolean()), { selector: ([key]) => key })
  .map((list) => byKey(list.map(([key, word, active]) => known(key, word, active))));
const listOf = fc
  .uniqueArray(fc.tuple(symbol, name), { selector: ([key]) => key })
  .map((list) => list.map(([key, word]) => row(key, word)));

test('a plan applied leaves nothing for a second one', () => {
  fc.assert(
    fc.property(tableOf, listOf, (table, list) => {
      const again = plan(after(table, plan(table, list)), list);
      expect(again).toMatchObject({ added: [], changed: [], vanished: [], unchanged: list.length });
    }),
  );
});

test('after a plan exactly the listed keys are active, and no row is lost', () => {
  fc.assert(
    fc.property(tableOf, listOf, (table, list) => {
      const made = after(table, plan(table, list));
      const active = [...made.values()].filter((one) => one.active).map(({ key }) => key);
      expect(active.sort()).toEqual(list.map((one) => one.symbol).sort());
      for (const key of table.keys()) expect(made.has(key)).toBe(true);
    }),
  );
});
