import { expect, test } from 'vitest';
import { checkPrices, type Ingests } from '../../../src/cli/verify/checks.ts';

const held = (rows: Record<string, number>) =>
  new Map(Object.entries(rows).map(([date, count]) => [date, { rows: count }])) as unknown as Ingests;
const stored = (rows: Record<string, number>, behind = 0) =>
  Object.entries(rows).map(([date, row_count]) => ({ date, row_count, behind }));
const NOW = { now: '2026-11-22T09:00:00Z', years: 5 };

test('sessions older than the retention may have fewer rows or none in the warehouse', () => {
  const ingests = held({ '2014-01-02': 100, '2021-11-19': 100, '2021-11-22': 100, '2026-11-20': 100 });
  const check = checkPrices(stored({ '2021-11-19': 40, '2021-11-22': 100, '2026-11-20': 100 }), ingests, NOW);
  expect(check).toMatchObject({ problems: [], notes: [expect.stringMatching(/^2 sessions before 2021-11-22 /)] });
  expect(check.rebuild).toBeUndefined();
});

test('a younger session that lacks rows, and one with more than its file, are loaded again', () => {
  const ingests = held({ '2014-01-02': 100, '2026-11-19': 100, '2026-11-20': 100 });
  const check = checkPrices(stored({ '2014-01-02': 101, '2026-11-19': 99 }), ingests, NOW);
  expect(check.problems).toHaveLength(3);
  expect(check.rebuild).toEqual([{ step: 'load-prices', dates: ['2014-01-02', '2026-11-19', '2026-11-20'] }]);
});

test('rows of a session nobody holds are for a backfill, watermarks behind for a load', () => {
  const check = checkPrices(stored({ '2026-11-19': 3, '2026-11-20': 100 }, 2), held({ '2026-11-20': 100 }), NOW);
  expect(check.repairs).toEqual(['npx afterbell backfill --from 2026-11-19 --to 2026-11-19']);
  expect(check.rebuild).toEqual([{ step: 'load-prices', dates: ['2026-11-20'] }]);
});
