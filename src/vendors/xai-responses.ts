import * as z from 'zod';
import { NamedError } from '../errors.ts';
import type { ModelRequest } from './xai.ts';
import { type Completion, otherShape } from './xai-answers.ts';

/** The same question as the Responses API takes it. Nothing of a portfolio stays at xAI: its default is 30 days. */
export function responsesRequest({ model, messages, response_format, max_completion_tokens }: ModelRequest): object {
  const { name, strict, schema } = response_format.json_schema;
  return {
    model,
    input: messages,
    text: { format: { type: 'json_schema', name, strict, schema } },
    // What the model thinks counts as output here, too.
    max_output_tokens: max_completion_tokens,
    store: false,
  };
}

const count = z.number().int().min(0);
const response = z.object({
  id: z.string().nullish(),
  model: z.string().min(1),
  status: z.string(),
  error: z.object({ code: z.string().nullish(), message: z.string().nullish() }).nullish(),
  incomplete_details: z.object({ reason: z.string().nullish() }).nullish(),
  /** Thoughts and messages; only these have text for us. */
  output: z.array(
    z.object({
      type: z.string(),
      content: z
        .array(z.object({ type: z.string(), text: z.string().nullish(), refusal: z.string().nullish() }))
        .nullish(),
    }),
  ),
  usage: z
    .object({
      input_tokens: count,
      output_tokens: count,
      total_tokens: count,
      input_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish(),
      output_tokens_details: z.object({ reasoning_tokens: count.nullish() }).nullish(),
      cost_in_usd_ticks: count.nullish(),
    })
    .nullish(),
});
type Response = z.output<typeof response>;

/**
 * A finished answer of the Responses API, in the one shape the rest reads.
 * @throws NamedError `Data.Invalid` for another shape; `Vendor.Unavailable` when the model failed
 */
export function readResponse(json: unknown): Completion {
  const read = response.safeParse(json);
  if (!read.success) throw otherShape(read.error, 'a response with its output');
  const { id, model, output, usage } = read.data;
  const parts = output.filter(({ type }) => type === 'message').flatMap(({ content }) => content ?? []);
  const text = parts.filter(({ type }) => type === 'output_text').map((part) => part.text ?? '');
  const refusal = parts.find(({ type }) => type === 'refusal')?.refusal;
  const message = { content: text.length > 0 ? text.join('') : null, refusal };
  return { id, model, choices: [{ message, finish_reason: endOf(read.data) }], usage: usage && usageOf(usage) };
}

function endOf({ status, error, incomplete_details: details }: Response): string {
  if (status === 'completed') return 'stop';
  if (status === 'incomplete') return details?.reason === 'content_filter' ? 'content_filter' : 'length';
  throw new NamedError('Vendor.Unavailable', {
    what: 'xAI gave no finished answer',
    found: `status ${status}${error ? `: ${error.code ?? ''} ${error.message ?? ''}`.slice(0, 300) : ''}`,
    wanted: 'status completed',
    todo: 'The call is repeated later.',
  });
}

function usageOf(usage: NonNullable<Response['usage']>): Completion['usage'] {
  return {
    prompt_tokens: usage.input_tokens,
    completion_tokens: usage.output_tokens,
    total_tokens: usage.total_tokens,
    prompt_tokens_details: usage.input_tokens_details,
    completion_tokens_details: usage.output_tokens_details,
    cost_in_usd_ticks: usage.cost_in_usd_ticks,
  };
}
