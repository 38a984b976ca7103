import { expect, test } from 'vitest';
import { addCosts, costOf, priceOf } from '../../src/portfolio/prompt.ts';
import { readCompletion } from '../../src/vendors/xai.ts';

const tokens = { prompt: 100_000, completion: 10_000, reasoning: 0 };

test.each([
  ['grok-4.3', 0.15],
  ['grok-4.5', 0.26],
  ['grok-4.6', 0.26],
  ['grok-4.7', 0.26],
  ['grok-4.7-0921', 0.26],
  ['grok-4.7-latest', 0.26],
  ['grok-practice', 0],
])('%s costs $%d for 100,000 tokens in and 10,000 out', (model, usd) => {
  expect(priceOf(model, tokens, undefined)).toBe(usd);
  expect(priceOf(model, tokens, [100, 100])).toBe(usd);
});

test.each(['grok-9', 'grok-4.6-fast', 'grok-4.70', 'grok-4', 'constructor'])(
  'nobody guesses what %s costs, but a configured price is taken',
  (model) => {
    expect(priceOf(model, tokens, undefined)).toBeNull();
    expect(priceOf(model, tokens, [3, 10])).toBe(0.4);
  },
);

test('a question of 200,000 tokens costs double, and so does its answer', () => {
  expect(priceOf('grok-4.7', { ...tokens, prompt: 199_999 }, undefined)).toBe(0.459998);
  expect(priceOf('grok-4.7', { ...tokens, prompt: 200_000 }, undefined)).toBe(0.92);
});

const answer = (usage: object | null, model = 'grok-4.7') =>
  readCompletion({ model, choices: [{ message: { content: '{}' } }], usage });
const usage = { prompt_tokens: 100_000, completion_tokens: 10_000, total_tokens: 110_000 };

test('what the vendor says it billed goes before any price list, for a model nobody knows too', () => {
  const billed = { ...usage, cost_in_usd_ticks: 1_234_560_000 };
  expect(costOf(answer(billed), undefined)).toBe(0.123456);
  expect(costOf(answer(billed, 'grok-9'), [3, 10])).toBe(0.123456);
});

test('tokens from the cache of the vendor cost less', () => {
  const cached = { ...usage, prompt_tokens_details: { cached_tokens: 60_000 } };
  expect(costOf(answer(cached), undefined)).toBe(0.17);
  expect(costOf(answer(cached, 'grok-9'), [3, 10])).toBe(0.4);
});

test('an answer without usage has no cost anyone knows, nor have two of which one has none', () => {
  expect(costOf(answer(null), [3, 10])).toBeNull();
  expect(addCosts(0.1, null)).toBeNull();
  expect(addCosts(0.1, 0.2)).toBe(0.3);
});
