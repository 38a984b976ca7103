import { randomUUID } from 'node:crypto';
import type { MisbehaviourName } from './misbehaviour.ts';
import { textKey } from './text-key.ts';

const CHARACTERS_A_TOKEN = 4;

interface Message {
  role: string;
  content: string;
}

interface Figures {
  symbol: string;
  rsi14?: number | null;
  price_vs_ma50_percent?: number | null;
}

/** What the practice model says, before it is put into the form of an API. */
interface Said {
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
function say(messages: readonly Message[], active: ReadonlySet<MisbehaviourName>): Said {
  const positions = askedFigures(messages).map(opinion);
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
function askedFigures(messages: readonly Message[]): Figures[] {
  const question = messages.find(({ role }) => role === 'user')?.content ?? '';
  const [begin, end] = [question.indexOf('{'), question.lastIndexOf('}')];
  const found: Figures[] = [];
  const walk = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    if ('symbol' in value && typeof value.symbol === 'string') found.push(value as Figures);
    for (const inner of Object.values(value)) walk(inner);
  };
  try {
    walk(JSON.parse(question.slice(begin, end + 1)));
  } catch {
    // A question without data gets an answer without positions.
  }
  return found;
}

function opinion({ symbol, rsi14, price_vs_ma50_percent: distance }: Figures) {
  const rsi = rsi14 ?? 50;
  const score = Math.max(0, Math.min(100, Math.round(100 - rsi + (distance ?? 0) / 2)));
  const trend = (distance ?? 0) < 0 ? 'below' : 'above';
  return {
    symbol,
    opportunity_score: score,
    rationale: `Practice: RSI ${rsi14 === null ? 'unknown' : rsi.toFixed(0)}, price ${trend} its 50-session mean.`,
    risks: [textKey(symbol, 1) % 2 === 0 ? 'made-up liquidity risk' : 'made-up earnings risk'],
  };
}
