import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Listing, listingFinder } from '../../src/records/index-member.ts';

const active = (...symbols: string[]): Listing[] => symbols.map((symbol) => ({ symbol, active: true }));
const gone = (...symbols: string[]): Listing[] => symbols.map((symbol) => ({ symbol, active: false }));

test('a spelling without its dot is the class share of the reference list', () => {
  const find = listingFinder(active('MOG.A', 'BF.A', 'BRK.B', 'GEF'));
  for (const spelling of ['MOGA', 'MOG A', 'MOG.A', 'MOG/A']) expect(find(spelling)).toEqual({ symbol: 'MOG.A' });
  expect(find('BFA')).toEqual({ symbol: 'BF.A' });
  expect(find('BRKB')).toEqual({ symbol: 'BRK.B' });
  expect(find('GEFB')).toEqual({ reason: 'not in the reference list' });
});

test('symbols that only look like a class are themselves', () => {
  const symbols = ['RUSHA', 'BELFB', 'ZETA', 'VERA', 'CIA', 'CON', 'TRUE', 'NA'];
  const find = listingFinder(active(...symbols, 'CI', 'VER'));
  for (const symbol of symbols) expect(find(symbol)).toEqual({ symbol });
});

test('units and warrants are no class shares', () => {
  const find = listingFinder(active('ABC.U', 'ABC.WS', 'ABC'));
  for (const spelling of ['ABCU', 'ABCWS', 'ABCW']) expect(find(spelling)).toHaveProperty('reason');
});

test('an active class share goes before a delisted symbol of the same letters, and that one before nothing', () => {
  expect(listingFinder([...gone('BFA'), ...active('BF.A')])('BFA')).toEqual({ symbol: 'BF.A' });
  expect(listingFinder([...active('BFA'), ...active('BF.A')])('BFA')).toEqual({ symbol: 'BFA' });
  expect(listingFinder(gone('BFA', 'MOG.A'))('BFA')).toEqual({ symbol: 'BFA' });
  expect(listingFinder(gone('MOG.A'))('MOGA')).toHaveProperty('reason');
});

test('whatever is asked, the answer is a symbol of the list or none', () => {
  const letters = fc.string({ unit: fc.constantFrom('A', 'B', 'C', '.', ' '), minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(letters), letters, (symbols, spelling) => {
      const found = listingFinder(active(...symbols))(spelling);
      if ('symbol' in found) expect(symbols).toContain(found.symbol);
      if (symbols.includes(spelling)) expect(found).toEqual({ symbol: spelling });
    }),
  );
});
