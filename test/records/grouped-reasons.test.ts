import { expect, test } from 'vitest';
import { groupedReasons } from '../../src/records/reason.ts';

const held = (session: string, text: string) => ({ dataset: 'prices', session, text: `prices: ${session}: ${text}` });

test('what one session has to say stands in one line', () => {
  const reasons = [held('2025-11-18', '507 rows, usual are 5395'), held('2025-11-18', '4 of 9 rows were rejected')];
  expect(groupedReasons(reasons)).toEqual(['prices: 2025-11-18: 507 rows, usual are 5395; 4 of 9 rows were rejected']);
});

test('sessions that differ in figures only are one line with an example; others keep their own', () => {
  const dates = ['2025-11-03', '2025-11-04', '2025-11-05'];
  const alike = dates.map((date, place) => held(date, `${500 + place} rows, usual are 5,395`));
  const other = held('2025-11-06', 'the file is damaged');
  const plain = { dataset: 'assets', text: 'sync-assets: Vendor.AuthFailed: no' };
  expect(groupedReasons([plain, ...alike, other])).toEqual([
    'sync-assets: Vendor.AuthFailed: no',
    'prices: 3 sessions from 2025-11-03 to 2025-11-05 alike; 2025-11-03: 500 rows, usual are 5,395',
    'prices: 2025-11-06: the file is damaged',
  ]);
  expect(groupedReasons(alike.slice(1))).toHaveLength(2);
});
