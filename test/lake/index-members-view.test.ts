import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LIST_VIEWS } from '../../src/datasets/registry.ts';
import { keys } from '../../src/lake/lake.ts';
import { type Column, encodeRows } from '../../src/lake/parquet.ts';
import { openViews } from '../../src/lake/views.ts';
import { statement } from '../../src/text.ts';
import { migrate } from '../../src/warehouse/client.ts';
import sql from '../../src/warehouse/reference.sql';
import { storeMembers } from '../../src/warehouse/reference.ts';
import { temporaryFolder } from '../local/programs.ts';
import { type LocalWarehouse, openLocalWarehouse } from '../warehouse/local-warehouse.ts';
import { MemoryLake } from './memory-lake.ts';

const indexMembersOnSql = statement(sql, 'index-members-on');

let warehouse: LocalWarehouse;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await migrate(warehouse);
});
afterAll(() => warehouse.close());

const COLUMNS: Column[] = [
  { name: 'index', type: 'text' },
  { name: 'symbol', type: 'text' },
  { name: 'date', type: 'date' },
  { name: 'weight', type: 'double', nullable: true },
];
const index = 'russell_2000';

async function inLake(lists: Record<string, string[]>, sql: string): Promise<unknown[][]> {
  const lake = new MemoryLake();
  for (const [date, symbols] of Object.entries(lists)) {
    const rows = symbols.map((symbol) => ({ index, symbol, date, weight: 0.05 }));
    await lake.write(keys.snapshot('index_members', date), encodeRows(COLUMNS, rows));
  }
  const views = await openViews(lake, temporaryFolder(), { intervals: [], lists: LIST_VIEWS });
  try {
    return (await views.connection.runAndReadAll(sql)).getRowsJson();
  } finally {
    views.close();
  }
}

async function inWarehouse(lists: Record<string, string[]>): Promise<unknown[][]> {
  await warehouse.query('TRUNCATE index_members');
  for (const [date, symbols] of Object.entries(lists)) await storeMembers(warehouse, { index, date, symbols });
  const rows = await warehouse.query(
    'SELECT symbol, valid_from::text AS a, valid_to::text AS b FROM index_members ORDER BY symbol COLLATE "C", valid_from',
  );
  return rows.map(({ symbol, a, b }) => [symbol, a, b]);
}

const SPANS = 'SELECT symbol, valid_from::VARCHAR, valid_to::VARCHAR FROM index_members ORDER BY symbol, valid_from';
const LISTS = {
  '2025-11-17': ['CON', 'STAYS', 'TRUE'],
  '2025-11-18': ['CON', 'STAYS'],
  '2025-11-20': ['CON', 'NEW', 'STAYS', 'TRUE'],
  '2025-11-21': ['NEW', 'STAYS', 'TRUE'],
};
const EXPECTED = [
  ['CON', '2025-11-17', '2025-11-21'],
  ['NEW', '2025-11-20', null],
  ['STAYS', '2025-11-17', null],
  ['TRUE', '2025-11-17', '2025-11-18'],
  ['TRUE', '2025-11-20', null],
];

test('lake and warehouse tell the same memberships', async () => {
  expect(await inLake(LISTS, SPANS)).toEqual(EXPECTED);
  expect(await inWarehouse(LISTS)).toEqual(EXPECTED);
});

test('who was in the index on a day is one query; of days before the first list it knows nobody', async () => {
  await inWarehouse(LISTS);
  const on = async (date: string) => {
    const rows = await warehouse.query(indexMembersOnSql, { index, date });
    const sql = `SELECT symbol FROM index_members WHERE valid_from <= '${date}' AND (valid_to IS NULL OR valid_to > '${date}') ORDER BY symbol`;
    const symbols = rows.map(({ symbol }) => symbol);
    expect(await inLake(LISTS, sql)).toEqual(symbols.map((symbol) => [symbol]));
    return symbols.join(' ');
  };
  expect(await on('2025-11-16')).toBe('');
  expect(await on('2025-11-17')).toBe('CON STAYS TRUE');
  expect(await on('2025-11-19')).toBe('CON STAYS');
  expect(await on('2025-11-20')).toBe('CON NEW STAYS TRUE');
  expect(await on('2030-01-02')).toBe('NEW STAYS TRUE');
});

test('the same list again changes nothing, a corrected one of the same day replaces it without a trace', async () => {
  await inWarehouse({ '2025-11-17': ['A', 'B', 'C'] });
  const list = { index, date: '2025-11-17', symbols: ['A', 'B', 'C'] };
  expect(await storeMembers(warehouse, list)).toEqual({ new: 0, gone: 0 });
  const day = '2025-11-18';
  expect(await storeMembers(warehouse, { index, date: day, symbols: ['A', 'X'] })).toEqual({ new: 1, gone: 2 });
  expect(await storeMembers(warehouse, { index, date: day, symbols: ['A', 'B', 'Y'] })).toEqual({ new: 2, gone: 1 });
  const rows = await warehouse.query('SELECT symbol, valid_to::text AS b FROM index_members ORDER BY symbol');
  expect(rows.map(({ symbol, b }) => [symbol, b])).toEqual([
    ['A', null],
    ['B', null],
    ['C', day],
    ['Y', null],
  ]);
});

test('any lists give the same memberships in both, and each list back', async () => {
  const list = fc.uniqueArray(fc.constantFrom('A', 'B', 'C', 'D'), { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(fc.array(list, { minLength: 1, maxLength: 6 }), async (given) => {
      const lists = Object.fromEntries(given.map((symbols, day) => [`2025-11-${10 + day}`, symbols]));
      expect(await inLake(lists, SPANS)).toEqual(await inWarehouse(lists));
      for (const [date, symbols] of Object.entries(lists)) {
        const rows = await warehouse.query(indexMembersOnSql, { index, date });
        expect(rows.map(({ symbol }) => symbol)).toEqual(symbols.toSorted());
      }
    }),
    { numRuns: 15 },
  );
});
