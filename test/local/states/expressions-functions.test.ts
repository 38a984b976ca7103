import fc from 'fast-check';
import jsonata from 'jsonata';
import { describe, expect, test } from 'vitest';
import { ADDED_FUNCTIONS, compileExpression, JSONATA_FUNCTIONS } from '../../../src/local/states/expressions.ts';

const evaluate = (source: string, bindings: Record<string, unknown> = {}): Promise<unknown> =>
  compileExpression(source).expression!.evaluate(bindings);

describe('functions added to JSONata', () => {
  test('the chunks of $partition put together are the list', async () => {
    const lists = fc.tuple(fc.array(fc.integer(), { minLength: 1 }), fc.integer({ min: 1, max: 9 }));
    await fc.assert(
      fc.asyncProperty(lists, async ([list, size]) => {
        const chunks = (await evaluate('$partition($list, $size)', { list, size })) as number[][];
        expect(chunks.flat()).toEqual(list);
        expect(chunks.slice(0, -1).every((chunk) => chunk.length === size)).toBe(true);
      }),
    );
  });

  test('$range begins at its start, steps evenly and never passes its end', async () => {
    const ranges = fc.tuple(
      fc.integer({ min: -99, max: 99 }),
      fc.integer({ min: -99, max: 99 }),
      fc.integer({ min: 1, max: 9 }),
    );
    await fc.assert(
      fc.asyncProperty(ranges, async ([start, end, size]) => {
        const step = end < start ? -size : size;
        const values = [await evaluate('$range($start, $end, $step)', { start, end, step })].flat() as number[];
        expect(values[0]).toBe(start);
        expect(values.every((value, index) => value === start + index * step)).toBe(true);
        expect(Math.abs(end - values.at(-1)!)).toBeLessThan(size);
      }),
    );
  });

  test.each([
    ['$range(1, 3)', undefined],
    ['$range(1, 3, 0)', undefined],
    ['$partition([1], 0)', undefined],
    ['$partition([1, 2])', [[1, 2]]],
    ["$hash('x')", undefined],
  ])('%s', async (source, expected) => {
    expect(await evaluate(source)).toEqual(expected);
  });

  test.each(['$partition([1], -1)', '$random(1, 2)', '$parse(1)', '$range("a", 1, 1)'])(
    '%s is an error',
    async (source) => {
      await expect(evaluate(source)).rejects.toBeDefined();
    },
  );
});

test('every name taken for a function is one in JSONata or in Step Functions', async () => {
  const unknown: string[] = [];
  for (const name of JSONATA_FUNCTIONS) {
    if ((await jsonata(`$${name}`).evaluate(undefined)) === undefined) unknown.push(name);
  }
  expect(unknown).toEqual([]);
  expect(Object.keys(ADDED_FUNCTIONS).sort()).toEqual(['hash', 'parse', 'partition', 'random', 'range', 'uuid']);
});
