import * as z from 'zod';
import { firstProblem, NamedError } from '../errors.ts';
import { wellFormed } from '../text.ts';
import { type CallOptions, createHttp, type HttpOptions, requireKey } from './http.ts';
import { classifyCommon, type ResponseInfo, refusedKey, type VendorWords, vendorText } from './responses.ts';

/** A model that thinks answers within minutes; a step of an analysis has five. */
const WHOLE_ANSWER_MS = 280_000;

/** `chat`: chat completions, asked for now and fetched later; `responses`: the Responses API, which answers at once. */
export type XaiApi = 'chat' | 'responses';

/** A question as chat completions take it. */
export interface ModelRequest {
  model: string;
  messages: readonly { role: 'system' | 'user' | 'assistant'; content: string }[];
  response_format: { type: 'json_schema'; json_schema: { name: string; strict: boolean; schema: object } };
  max_completion_tokens: number;
}

export interface XaiOptions {
  /** `chat` unless given. */
  api?: XaiApi;
  /** With the version, `https://api.x.ai/v1`; the address of either API itself is taken as well. */
  baseUrl: string;
  apiKey: string | undefined;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'classify'>>;
}

/** `completion` and `requestId` both undefined: still running. */
export interface XaiAnswer {
  requestId?: string;
  completion?: Completion;
  practice: boolean;
}

export interface Xai {
  /** Asks. Chat completions are fetched later; a server that answers at once is taken at its word. */
  submit(request: ModelRequest, call?: CallOptions): Promise<XaiAnswer>;
  /** A finished answer can be fetched once only: keep it before anything else is done with it. */
  fetch(requestId: string, call?: CallOptions): Promise<XaiAnswer>;
}

/**
 * xAI's two APIs. One try a call, as a repeated POST is a second bill and a repeated GET finds the answer gone: waiting
 * is the state machine's.
 * @throws NamedError `Vendor.KeyMissing`, `Config.Invalid`; its calls throw what judgeXai and createHttp say, and
 * `Data.Invalid` for a body of another shape
 */
export function xai(options: XaiOptions): Xai {
  const { api = 'chat' } = options;
  const apiKey = requireKey('xAI', 'XAI_API_KEY', options.apiKey);
  const http = createHttp({
    timeoutMs: api === 'chat' ? 60_000 : WHOLE_ANSWER_MS,
    maxTries: 1,
    ...options.http,
    vendor: 'xAI',
    baseUrl: options.baseUrl.replace(/\/(chat\/completions|responses)\/*$/, ''),
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    classify: classifyXaiResponse,
  });
  return {
    async submit(request, call) {
      if (api === 'responses') {
        // No deferred answers there: xAI's reference calls `background` unsupported.
        const { json, practice } = await http.postJson('/responses', responsesRequest(request), call);
        return { completion: readResponse(json), practice };
      }
      const { json, practice } = await http.postJson('/chat/completions', { ...request, deferred: true }, call);
      const requestId = readDeferred(json);
      return requestId === undefined ? { completion: readCompletion(json), practice } : { requestId, practice };
    },
    // Also after a change to the other API: what was asked before is fetched where it was asked.
    async fetch(requestId, call) {
      const path = `/chat/deferred-completion/${encodeURIComponent(requestId)}`;
      const { json, practice, status } = await http.getJson(path, call);
      return status === 202 ? { practice } : { completion: readCompletion(json), practice };
    },
  };
}

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
export function classifyXaiResponse(answer: ResponseInfo): NamedError | undefined {
  const { status } = answer;
  const said = vendorText(answer);
  const found = `status ${status}: ${said}`;
  if (status === 401 || status === 403 || (status === 400 && /api key/i.test(said))) {
    return refusedKey({ key: 'XAI_API_KEY', account: 'xAI team' }, found);
  }
  if (status === 402 || (status === 429 && /credits|spending limit|billing/i.test(said))) {
    return new NamedError('Vendor.NoCredits', {
      what: 'The xAI team has no credits left',
      found,
      todo: "Buy credits or raise the monthly limit in xAI's console, then run `npx afterbell analyze`.",
    });
  }
  return classifyCommon(answer, words);
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
  const found = firstProblem(error, 'the body');
  return new NamedError('Data.Invalid', { what: "xAI's answer has another shape", found, wanted });
}

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
    found: `status ${status}${error ? wellFormed(`: ${error.code ?? ''} ${error.message ?? ''}`, 300) : ''}`,
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
