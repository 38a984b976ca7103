import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitFactorBetween, splitLike } from '../../src/checks/session-quality.ts';

test.each([
  [645.57, 92.224, '7:1'],
  [499.23, 124.8, '4:1'],
  [10, 20.3, '1:2'],
  [10, 14.9, '2:3'],
  [300, 15.2, '20:1'],
  [0.5, 10, '1:20'],
  [10, 4.05, '5:2'],
  [10, 5.6, undefined],
  [10, 17, undefined],
  [10, 0.02, undefined],
])('%d to %d is like %s', (before, after, ratio) => expect(splitLike(before, after)).toBe(ratio));

test('a reverse split is the forward one the other way round', () => {
  const price = fc.double({ min: 0.01, max: 1e5, noNaN: true });
  const ratio = fc.constantFrom(2, 3, 4, 5, 10, 20, 50);
  const noise = fc.double({ min: 0.98, max: 1.02, noNaN: true });
  fc.assert(
    fc.property(price, ratio, noise, (before, more, drift) => {
      expect(splitLike(before, (before / more) * drift)).toBe(`${more}:1`);
      expect(splitLike(before, before * more * drift)).toBe(`1:${more}`);
    }),
  );
});

test('a split counts from its day on, and only between the two sessions', () => {
  const split = { execution_date: '2025-11-19', split_from: 1, split_to: 4 };
  expect(splitFactorBetween([split], '2025-11-18', '2025-11-19')).toBe(1 / 4);
  expect(splitFactorBetween([split], '2025-11-19', '2025-11-18')).toBe(1 / 4);
  expect(splitFactorBetween([split, { ...split, split_to: 2 }], '2025-11-18', '2025-11-19')).toBe(1 / 8);
  expect(splitFactorBetween([split], '2025-11-19', '2025-11-20')).toBeUndefined();
  expect(splitFactorBetween([split], '2025-11-17', '2025-11-18')).toBeUndefined();
});
