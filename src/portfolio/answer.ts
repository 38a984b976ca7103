import * as z from 'zod';
import { type ErrorName, firstProblem, NamedError } from '../errors.ts';
import { jsonFrom, wellFormed } from '../text.ts';
import type { Completion } from '../vendors/xai.ts';

const position = z.strictObject({
  symbol: z.string(),
  opportunity_score: z.number(),
  rationale: z.string().min(1),
  risks: z.array(z.string()),
});
const answer = z.strictObject({ summary: z.string().min(1), positions: z.array(position) });

/** What the model says of a portfolio: one entry a position, scores 0 (poor) … 100 (good). */
export type Analysis = z.output<typeof answer>;

const text = { type: 'string' };

/** The same shape as JSON schema, kept to what every vendor enforces; bounds and symbols are checked on our side. */
export const ANALYSIS_SCHEMA = {
  type: 'object',
  properties: {
    summary: { type: 'string', description: 'The portfolio as a whole, three sentences at most.' },
    positions: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          symbol: text,
          opportunity_score: { type: 'number', description: '0 (poor) to 100 (good)' },
          rationale: text,
          risks: { type: 'array', items: text },
        },
        required: ['symbol', 'opportunity_score', 'rationale', 'risks'],
        additionalProperties: false,
      },
    },
  },
  required: ['summary', 'positions'],
  additionalProperties: false,
} as const;

/**
 * Reads a model's answer to a question about these symbols. A model may leave out, double or invent what it likes,
 * whatever schema it was given: nothing but a whole answer passes.
 * @throws NamedError `Model.InvalidJson`, `Model.WrongSymbols`, `Model.OutOfRange`
 */
export function parseAnalysis(content: string, symbols: readonly string[]): Analysis {
  const read = answer.safeParse(jsonOf(content));
  if (!read.success) {
    throw unusable('Model.InvalidJson', firstProblem(read.error, 'the answer'), 'the schema asked for');
  }
  const [asked, given, twice] = [new Set(symbols), new Set<string>(), [] as string[]];
  for (const { symbol } of read.data.positions) {
    if (given.has(symbol)) twice.push(symbol);
    given.add(symbol);
  }
  const problems = [
    listed(
      'missing',
      symbols.filter((symbol) => !given.has(symbol)),
    ),
    listed(
      'not asked for',
      [...given].filter((symbol) => !asked.has(symbol)),
    ),
    listed('twice', twice),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw unusable('Model.WrongSymbols', problems.join('; '), 'every symbol asked for, once');
  const wild = read.data.positions.filter(({ opportunity_score: score }) => !(score >= 0 && score <= 100));
  if (wild.length > 0) {
    const found = wild.map(({ symbol, opportunity_score }) => `${symbol}: ${opportunity_score}`);
    throw unusable('Model.OutOfRange', found.slice(0, 10).join(', '), 'opportunity_score from 0 to 100');
  }
  return read.data;
}

function jsonOf(content: string): unknown {
  try {
    return jsonFrom(content);
  } catch (cause) {
    throw unusable(
      'Model.InvalidJson',
      wellFormed((cause as Error).message, 200),
      'one JSON document and nothing else',
    );
  }
}

/** What the model wrote is quoted and cut: it goes into messages and into the request to fix it. */
function listed(what: string, symbols: readonly string[]): string | undefined {
  if (symbols.length === 0) return undefined;
  const shown = symbols.slice(0, 10).map((symbol) => JSON.stringify(wellFormed(symbol, 32)));
  return `${what}: ${shown.join(', ')}${symbols.length > 10 ? ` and ${symbols.length - 10} more` : ''}`;
}

function unusable(name: ErrorName, found: string, wanted: string): NamedError {
  return new NamedError(name, { what: "the model's answer cannot be used", found, wanted });
}

/**
 * The analysis in a finished completion about these symbols.
 * @throws NamedError `Model.Refused`, `Model.Truncated`, and what parseAnalysis throws
 */
export function readAnswer({ choices }: Completion, symbols: readonly string[]): Analysis {
  const { message, finish_reason: end } = choices[0]!;
  if (message.refusal) throw unusableAnswer('Model.Refused', JSON.stringify(wellFormed(message.refusal, 300)));
  if (end === 'length')
    throw unusableAnswer('Model.Truncated', `${message.content?.length ?? 0} characters, then the limit`);
  if (end === 'content_filter') throw unusableAnswer('Model.Refused', 'stopped by the content filter');
  if (!message.content) throw unusableAnswer('Model.Refused', 'no content');
  return parseAnalysis(message.content, symbols);
}

function unusableAnswer(name: ErrorName, found: string): NamedError {
  return new NamedError(name, { what: 'the model gave no whole answer', found, wanted: 'one JSON document' });
}
