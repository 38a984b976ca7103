import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hash, hexOf, textKey, unit, walk } from '../../../src/local/market/noise.ts';

const int = fc.integer();

describe('noise by address', () => {
  it('gives the same number for the same address and stays in its range', () => {
    fc.assert(
      fc.property(int, int, int, (key, a, b) => {
        expect(hash(key, a, b)).toBe(hash(key, a, b));
        expect(unit(key, a, b)).toBeGreaterThanOrEqual(0);
        expect(unit(key, a, b)).toBeLessThan(1);
      }),
    );
  });

  it('spreads evenly: a tenth of 20,000 addresses lies in each tenth of the range', () => {
    const tenths = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) tenths[Math.floor(unit(7, i) * 10)]! += 1;
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(200);
  });

  it('walks in steps below 7, so a sigma of 2 % never moves a price by more than 15 % in a session', () => {
    fc.assert(
      fc.property(int, fc.integer({ min: -100, max: 20_000 }), (key, x) => {
        expect(Math.abs(walk(key, x + 1) - walk(key, x))).toBeLessThan(7);
        expect(Math.abs(walk(key, x))).toBeLessThan(160);
      }),
    );
  });

  it('derives hex of any length from a key, and other keys from other seeds', () => {
    expect(hexOf(5, 32)).toMatch(/^[0-9a-f]{32}$/);
    expect(hexOf(5, 12)).toBe(hexOf(5, 32).slice(0, 12));
    expect(textKey('AAPL', 1)).not.toBe(textKey('AAPL', 2));
    expect(textKey('KIMpL', 1)).not.toBe(textKey('KIMPL', 1));
  });
});
