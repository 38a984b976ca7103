import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeSession } from '../../src/night/publish-session.ts';
import { bar, bars } from '../checks/bars.ts';
import { DATE, SECOND } from './vendor-rows.ts';

describe('merging', () => {
  test('an unchanged row keeps its ingestedAt, a changed one takes the new', () => {
    const stored = [bar('A', DATE), bar('B', DATE), bar('GONE', DATE)];
    const fetched = ['A', 'B', 'NEW'].map((symbol) =>
      bar(symbol, DATE, { ingestedAt: SECOND, close: symbol === 'B' ? 11.5 : 11 }),
    );
    const merged = mergeSession(stored, fetched);
    expect(merged).toMatchObject({ new: 1, changed: 1, removed: ['GONE'] });
    expect(merged.bars.map(({ symbol, ingestedAt }) => [symbol, ingestedAt])).toEqual([
      ['A', `${DATE}T23:00:00.000Z`],
      ['B', SECOND],
      ['NEW', SECOND],
    ]);
  });

  test('merging a version with itself changes nothing', () => {
    const list = bars(20, DATE);
    expect(
      mergeSession(
        list,
        list.map((one) => ({ ...one, ingestedAt: SECOND })),
      ),
    ).toEqual({ bars: list, new: 0, changed: 0, removed: [], kept: [] });
  });

  test('a refused symbol keeps the bar it had, an absent one is removed, a good row beside a refused one counts', () => {
    const stored = ['A', 'B', 'C', 'D'].map((symbol) => bar(symbol, DATE));
    const fetched = ['B', 'D'].map((symbol) => bar(symbol, DATE, { ingestedAt: SECOND, close: 11.5 }));
    const merged = mergeSession(stored, fetched, new Set(['A', 'B', 'NEVER']));
    expect(merged).toMatchObject({ new: 0, changed: 2, removed: ['C'], kept: ['A'] });
    expect(merged.bars).toEqual([stored[0], ...fetched]);
  });

  test('a refused symbol does not keep a bar that no bar can be, which an earlier version let through', () => {
    const stored = [bar('A', DATE, { volume: Number.POSITIVE_INFINITY }), bar('B', DATE)];
    expect(mergeSession(stored, [], new Set(['A', 'B']))).toMatchObject({ kept: ['B'], removed: ['A'] });
  });

  test('every stored symbol is served still, kept or removed, and bars come in the order of their symbols', () => {
    const symbols = fc.uniqueArray(fc.constantFrom(...'ABCDEFGH'));
    fc.assert(
      fc.property(symbols, symbols, symbols, (had, came, refused) => {
        const barsOf = (list: string[]) => [...list].sort().map((symbol) => bar(symbol, DATE));
        const { bars: after, kept, removed } = mergeSession(barsOf(had), barsOf(came), new Set(refused));
        expect(after.map(({ symbol }) => symbol)).toEqual([...new Set([...came, ...kept])].sort());
        expect(kept).toEqual([...had].sort().filter((symbol) => !came.includes(symbol) && refused.includes(symbol)));
        expect([...kept, ...removed].sort()).toEqual([...had].sort().filter((symbol) => !came.includes(symbol)));
      }),
    );
  });
});
