import { type CallOptions, createHttp, type HttpOptions } from './http.ts';
import { requireKey } from './secret-headers.ts';
import { type Completion, judgeXai, readCompletion, readDeferred } from './xai-answers.ts';

export interface XaiOptions {
  /** With the version, `https://api.x.ai/v1`; the address of the chat completions themselves is taken as well. */
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
  /** Asks for a completion that is fetched later; a server that answers at once is taken at its word. */
  submit(request: object, call?: CallOptions): Promise<XaiAnswer>;
  /** A finished answer can be fetched once only: keep it before anything else is done with it. */
  fetch(requestId: string, call?: CallOptions): Promise<XaiAnswer>;
}

/**
 * xAI's chat completions, deferred: `POST /chat/completions`, `GET /chat/deferred-completion/{id}`. One try a call, as
 * a repeated POST is a second bill and a repeated GET finds the answer gone: waiting is the state machine's.
 * @throws NamedError `Vendor.KeyMissing`, `Config.Invalid`; its calls throw what judgeXai and createHttp say, and
 * `Data.Invalid` for a body of another shape
 */
export function xai(options: XaiOptions): Xai {
  const apiKey = requireKey('xAI', 'XAI_API_KEY', options.apiKey);
  const http = createHttp({
    timeoutMs: 60_000,
    maxTries: 1,
    ...options.http,
    vendor: 'xAI',
    baseUrl: options.baseUrl.replace(/\/chat\/completions\/*$/, ''),
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    judge: judgeXai,
  });
  return {
    async submit(request, call) {
      const { json, practice } = await http.postJson('/chat/completions', { ...request, deferred: true }, call);
      const requestId = readDeferred(json);
      return requestId === undefined ? { completion: readCompletion(json), practice } : { requestId, practice };
    },
    async fetch(requestId, call) {
      const path = `/chat/deferred-completion/${encodeURIComponent(requestId)}`;
      const { json, practice, status } = await http.getJson(path, call);
      return status === 202 ? { practice } : { completion: readCompletion(json), practice };
    },
  };
}
