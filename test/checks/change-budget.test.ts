import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Movement, overBudget, REFERENCE_BUDGET } from '../../src/checks/change-budget.ts';

const calm: Movement = {
  before: 100,
  seen: 100,
  vanished: 0,
  added: 0,
  rejected: 0,
  stayed: 100,
  flips: {},
  recentRows: [],
};

test.each<[string, Partial<Movement>, number]>([
  ['nothing moved', {}, 0],
  ['exactly a tenth vanished', { vanished: 10 }, 0],
  ['one more than a tenth vanished', { vanished: 11 }, 1],
  ['everything vanished below the minimum', { before: 19, seen: 0, vanished: 19 }, 0],
  ['everything vanished at the minimum', { before: 20, seen: 0, vanished: 20, stayed: 0 }, 1],
  ['exactly a tenth is new', { seen: 110, added: 10 }, 0],
  ['one more than a tenth is new', { seen: 111, added: 11 }, 1],
  ['a first list, all of it new', { before: 0, seen: 12_000, added: 12_000, stayed: 0 }, 0],
  ['exactly a twentieth rejected', { seen: 95, rejected: 5 }, 0],
  ['more than a twentieth rejected', { seen: 94, rejected: 6 }, 1],
  ['few rows, most rejected', { before: 0, seen: 4, rejected: 15 }, 0],
  ['a first answer with everything rejected', { before: 0, seen: 0, rejected: 20 }, 1],
  ['exactly three tenths changed their type', { flips: { type: 30 } }, 0],
  ['more than three tenths changed their type', { flips: { type: 31 } }, 1],
  ['two fields flipped', { flips: { type: 31, primaryExchange: 100, name: 5 } }, 2],
  ['few rows, all of them flipped', { before: 19, seen: 19, stayed: 19, flips: { type: 19 } }, 0],
  ['the band has too few syncs to look back on', { seen: 50, recentRows: [100, 100, 100, 100] }, 0],
  ['at the lower end of the band', { seen: 80, recentRows: Array(5).fill(100) }, 0],
  ['below the band', { seen: 79, recentRows: Array(5).fill(100) }, 1],
  ['at the upper end of the band', { seen: 125, recentRows: Array(20).fill(100) }, 0],
  ['above the band', { seen: 126, recentRows: Array(20).fill(100) }, 1],
  ['one odd sync does not move the band', { seen: 100, recentRows: [100, 100, 3, 100, 100] }, 0],
  ['vanished and rejected', { seen: 50, vanished: 50, rejected: 50 }, 2],
])('%s', (_name, movement, reasons) => {
  expect(overBudget('tickers', { ...calm, ...movement })).toHaveLength(reasons);
});

test('a reason names the dataset, the counts and the limit', () => {
  const movement = { ...calm, seen: 70, vanished: 30, flips: { type: 60 }, recentRows: Array(20).fill(100) };
  expect(overBudget('tickers', movement)).toEqual([
    'tickers: 30 of 100 active rows are missing from the answer (30.0 %; at most 10.0 % may vanish in one sync)',
    'tickers: 60 of 100 rows changed or lost their type (60.0 %; at most 30.0 % in one sync)',
    'tickers: 70 rows, usually 100 (band 80 to 125 from the last 20 syncs)',
  ]);
});

test('a dataset has limits of its own where it says so', () => {
  expect(overBudget('index_members', { ...calm, vanished: 11 }, { vanished: 0.2 })).toEqual([]);
  expect(overBudget('index_members', { ...calm, vanished: 21 }, { vanished: 0.2 })).toHaveLength(1);
});

describe('laws', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const before = fc.integer({ min: 20, max: 20_000 });

  test('what stays within every limit is published', () => {
    fc.assert(
      fc.property(before, share, share, share, (rows, gone, came, changed) => {
        const vanished = Math.floor(rows * REFERENCE_BUDGET.vanished * gone);
        const added = Math.floor(rows * REFERENCE_BUDGET.added * came);
        const stayed = rows - vanished;
        const flips = { type: Math.floor(stayed * REFERENCE_BUDGET.flipped * changed) };
        const movement = { ...calm, before: rows, seen: stayed + added, vanished, added, stayed, flips };
        expect(overBudget('assets', movement)).toEqual([]);
      }),
    );
  });

  test('a larger movement never passes where a smaller one is held', () => {
    fc.assert(
      fc.property(before, fc.nat(20_000), fc.nat(20_000), (rows, some, more) => {
        const [less, most] = [Math.min(some, rows), Math.min(some + more, rows)];
        const held = (vanished: number) => overBudget('assets', { ...calm, before: rows, vanished }).length;
        expect(held(most)).toBeGreaterThanOrEqual(held(less));
      }),
    );
  });
});
