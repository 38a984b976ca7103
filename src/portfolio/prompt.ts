import { createHash } from 'node:crypto';
import { ANALYSIS_SCHEMA } from '../records/analysis.ts';
import type { ModelRequest } from '../vendors/xai.ts';
import type { BriefedPosition, Briefing } from './briefing.ts';
import instructions from './prompts/analysis-v1.md';

/** Name of the prompt file; stored with every analysis. A changed prompt is a new file. */
export const PROMPT_VERSION = 'analysis-v1';

const LONGEST_TEXT = 120;
/** Room for one position's entry and for the rest, thinking included. */
const TOKENS_A_POSITION = 300;
const TOKENS_BESIDES = 4000;

export type Message = ModelRequest['messages'][number];

/** An answer that could not be used, and why. `content` is absent when there was nothing to quote. */
export interface FailedAnswer {
  content?: string;
  problem: string;
}

/** The body of a chat completion about one portfolio: `{model, messages, response_format, max_completion_tokens}`. */
export function completionRequest(briefing: Briefing, model: string, failed?: FailedAnswer): ModelRequest {
  const room = TOKENS_BESIDES + TOKENS_A_POSITION * briefing.positions.length;
  return {
    model,
    messages: messagesFor(briefing, failed),
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'portfolio_analysis', strict: true, schema: ANALYSIS_SCHEMA },
    },
    // A mended answer gets more room: the first may have been cut for want of it.
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
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text;
}

function round(value: number): number {
  return Number(value.toPrecision(6));
}
