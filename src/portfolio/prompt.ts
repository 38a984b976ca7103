import { createHash } from 'node:crypto';
import { wellFormed } from '../text.ts';
import type { Completion, ModelRequest } from '../vendors/xai.ts';
import instructions from './analysis-v1.md';
import { ANALYSIS_SCHEMA } from './answer.ts';
import type { BriefedPosition, Briefing } from './briefing.ts';

/** Name of the prompt file; stored with every analysis. A changed prompt is a new file. */
export const PROMPT_VERSION = 'analysis-v1';

const LONGEST_TEXT = 120;
/** Room for one position's entry and for the rest, thinking included. */
const TOKENS_A_POSITION = 300;
const TOKENS_OVERHEAD = 4000;

export type Message = ModelRequest['messages'][number];

/** An answer that could not be used, and why. `content` is absent when there was nothing to quote. */
export interface FailedAnswer {
  content?: string;
  problem: string;
}

/** The body of a chat completion about one portfolio: `{model, messages, response_format, max_completion_tokens}`. */
export function completionRequest(briefing: Briefing, model: string, failed?: FailedAnswer): ModelRequest {
  const room = TOKENS_OVERHEAD + TOKENS_A_POSITION * briefing.positions.length;
  return {
    model,
    messages: messagesFor(briefing, failed),
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'portfolio_analysis', strict: true, schema: ANALYSIS_SCHEMA },
    },
    // A fixed answer gets more room: the first may have been cut for want of it.
    max_completion_tokens: failed ? 2 * room : room,
  };
}

/** The same for the same question: tells an answer under way from one to another question. Hex. */
export function questionHash(briefing: Briefing, model: string): string {
  return createHash('sha256')
    .update(JSON.stringify(completionRequest(briefing, model)))
    .digest('hex');
}

function messagesFor(briefing: Briefing, failed: FailedAnswer | undefined): Message[] {
  const messages: Message[] = [
    { role: 'system', content: instructions },
    { role: 'user', content: `<portfolio-data>\n${quoted(dataOf(briefing))}\n</portfolio-data>` },
  ];
  if (!failed) return messages;
  if (failed.content) messages.push({ role: 'assistant', content: failed.content });
  const problem = quoted(failed.problem);
  messages.push({
    role: 'user',
    content: `That answer cannot be used. What a program found, as quoted data: ${problem}\nAnswer the same question again, as one whole JSON document of the schema.`,
  });
  return messages;
}

function dataOf({ portfolio, session, positions }: Briefing) {
  const total = positions.reduce((sum, { marketValue }) => sum + Math.abs(marketValue), 0);
  return {
    portfolio: cut(portfolio),
    as_of: session,
    currency: 'USD',
    positions: positions.map((position) => entryOf(position, total)),
  };
}

function entryOf({ holding, data, listing, marketValue }: BriefedPosition, total: number) {
  const { price, ma50, rsi } = data;
  const cost = holding.averageCost;
  return {
    symbol: holding.symbol,
    name: cut(listing.name ?? ''),
    type: cut(listing.type ?? ''),
    quantity: holding.quantity,
    average_cost: cost ?? null,
    price,
    price_date: data.asOf,
    market_value: round(marketValue),
    weight_percent: total === 0 ? null : round((100 * Math.abs(marketValue)) / total),
    gain_percent: cost ? round(100 * (price / cost - 1)) : null,
    rsi14: rsi === null ? null : round(rsi),
    ...(data.rsiReason ? { rsi14_missing: data.rsiReason } : {}),
    ma50: ma50 === null ? null : round(ma50),
    ...(data.ma50Reason ? { ma50_missing: data.ma50Reason } : {}),
    ...(data.barsFromReason ? { bars_from: data.barsFrom, bars_from_reason: data.barsFromReason } : {}),
    price_vs_ma50_percent: ma50 ? round(100 * (price / ma50 - 1)) : null,
  };
}

/**
 * A value as JSON that cannot leave its place: no bracket of a tag, no invisible or direction-changing character, no
 * line break that is not the document's own.
 */
function quoted(value: unknown): string {
  const json = typeof value === 'string' ? JSON.stringify(value) : JSON.stringify(value, null, 1);
  return json.replace(/[<>&\u2028\u2029]|\p{Cf}/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${wellFormed(text, LONGEST_TEXT - 1)}…` : wellFormed(text);
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}

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
const ANSWER_TOKENS_OVERHEAD = 150;

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
  const completion = ANSWER_TOKENS_OVERHEAD + ANSWER_TOKENS_A_POSITION * positions.length;
  return { prompt: Math.ceil(characters / CHARACTERS_A_TOKEN), completion, reasoning: 0 };
}

export function addTokens(a: Tokens, b: Tokens): Tokens {
  return {
    prompt: a.prompt + b.prompt,
    completion: a.completion + b.completion,
    reasoning: a.reasoning + b.reasoning,
  };
}
