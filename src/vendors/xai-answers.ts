import * as z from 'zod';
import { NamedError } from '../errors.ts';
import { type Answer, vendorText } from './answers.ts';
import { commonVerdict, type VendorWords } from './verdicts.ts';

const words: VendorWords = {
  vendor: 'xAI',
  baseUrlVariable: 'XAI_API_URL',
  pacingTodo: "The console names the model's requests and tokens a minute.",
};

/**
 * Reads an answer of xAI's API. A wrong key is a 400, and a 429 means too many calls or no money left, told apart by
 * text alone: the second does not pass by waiting.
 * Source: captured answers; errors are flat, `{"code","error"}`.
 */
export function judgeXai(answer: Answer): NamedError | undefined {
  const { status } = answer;
  const said = vendorText(answer);
  const found = `status ${status}: ${said}`;
  if (status === 401 || status === 403 || (status === 400 && /api key/i.test(said))) {
    return new NamedError('Vendor.AuthFailed', {
      what: 'XAI_API_KEY was refused',
      found,
      wanted: 'a key of your xAI team',
      todo: 'Set XAI_API_KEY, or in the cloud the secret it is read from, and run again.',
    });
  }
  if (status === 402 || (status === 429 && /credits|spending limit|billing/i.test(said))) {
    return new NamedError('Vendor.NoCredits', {
      what: 'The xAI team has no credits left',
      found,
      todo: "Buy credits or raise the monthly limit in xAI's console, then run `npx afterbell analyze`.",
    });
  }
  return commonVerdict(answer, words);
}

const count = z.number().int().min(0);
const completion = z.object({
  id: z.string().nullish(),
  model: z.string().min(1),
  system_fingerprint: z.string().nullish(),
  choices: z
    .array(
      z.object({
        message: z.object({ content: z.string().nullish(), refusal: z.string().nullish() }),
        finish_reason: z.string().nullish(),
      }),
    )
    .min(1),
  usage: z
    .object({
      prompt_tokens: count,
      completion_tokens: count,
      total_tokens: count,
      prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish(),
      completion_tokens_details: z.object({ reasoning_tokens: count.nullish() }).nullish(),
      cost_in_usd_ticks: count.nullish(),
    })
    .nullish(),
});
const deferred = z.object({ request_id: z.string().min(1) });

/**
 * A finished answer in the shape of a chat completion, as far as it is looked at; `model` is the one that served,
 * `usage.cost_in_usd_ticks` what it is billed: 10,000,000,000 are one dollar.
 */
export type Completion = z.output<typeof completion>;

/**
 * A finished answer.
 * @throws NamedError `Data.Invalid` for another shape
 */
export function readCompletion(json: unknown): Completion {
  const read = completion.safeParse(json);
  if (read.success) return read.data;
  throw otherShape(read.error, 'a chat completion');
}

/** The id of an answer that comes later; undefined when the answer is there already. */
export function readDeferred(json: unknown): string | undefined {
  const read = deferred.safeParse(json);
  if (read.success) return read.data.request_id;
  if (typeof json === 'object' && json !== null && 'choices' in json) return undefined;
  throw otherShape(read.error, 'a request_id or a chat completion');
}

/** What an answer of a shape nobody knows is told as. */
export function otherShape(error: z.ZodError, wanted: string): NamedError {
  const issue = error.issues[0];
  const found = `${issue?.path.join('.') || 'the body'}: ${issue?.message}`;
  return new NamedError('Data.Invalid', { what: "xAI's answer has another shape", found, wanted });
}
