import { type CallOptions, createHttp, type HttpOptions } from './http.ts';
import { requireKey } from './secret-headers.ts';
import { type Completion, judgeXai, readCompletion, readDeferred } from './xai-answers.ts';
import { readResponse, responsesRequest } from './xai-responses.ts';

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
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'judge'>>;
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
    judge: judgeXai,
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
