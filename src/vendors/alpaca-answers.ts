import { NamedError } from '../errors.ts';
import { type Answer, retryAfterSeconds, vendorText } from './answers.ts';
import { commonVerdict, rateLimited, type VendorWords } from './verdicts.ts';

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
export function judgeAlpaca(answer: Answer): NamedError | undefined {
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
  return commonVerdict(answer, words);
}

function secondsToReset(answer: Answer): number | undefined {
  const reset = Number(answer.header('x-ratelimit-reset') ?? Number.NaN);
  return Number.isFinite(reset) ? Math.max(0, Math.ceil(reset - answer.receivedAt / 1000)) : undefined;
}
