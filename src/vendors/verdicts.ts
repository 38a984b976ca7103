import { NamedError } from '../errors.ts';
import { type Answer, retryAfterSeconds, vendorText } from './answers.ts';

/** The words in which a vendor and its settings are named in messages. */
export interface VendorWords {
  vendor: string;
  baseUrlVariable: string;
  /** What a reader does about too many calls. */
  pacingTodo: string;
}

// Besides 5xx: what the vendor's own client takes for passing trouble.
const PASSING = new Set([408, 413, 425, 499]);

/** The verdict on statuses that mean the same at every vendor; undefined for 2xx. */
export function commonVerdict(answer: Answer, words: VendorWords): NamedError | undefined {
  const { status } = answer;
  if (status >= 200 && status < 300) return undefined;
  const found = `status ${status}: ${vendorText(answer)}`;
  const wish = retryAfterSeconds(answer);
  if (status === 429) return rateLimited(answer, words, wish);
  if (status >= 500 || PASSING.has(status)) {
    const text = { what: `${words.vendor} could not answer`, found, todo: 'The call is repeated later.' };
    return new NamedError('Vendor.Unavailable', text, { retryAfterSeconds: wish });
  }
  if (status < 400) return redirected(answer, words);
  if (status === 404) return new NamedError('Vendor.NotFound', { what: `${words.vendor} does not know this`, found });
  return new NamedError('Vendor.BadRequest', { what: `${words.vendor} refused the request as wrong`, found });
}

export function rateLimited(answer: Answer, words: VendorWords, wish: number | undefined): NamedError {
  const found = `status ${answer.status}: ${vendorText(answer)}`;
  const text = { what: `${words.vendor} was asked too often`, found, todo: words.pacingTodo };
  return new NamedError('Vendor.RateLimited', text, { retryAfterSeconds: wish });
}

function redirected(answer: Answer, { vendor, baseUrlVariable }: VendorWords): NamedError {
  const host = /^https?:\/\/([^/?#]*)/i.exec(answer.header('location') ?? '')?.[1];
  return new NamedError('Vendor.BadRequest', {
    what: `${vendor} sends the call elsewhere, and a key goes to no host but the configured one`,
    found: `status ${answer.status}${host ? ` to ${host}` : ''}`,
    wanted: 'an answer',
    todo: `Set ${baseUrlVariable} to the vendor's own address.`,
  });
}
