import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import { chunksOf, planBackfill } from '../../src/night/plan.ts';

test('the newest 250 missing sessions come first', () => {
  const plan = planBackfill({ from: '2023-01-01', to: '2024-12-31' }, new Set(), 5);
  expect(plan.chunks).toEqual([
    { from: '2024-01-04', to: '2024-12-31', sessions: 250 },
    { from: '2023-01-05', to: '2024-01-03', sessions: 250 },
    { from: '2023-01-03', to: '2023-01-04', sessions: 2 },
  ]);
});

test('what is held is neither fetched nor counted as a call', () => {
  const held = new Set(sessionsBetween('2024-01-01', '2024-06-30'));
  const plan = planBackfill({ from: '2024-01-01', to: '2024-12-31' }, held, 5);
  expect(plan).toMatchObject({ sessions: 252, held: held.size, missing: 252 - held.size, calls: 252 - held.size });
  expect(plan.minutes).toBe(Math.ceil(plan.calls / 5));
});

test('without a limit no minutes are promised', () => {
  expect(planBackfill({ from: '2024-01-01', to: '2024-01-31' }, new Set(), 0).minutes).toBeNull();
});

test('twenty years are 21 parts', () => {
  const plan = planBackfill({ from: '2005-01-01', to: '2024-12-31' }, new Set(), 5);
  expect(plan.missing).toBe(5033);
  expect(plan.chunks).toHaveLength(21);
});

test('the parts hold every missing session once, whatever is held', () => {
  const all = sessionsBetween('2015-01-01', '2019-12-31');
  fc.assert(
    fc.property(fc.subarray(all), (held) => {
      const missing = all.filter((date) => !held.includes(date));
      const chunks = chunksOf(missing);
      expect(chunks.reduce((sum, chunk) => sum + chunk.sessions, 0)).toBe(missing.length);
      const covered = chunks.flatMap(({ from, to }) => missing.filter((date) => date >= from && date <= to));
      expect(covered.toSorted()).toEqual(missing);
    }),
    { numRuns: 30 },
  );
});
