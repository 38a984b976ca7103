import { expect, test } from 'vitest';
import { parseBars } from '../../src/records/bar.ts';
import inputs from './bars.json';

const OF = { date: '2025-11-19', source: 'polygon', ingestedAt: '2025-11-20T09:00:00Z' };
const GOOD = { T: 'AAPL', o: 10, h: 12, l: 9, c: 11, v: 1000 };

test.each(inputs)('a bar with $name is answered as the table says', ({ input, expected }) => {
  const { records, rejected } = parseBars([{ ...GOOD, ...input }], OF);
  expect(rejected[0]?.reason ?? null).toBe(expected);
  expect(records).toHaveLength(expected === null ? 1 : 0);
});
