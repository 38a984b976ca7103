import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bugs, find, seenSeeds, tableOf } from './bugs/planted.mjs';

test('each planted bug applies to the code of today and is found within 300 seeds, which are good without it', async () => {
  const found = await find(bugs());
  const missed = found.filter(({ seed }) => seed === undefined).map(({ name }) => name);
  expect(missed).toEqual([]);
});

test('docs/testing.md lists every planted bug and the seed that shows it', () => {
  const seen = seenSeeds();
  expect(Object.keys(seen)).toEqual(bugs().map(({ name }) => name));
  expect(readFileSync('docs/testing.md', 'utf8')).toContain(tableOf(bugs(), seen));
});
