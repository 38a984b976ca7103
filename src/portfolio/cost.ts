import type { BriefedPosition } from './briefing.ts';
import type { Message } from './prompt.ts';

/** Tokens of one or several answers; reasoning ones are among the completion's. */
export interface Tokens {
  prompt: number;
  completion: number;
  reasoning: number;
}

type Prices = readonly [input: number, output: number] | readonly number[];

/** USD per million input and output tokens, by the beginning of the model's name. Source: the vendor's pages, 2026. */
const PRICES: Readonly<Record<string, Prices>> = {
  'grok-4.3': [1.25, 2.5],
  'grok-4.5': [2, 6],
  'grok-practice': [0, 0],
};

/** Characters of JSON and English a token; for estimates only. */
const CHARACTERS_A_TOKEN = 3;
const ANSWER_TOKENS_A_POSITION = 120;
const ANSWER_TOKENS_BESIDES = 150;

/** What tokens of a model cost in USD; null when nobody knows its price. Built-in prices go before the configured. */
export function costOf(model: string, tokens: Tokens, configured: readonly number[] | undefined): number | null {
  const known = Object.keys(PRICES).find((name) => model.startsWith(name));
  const prices = known === undefined ? configured : PRICES[known];
  if (!prices) return null;
  const [input = 0, output = 0] = prices;
  return Number(((tokens.prompt * input + tokens.completion * output) / 1e6).toFixed(6));
}

/** About what a question and its answer will be, without what the model spends on thinking. */
export function estimateTokens(messages: readonly Message[], positions: readonly BriefedPosition[]): Tokens {
  const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
  const completion = ANSWER_TOKENS_BESIDES + ANSWER_TOKENS_A_POSITION * positions.length;
  return { prompt: Math.ceil(characters / CHARACTERS_A_TOKEN), completion, reasoning: 0 };
}

export function addTokens(a: Tokens, b: Tokens): Tokens {
  return {
    prompt: a.prompt + b.prompt,
    completion: a.completion + b.completion,
    reasoning: a.reasoning + b.reasoning,
  };
}
