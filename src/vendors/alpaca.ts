import { NamedError } from '../errors.ts';
import { judgeAlpaca } from './alpaca-answers.ts';
import { type CallOptions, createHttp, type HttpOptions } from './http.ts';
import type { VendorPage } from './pages.ts';
import { requireKey } from './secret-headers.ts';

export interface AlpacaOptions {
  baseUrl: string;
  keyId: string | undefined;
  secretKey: string | undefined;
  http?: Partial<Omit<HttpOptions, 'vendor' | 'baseUrl' | 'headers' | 'judge'>>;
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
    judge: judgeAlpaca,
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
