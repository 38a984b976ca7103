import type { Completion } from '../vendors/xai-answers.ts';
import type { BriefedPosition } from './briefing.ts';
import type { Message } from './prompt.ts';

/** Tokens of one or several answers; reasoning ones are among the completion's. */
export interface Tokens {
  prompt: number;
  completion: number;
  reasoning: number;
}
export const NO_TOKENS: Tokens = { prompt: 0, completion: 0, reasoning: 0 };

/** USD per million tokens: input, output, and input that the vendor had in its cache. */
type Prices = readonly [input: number, output: number, cached: number];

/** By the model's name. Source: docs.x.ai/developers (models, pricing), 2026-11. */
const PRICES: Readonly<Record<string, Prices>> = {
  'grok-4.3': [1.25, 2.5, 0.2],
  'grok-4.5': [2, 6, 0.5],
  'grok-4.6': [2, 6, 0.5],
  'grok-4.7': [2, 6, 0.5],
  'grok-practice': [0, 0, 0],
};
/** A name with a date is the same model; one with another word is not, and may have another price. */
const DATED = /-(latest|\d{4}|\d{8}|\d{4}-\d{2}-\d{2})$/;
/** From here on a question costs double, and so does its answer. */
const LONG_QUESTION_TOKENS = 200_000;
const TICKS_A_DOLLAR = 1e10;

/** Characters of JSON and English a token; for estimates only. */
const CHARACTERS_A_TOKEN = 3;
const ANSWER_TOKENS_A_POSITION = 120;
const ANSWER_TOKENS_BESIDES = 150;

/** What one answer cost in USD: what the vendor says it billed, else by the price list; null when neither is known. */
export function costOf({ model, usage }: Completion, configured: readonly number[] | undefined): number | null {
  if (!usage) return null;
  if (typeof usage.cost_in_usd_ticks === 'number') return rounded(usage.cost_in_usd_ticks / TICKS_A_DOLLAR);
  return priceOf(model, tokensOf({ usage }), configured, usage.prompt_tokens_details?.cached_tokens ?? 0);
}

/**
 * What one question and its answer cost in USD by the price list; null for a model it does not name, without a price of
 * its own. Built-in prices go before the configured.
 * @param cached tokens of the question that the vendor had in its cache
 */
export function priceOf(
  model: string,
  tokens: Tokens,
  configured: readonly number[] | undefined,
  cached = 0,
): number | null {
  const name = model.replace(DATED, '');
  const known = Object.hasOwn(PRICES, name) ? PRICES[name] : undefined;
  const [input, output, fromCache = input] = known ?? configured ?? [];
  if (input === undefined || output === undefined || fromCache === undefined) return null;
  const factor = known && tokens.prompt >= LONG_QUESTION_TOKENS ? 2 : 1;
  const kept = Math.min(cached, tokens.prompt);
  const perMillion = (tokens.prompt - kept) * input + kept * fromCache + tokens.completion * output;
  return rounded((factor * perMillion) / 1e6);
}

/** What several answers cost together; unknown when one of them is. */
export function addCosts(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : rounded(a + b);
}

function rounded(usd: number): number {
  return Number(usd.toFixed(6));
}

export function tokensOf({ usage }: Pick<Completion, 'usage'>): Tokens {
  if (!usage) return NO_TOKENS;
  const { prompt_tokens: prompt, completion_tokens, total_tokens } = usage;
  const reasoning = usage.completion_tokens_details?.reasoning_tokens ?? 0;
  // Thinking is billed like the answer; some versions count it in completion_tokens, others only in the total.
  return { prompt, completion: Math.max(completion_tokens, total_tokens - prompt), reasoning };
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
