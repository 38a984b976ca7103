import { randomUUID } from 'node:crypto';
import { NamedError } from '../../errors.ts';
import { jsonFrom } from '../../text.ts';
import { keepNewest } from '../keep-newest.ts';
import { textKey } from './noise.ts';
import type { MarketResponse, MisbehaviourName, Vendor, VendorRequest } from './routes.ts';

const NO_CREDITS =
  'Your team practice has either used all available credits or reached its monthly spending limit. To continue making API requests, please purchase more credits or raise your spending limit.';

function failed(status: number, code: string, error: string): MarketResponse {
  return { status, json: { code, error } };
}

/** Deferred answers that wait to be fetched; of more the oldest are gone, as the vendor's are after a day. */
export const KEPT_ANSWERS = 1_000;

/**
 * xAI's API as far as a portfolio run asks it: chat completions, at once or deferred, and the Responses API, always at
 * once. A deferred answer is `202` at the first look, then handed out exactly once. Each vendor object has answers of its own.
 */
export function xaiVendor(): Vendor {
  const answers = new Map<string, { completion: object; polls: number }>();

  async function complete({ body, active }: VendorRequest): Promise<MarketResponse> {
    if (active.has('no-credits')) return failed(429, 'resource-exhausted', NO_CREDITS);
    const request = requestOf(body, 'messages');
    const completion = practiceCompletion(request.messages, active);
    if (!request.deferred) return { status: 200, json: completion };
    const id = randomUUID();
    answers.set(id, { completion, polls: 0 });
    keepNewest(answers, KEPT_ANSWERS);
    return { status: 200, json: { request_id: id } };
  }

  async function respond({ body, active }: VendorRequest): Promise<MarketResponse> {
    if (active.has('no-credits')) return failed(429, 'resource-exhausted', NO_CREDITS);
    return { status: 200, json: practiceResponse(requestOf(body, 'input').messages, active) };
  }

  async function handOut({ captured, active }: VendorRequest): Promise<MarketResponse> {
    const found = answers.get(captured[0] ?? '');
    if (!found) return failed(404, 'not-found', `Deferred completion ${captured[0]} was not found`);
    found.polls += 1;
    if (found.polls === 1 || active.has('slow-model')) return { status: 202, text: '' };
    answers.delete(captured[0]!);
    return { status: 200, json: found.completion };
  }

  return {
    name: 'xai',
    routes: [
      { name: 'completions', method: 'POST', pattern: /^\/v1\/chat\/completions$/, answer: complete },
      { name: 'responses', method: 'POST', pattern: /^\/v1\/responses$/, answer: respond },
      { name: 'deferred', pattern: /^\/v1\/chat\/deferred-completion\/([^/]+)$/, answer: handOut },
    ],
    authorized: ({ headers }) => /^Bearer +\S/.test(headers.authorization ?? ''),
    unauthorized: () =>
      failed(
        400,
        'invalid-argument',
        'Incorrect API key provided: pr***ce. You can obtain an API key from https://console.x.ai.',
      ),
    rateLimited: (_request, bare) =>
      bare
        ? { status: 429, text: '' }
        : failed(429, 'resource-exhausted', 'Too many requests for team practice and model grok-practice.'),
    badRequest: (_request, message) => failed(400, 'invalid-argument', message),
  };
}

/** @param field what the API calls the list of messages */
function requestOf(
  body: string,
  field: 'messages' | 'input',
): { messages: { role: string; content: string }[]; deferred: boolean } {
  const wrong = (found: string) => new NamedError('Usage.Invalid', `Failed to deserialize the JSON body: ${found}`);
  let request: { messages?: unknown; input?: unknown; deferred?: unknown };
  try {
    request = jsonFrom(body) as typeof request;
  } catch (error) {
    throw wrong((error as Error).message);
  }
  if (typeof request !== 'object' || request === null) throw wrong('no object');
  const { [field]: messages, deferred } = request;
  const whole =
    Array.isArray(messages) && messages.length > 0 && messages.every((one) => typeof one?.content === 'string');
  if (!whole) throw wrong(`missing field \`${field}\``);
  return { messages: messages as { role: string; content: string }[], deferred: deferred === true };
}

const CHARACTERS_A_TOKEN = 4;

interface Message {
  role: string;
  content: string;
}

interface PositionFigures {
  symbol: string;
  rsi14?: number | null;
  price_vs_ma50_percent?: number | null;
}

/** What the practice model says, before it is put into the form of an API. */
interface ModelReply {
  /** Absent when it refuses. */
  content?: string;
  cut: boolean;
  tokens: { prompt: number; completion: number };
}

const REFUSAL = "I can't help with that.";
const MODEL = 'grok-practice';

/**
 * The practice model: an opinion on every symbol of the question, from its figures alone and always the same, and openly
 * made up. Misbehaviours spoil the answer, not the envelope.
 */
function say(messages: readonly Message[], active: ReadonlySet<MisbehaviourName>): ModelReply {
  const positions = figuresInPrompt(messages).map(opinion);
  const first = positions[0];
  if (first && active.has('wrong-symbols')) first.symbol = `${first.symbol}X`;
  if (first && active.has('out-of-range')) first.opportunity_score = 140;
  const summary = `Practice: ${positions.length} positions, judged by a rule on RSI and the 50-session mean, not by a model.`;
  const whole = JSON.stringify({ summary, positions });
  const content = active.has('invalid-answer') ? `Here is the analysis:\n${whole}` : whole;
  const cut = active.has('cut-answer');
  const prompt = Math.ceil(messages.reduce((sum, message) => sum + message.content.length, 0) / CHARACTERS_A_TOKEN);
  const completion = Math.ceil(content.length / CHARACTERS_A_TOKEN);
  const said = cut ? content.slice(0, Math.floor(content.length / 2)) : content;
  return { ...(active.has('refusal') ? {} : { content: said }), cut, tokens: { prompt, completion } };
}

/** Its answer as a chat completion. */
export function practiceCompletion(messages: readonly Message[], active: ReadonlySet<MisbehaviourName>): object {
  const { content, cut, tokens } = say(messages, active);
  return {
    id: randomUUID(),
    object: 'chat.completion',
    created: Math.floor(Date.now() / 1000),
    model: MODEL,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: content ?? null, refusal: content === undefined ? REFUSAL : null },
        finish_reason: cut ? 'length' : 'stop',
      },
    ],
    usage: {
      prompt_tokens: tokens.prompt,
      completion_tokens: tokens.completion,
      total_tokens: tokens.prompt + tokens.completion,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
      cost_in_usd_ticks: 0,
    },
    system_fingerprint: 'fp_practice',
  };
}

/** The same answer as the Responses API gives it. */
export function practiceResponse(messages: readonly Message[], active: ReadonlySet<MisbehaviourName>): object {
  const { content, cut, tokens } = say(messages, active);
  const part =
    content === undefined
      ? { type: 'refusal', refusal: REFUSAL }
      : { type: 'output_text', text: content, annotations: [] };
  const status = cut ? 'incomplete' : 'completed';
  return {
    id: randomUUID(),
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    model: MODEL,
    status,
    error: null,
    incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
    output: [{ type: 'message', id: `msg_${randomUUID()}`, role: 'assistant', status, content: [part] }],
    store: false,
    usage: {
      input_tokens: tokens.prompt,
      output_tokens: tokens.completion,
      total_tokens: tokens.prompt + tokens.completion,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens_details: { reasoning_tokens: 0 },
      cost_in_usd_ticks: 0,
    },
  };
}

/** Every object with a symbol in the first user message's JSON, whatever stands around it. */
function figuresInPrompt(messages: readonly Message[]): PositionFigures[] {
  const question = messages.find(({ role }) => role === 'user')?.content ?? '';
  const [begin, end] = [question.indexOf('{'), question.lastIndexOf('}')];
  const found: PositionFigures[] = [];
  const walk = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    if ('symbol' in value && typeof value.symbol === 'string') found.push(value as PositionFigures);
    for (const inner of Object.values(value)) walk(inner);
  };
  try {
    walk(jsonFrom(question.slice(begin, end + 1)));
  } catch {
    // A question without data gets an answer without positions.
  }
  return found;
}

function opinion({ symbol, rsi14, price_vs_ma50_percent: distance }: PositionFigures) {
  const rsi = rsi14 ?? 50;
  const score = Math.max(0, Math.min(100, Math.round(100 - rsi + (distance ?? 0) / 2)));
  const trend = (distance ?? 0) < 0 ? 'below' : 'above';
  const place =
    distance === null || distance === undefined ? 'no 50-session mean yet' : `price ${trend} its 50-session mean`;
  return {
    symbol,
    opportunity_score: score,
    rationale: `Practice: ${rsi14 === null || rsi14 === undefined ? 'no RSI yet' : `RSI ${rsi.toFixed(0)}`}, ${place}.`,
    risks: [textKey(symbol, 1) % 2 === 0 ? 'made-up liquidity risk' : 'made-up earnings risk'],
  };
}
