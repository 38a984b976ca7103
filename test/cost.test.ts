import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const page = readFileSync(fileURLToPath(new URL('../docs/cost.md', import.meta.url)), 'utf8');
const number = (text = '') => Number(text.replaceAll(',', ''));

/** Line, quantity, unit, USD a unit, USD a month. */
const rows = [...page.matchAll(/^\| ([^|*]+) \| ([\d.,]+) \| ([^|]+) \| ([\d.]+) \| ([\d.]+) \|$/gm)].map(
  ([, line, quantity, , price, amount]) => ({
    line,
    product: number(quantity) * number(price),
    amount: number(amount),
  }),
);

test('every line of the cost page is its quantity times its price, and the sum is theirs', () => {
  expect(rows.length).toBeGreaterThan(15);
  expect(rows.filter(({ product, amount }) => Math.abs(product - amount) > 0.0051)).toEqual([]);
  const [, together] = /\*\*Together\*\* \|[ |]*\*\*([\d.]+)\*\*/.exec(page)!;
  expect(number(together)).toBeCloseTo(
    rows.reduce((sum, { amount }) => sum + amount, 0),
    5,
  );
});
