import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkSymbol, keyOf, oldKeyOf, symbolOf } from '../../src/records/symbol.ts';

const wellFormed = fc.string({ unit: 'binary' });

describe('symbols', () => {
  test.each([
    'AAPL',
    'BRK.B',
    'BAC-I',
    'KIMpL',
    'TRUE',
    'NAN',
    'CON',
    'A/B',
    'ON',
    'E',
    'ABC.WS',
    '292RGT016',
    '..',
    'Ä',
  ])('%s is a symbol as it stands', (symbol) => expect(checkSymbol(symbol)).toBeUndefined());

  test.each([
    ['', 'symbol is empty'],
    ['231992017', 'symbol is all digits'],
    ['A B', 'symbol holds blanks or control characters'],
    [' A', 'symbol holds blanks or control characters'],
    ['A\u0000', 'symbol holds blanks or control characters'],
    ['A\u00a0', 'symbol holds blanks or control characters'],
    ['A\u200b', 'symbol holds blanks or control characters'],
    ['A\ud800', 'symbol holds blanks or control characters'],
    ['A'.repeat(33), 'symbol is too long'],
    ['Ä'.repeat(17), 'symbol is too long'],
    [undefined, 'symbol is missing'],
    [null, 'symbol is missing'],
    [42, 'symbol is not text'],
  ])('%j is none: %s', (symbol, reason) => expect(checkSymbol(symbol)).toBe(reason));

  test('32 bytes are the longest', () => expect(checkSymbol('A'.repeat(32))).toBeUndefined());
});

describe('key parts', () => {
  test.each([
    ['BRK.B', 'BRK.B'],
    ['BAC-I', 'BAC-I'],
    ['KIMpL', 'KIM_70L'],
    ['KIMPL', 'KIMPL'],
    ['A/B', 'A_2fB'],
    ['A_B', 'A_5fB'],
    ['_2f', '_5f2_66'],
    ['BTC+', 'BTC_2b'],
    ['Ä', '_c3_84'],
    ['', ''],
  ])('%s is kept as %s', (symbol, key) => {
    expect(keyOf(symbol)).toBe(key);
    expect(symbolOf(key)).toBe(symbol);
  });

  test('every symbol comes back from its key, which holds safe characters only', () => {
    fc.assert(
      fc.property(wellFormed, (symbol) => {
        const key = keyOf(symbol);
        expect(key).toMatch(/^([A-Z0-9.-]|_[0-9a-f]{2})*$/);
        expect(symbolOf(key)).toBe(symbol);
      }),
    );
  });

  test('two symbols never share a key', () => {
    const near = fc.string({ unit: fc.constantFrom('_', '5', 'f', '2', 'a', 'A', '/', '.', 'é'), maxLength: 6 });
    fc.assert(fc.property(near, near, (a, b) => (keyOf(a) === keyOf(b)) === (a === b)));
  });

  test('the keys of two symbols differ by more than case', () => {
    const near = fc.string({
      unit: fc.constantFrom('a', 'A', 'f', 'F', 'é', 'É', '_', '6', '1', 'ß', 'S'),
      maxLength: 6,
    });
    const folded = (symbol: string) => keyOf(symbol).toLowerCase();
    fc.assert(fc.property(near, near, (a, b) => (folded(a) === folded(b)) === (a === b)));
    fc.assert(fc.property(near, (a) => folded(a) !== folded(a.toUpperCase()) || a === a.toUpperCase()));
  });

  test('a key of an earlier version is read, and no key of the present one is taken for it', () => {
    expect(symbolOf('KIMpL')).toBe('KIMpL');
    fc.assert(
      fc.property(wellFormed, (symbol) => {
        expect(symbolOf(oldKeyOf(symbol))).toBe(symbol);
        if (oldKeyOf(symbol) !== keyOf(symbol)) expect(oldKeyOf(symbol)).toMatch(/[a-z]/);
      }),
    );
  });

  test.each(['_', '_4', '_41', '_2F', 'a/b', '_ff', 'é', '_2g'])('%j is no key', (key) => {
    expect(() => symbolOf(key)).toThrowError(expect.objectContaining({ name: 'Data.Invalid' }));
  });

  test('any text is either no key or the key of its symbol', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('_', '5', 'f', '2', 'c', '3', 'A', '/') }), (key) => {
        try {
          return [keyOf(symbolOf(key)), oldKeyOf(symbolOf(key))].includes(key);
        } catch {
          return true;
        }
      }),
    );
  });
});
