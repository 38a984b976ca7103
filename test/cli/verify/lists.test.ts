import { expect, test } from 'vitest';
import { replayHistory } from '../../../src/checks/symbol-history.ts';
import { identityOf } from '../../../src/cli/verify/lost-rows.ts';
import { inOrder, stepText } from '../../../src/cli/verify/repair.ts';
import { lostMembers, membershipsOf } from '../../../src/datasets/index-members.ts';

const member = (symbol: string, validFrom: string, validTo: string | null = null) => ({ symbol, validFrom, validTo });

test('memberships last from the first list that names a symbol to the first that does not', () => {
  const lists = [
    ['2026-11-16', ['A', 'B']],
    ['2026-11-17', ['A', 'C']],
    ['2026-11-18', ['A', 'B', 'C']],
  ] as const;
  expect(membershipsOf(lists)).toEqual([
    member('B', '2026-11-16', '2026-11-17'),
    member('A', '2026-11-16'),
    member('C', '2026-11-17'),
    member('B', '2026-11-18'),
  ]);
});

test('what a table knows of a time before the oldest list left is no loss', () => {
  const listed = [member('A', '2026-11-16'), member('B', '2026-11-17')];
  expect(lostMembers(listed, [member('A', '2026-01-05'), member('B', '2026-11-17')])).toEqual([]);
  expect(lostMembers(listed, [member('A', '2026-01-05'), member('B', '2026-11-18')])).toEqual([listed[1]]);
  expect(lostMembers(listed, [member('A', '2026-01-05', '2026-11-18')])).toEqual(listed);
  expect(lostMembers([], [])).toEqual([]);
});

test('a history is replayed from the dated lists', () => {
  const listed = (...symbols: string[]) => symbols.map((symbol) => ({ symbol, assetId: `id of ${symbol}` }));
  const rows = replayHistory(
    [],
    [
      ['2026-11-16', listed('A', 'B')],
      ['2026-11-17', listed('A', 'C')],
      ['2026-11-18', [...listed('A'), { symbol: 'D', assetId: 'id of C' }]],
    ],
  );
  expect(
    rows.map(({ symbol, validFrom, validTo, reason, ending }) => [symbol, validFrom, validTo, reason, ending]),
  ).toEqual([
    ['A', '2026-11-16', null, 'first seen', null],
    ['B', '2026-11-16', '2026-11-17', 'first seen', 'no longer listed'],
    ['C', '2026-11-17', '2026-11-18', 'listed', 'renamed to D'],
    ['D', '2026-11-18', null, 'renamed from C', null],
  ]);
});

test('a row of a stored list is who its record was', () => {
  expect(identityOf({ symbol: 'A', composite_figi: 'F', share_class_figi: null, name: 'x' })).toEqual({
    symbol: 'A',
    figi: 'F',
  });
  expect(identityOf({ symbol: 'A', id: 'uuid' })).toEqual({ symbol: 'A', assetId: 'uuid' });
});

test('steps come once each, in the order in which one needs the other', () => {
  const steps = inOrder([
    { step: 'load-table', table: 'splits' },
    { step: 'load-prices', dates: ['2026-11-20'] },
    { step: 'resample', intervals: [8] },
    { step: 'consolidate' },
    { step: 'remove', keys: ['b'] },
    { step: 'resample', intervals: [3, 8] },
    { step: 'load-table', table: 'nights' },
    { step: 'remove', keys: ['a', 'b'] },
    { step: 'load-prices', dates: ['2026-11-19', '2026-11-20'] },
    { step: 'consolidate' },
  ]);
  expect(steps.map(stepText)).toEqual([
    'remove 2 damaged files: a, b',
    'rebuild the histories and their manifest from the session files: run consolidate --mode full',
    'rebuild N-session bars: run resample --mode full --intervals 3,8',
    'load 2 sessions into stock_prices: 2026-11-19, 2026-11-20',
    'load nights from the lake',
    'load splits from the lake',
  ]);
});
