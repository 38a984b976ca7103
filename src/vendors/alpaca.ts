import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import { type CallOptions, createHttp, type HttpOptions, keepClient, requireKey } from './http.ts';
import type { VendorPage } from './paging.ts';
import {
  classifyCommon,
  type ResponseInfo,
  rateLimited,
  retryAfterSeconds,
  type VendorWords,
  vendorText,
  wholeSeconds,
} from './responses.ts';

export interface AlpacaOptions {
  baseUrl: string;
  keyId: string | undefined;
  secretKey: string | undefined;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'classify'>>;
}

export interface Alpaca {
  /** All active US equities, tradable or not, as one page: the vendor has no paging here. */
  assetPages(call?: CallOptions): AsyncIterable<VendorPage>;
}

/**
 * Alpaca's trading API, `/v2/assets`: one list of several MB. With 200 calls a minute and one call a night there is
 * nothing to pace.
 * @throws NamedError `Vendor.KeyMissing`, `Config.Invalid`; its calls throw what judgeAlpaca and createHttp say, and
 * `Data.Invalid` when the answer is not a list
 */
export function alpaca(options: AlpacaOptions): Alpaca {
  const keyId = requireKey('Alpaca', 'ALPACA_API_KEY_ID', options.keyId);
  const secretKey = requireKey('Alpaca', 'ALPACA_API_SECRET_KEY', options.secretKey);
  const http = createHttp({
    timeoutMs: 60_000,
    ...options.http,
    vendor: 'Alpaca',
    baseUrl: options.baseUrl,
    headers: { 'apca-api-key-id': keyId, 'apca-api-secret-key': secretKey },
    classify: classifyAlpacaResponse,
  });
  return {
    async *assetPages(call = {}) {
      const { json, practice } = await http.getJson('/v2/assets?status=active&asset_class=us_equity', call);
      if (!Array.isArray(json)) {
        const text = {
          what: "Alpaca's answer has another shape",
          found: `a ${typeof json}`,
          wanted: 'a list of assets',
        };
        throw new NamedError('Data.Invalid', text);
      }
      yield { page: 1, rows: json, cursor: undefined, practice, waitSeconds: 0 };
    },
  };
}

const words: VendorWords = {
  vendor: 'Alpaca',
  baseUrlVariable: 'ALPACA_BASE_URL',
  pacingTodo: 'An account has 200 calls a minute; see what else uses its keys.',
};

/**
 * Reads an answer of Alpaca's trading API. Keys belong to one environment, live or paper: at the other one they
 * are answered 401. A 429 says when the minute ends in `X-Ratelimit-Reset`, in epoch seconds.
 * Source: Alpaca's trading API reference and its article on usage limits.
 */
export function classifyAlpacaResponse(answer: ResponseInfo): NamedError | undefined {
  const found = `status ${answer.status}: ${vendorText(answer)}`;
  if (answer.status === 401) {
    return new NamedError('Vendor.AuthFailed', {
      what: 'ALPACA_API_KEY_ID and ALPACA_API_SECRET_KEY were refused',
      found,
      wanted: 'a key pair of the environment that ALPACA_BASE_URL names (live and paper have their own)',
      todo: 'Set both, or in the cloud the secrets they are read from, and run again.',
    });
  }
  if (answer.status === 403) {
    return new NamedError('Vendor.AuthFailed', {
      what: 'The Alpaca account behind ALPACA_API_KEY_ID may not read this',
      found,
      todo: 'Look for a restriction in the account, or leave Alpaca out by removing its keys.',
    });
  }
  if (answer.status === 429) return rateLimited(answer, words, retryAfterSeconds(answer) ?? secondsToReset(answer));
  return classifyCommon(answer, words);
}

function secondsToReset(answer: ResponseInfo): number | undefined {
  const reset = Number(answer.header('x-ratelimit-reset') ?? Number.NaN);
  return Number.isFinite(reset) ? wholeSeconds(reset - answer.receivedAt / 1000) : undefined;
}

const open = keepClient(alpaca);

/** The process's Alpaca client as the settings and the secret `{"keyId","secretKey"}` want it. */
export function alpacaOf(config: Config, secret: Record<string, string> | undefined): Alpaca {
  return open({ baseUrl: config.ALPACA_BASE_URL, keyId: secret?.keyId, secretKey: secret?.secretKey });
}
