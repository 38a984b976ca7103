import { expect, test } from 'vitest';
import { bugs, find } from './bugs/planted.mjs';

test('each planted bug applies to the code of today and is found within 300 seeds', async () => {
  const found = await find(bugs());
  const missed = [...found].filter(([, seed]) => seed === undefined).map(([name]) => name);
  expect(missed).toEqual([]);
});
