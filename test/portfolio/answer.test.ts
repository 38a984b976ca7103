import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAnalysis } from '../../src/portfolio/answer.ts';

const symbols = fc.uniqueArray(fc.stringMatching(/^[A-Za-z.]{1,6}$/), { minLength: 1, maxLength: 30 });
const answerFor = (names: readonly string[], score = 50) =>
  JSON.stringify({
    summary: 's',
    positions: names.map((symbol) => ({ symbol, opportunity_score: score, rationale: 'r', risks: ['x'] })),
  });

test('an answer about exactly the symbols asked for is taken, in any order', () => {
  fc.assert(
    fc.property(symbols, (names) => {
      const { positions } = parseAnalysis(answerFor(names.toReversed()), names);
      expect(positions.map(({ symbol }) => symbol).sort()).toEqual(names.toSorted());
    }),
  );
});

test('one symbol less, one more or one twice is refused by name', () => {
  fc.assert(
    fc.property(symbols, (names) => {
      const [first] = names;
      for (const given of [names.slice(1), [...names, 'OTHER-1'], [...names, first!]]) {
        expect(() => parseAnalysis(answerFor(given), names)).toThrow(
          expect.objectContaining({ name: 'Model.WrongSymbols' }),
        );
      }
    }),
  );
});

test('scores end at 0 and 100', () => {
  for (const score of [0, 72.5, 100]) expect(parseAnalysis(answerFor(['T'], score), ['T']).positions).toHaveLength(1);
  for (const score of [-1, 100.5]) {
    expect(() => parseAnalysis(answerFor(['T'], score), ['T'])).toThrow(
      expect.objectContaining({ name: 'Model.OutOfRange' }),
    );
  }
});

test('any text that is no such document is Model.InvalidJson, and the message stays short', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 2000 }), fc.json()), (content) => {
      expect(() => parseAnalysis(content, ['T'])).toThrow(expect.objectContaining({ name: 'Model.InvalidJson' }));
      try {
        parseAnalysis(content, ['T']);
      } catch (error) {
        expect((error as Error).message.length).toBeLessThan(600);
      }
    }),
  );
});
