import fc from 'fast-check';
import { expect, test } from 'vitest';
import { didYouMean, nearestName } from '../src/text.ts';

test('a mistyped name leads to the one that was meant', () => {
  const known = ['core', 'income', 'AAPL', 'GOOGL', 'GOOG', 'BRK.B'];
  for (const [text, meant] of [
    ['croe', 'core'],
    ['Core', 'core'],
    ['incom', 'income'],
    ['AAPPL', 'AAPL'],
    ['APPL', 'AAPL'],
    ['GOGL', 'GOOGL'],
    ['BRK-B', 'BRK.B'],
  ] as const)
    expect([text, nearestName(text, known)]).toEqual([text, meant]);
  expect(didYouMean('croe', known)).toBe('Did you mean core?');
});

test('what is near to nothing is not guessed at', () => {
  expect(nearestName('NOSUCH', ['AAPL', 'MSFT', 'NVDA'])).toBeUndefined();
  expect(didYouMean('x', [])).toBeUndefined();
});

test('one letter more, fewer or other in a name of four and more is always found', () => {
  const name = fc.stringMatching(/^[a-z]{4,12}$/);
  fc.assert(
    fc.property(name, fc.nat(), fc.constantFrom('', 'x'), (meant, place, letter) => {
      const at = place % meant.length;
      const text = meant.slice(0, at) + letter + meant.slice(at + 1);
      expect(nearestName(text, ['', 'somewhere else', meant])).toBe(meant);
    }),
  );
});
