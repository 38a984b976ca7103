import { NamedError } from '../errors.ts';
import { jsonOrUndefined, wellFormed } from '../text.ts';

/** One HTTP answer, read to its end. `json` is undefined when the body is not JSON. */
export interface ResponseInfo {
  status: number;
  text: string;
  json: unknown;
  /** Path and query of the request, so that a verdict can depend on what was asked. */
  path: string;
  header: (name: string) => string | undefined;
  /** Who was asked: `api.polygon.io`, a proxy, a practice market. */
  host?: string | undefined;
  /** When the answer came, epoch ms: headers with absolute times are measured from here. */
  receivedAt: number;
}

/** A vendor's reading of an answer: the error it stands for, or undefined when the body can be used. */
export type ClassifyResponse = (answer: ResponseInfo) => NamedError | undefined;

/** An answer out of its parts; `receivedAt` is now unless given. */
export function readResponse(
  status: number,
  text: string,
  more: { path?: string; host?: string; headers?: Record<string, string>; receivedAt?: number } = {},
): ResponseInfo {
  const headers = new Headers(more.headers);
  return {
    status,
    text,
    json: jsonOrUndefined(text),
    path: more.path ?? '/',
    host: more.host,
    header: (name) => headers.get(name) ?? undefined,
    receivedAt: more.receivedAt ?? Date.now(),
  };
}

/**
 * What the vendor says went wrong, in at most 200 characters. Vendors are not consistent: the text is in `error`,
 * in `message` or in `Error Message`, the body may be empty, or a proxy's HTML page.
 */
export function vendorText(answer: ResponseInfo): string {
  const body = answer.json;
  if (typeof body === 'object' && body !== null) {
    const { error, message, 'Error Message': fmpMessage } = body as Record<string, unknown>;
    for (const text of [error, message, fmpMessage])
      if (typeof text === 'string' && text !== '') return shortened(text);
  }
  if (answer.text.trim() === '') return 'an empty body';
  if (/^\s*</.test(answer.text)) return 'an HTML page';
  return shortened(answer.text);
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > 200 ? `${wellFormed(line, 199)}…` : wellFormed(line);
}

/** The wait the vendor asks for, in whole seconds, from `Retry-After`, which holds seconds or an HTTP date. */
export function retryAfterSeconds(answer: ResponseInfo): number | undefined {
  const requestedWait = answer.header('retry-after')?.trim();
  if (!requestedWait) return undefined;
  if (/^\d+(\.\d+)?$/.test(requestedWait)) return wholeSeconds(Number(requestedWait));
  const until = Date.parse(requestedWait);
  return Number.isNaN(until) ? undefined : wholeSeconds((until - answer.receivedAt) / 1000);
}

/** A longer wait is told as one of a day: no night lasts until its end, and Infinity is no number of a state machine. */
const LONGEST_WAIT_SECONDS = 86_400;

export function wholeSeconds(seconds: number): number {
  return Math.min(Math.max(0, Math.ceil(seconds)), LONGEST_WAIT_SECONDS);
}

/** The words in which a vendor and its settings are named in messages. */
export interface VendorWords {
  vendor: string;
  baseUrlVariable: string;
  /** What a reader does about too many calls. */
  pacingTodo: string;
}

/** `Polygon (api.polygon.io)`: which vendor, and where it was asked. */
export function atHost(vendor: string, host: string | undefined): string {
  return host ? `${vendor} (${host})` : vendor;
}

// Besides 5xx: what the vendor's own client takes for passing trouble.
const PASSING = new Set([408, 413, 425, 499]);

/** The verdict on statuses that mean the same at every vendor; undefined for 2xx. */
export function classifyCommon(answer: ResponseInfo, words: VendorWords): NamedError | undefined {
  const { status } = answer;
  if (status >= 200 && status < 300) return undefined;
  const found = `status ${status}: ${vendorText(answer)}`;
  const requestedWait = retryAfterSeconds(answer);
  if (status === 429) return rateLimited(answer, words, requestedWait);
  if (status >= 500 || PASSING.has(status)) {
    const text = { what: `${atHost(words.vendor, answer.host)} could not answer`, found };
    return new NamedError('Vendor.Unavailable', text, { retryAfterSeconds: requestedWait });
  }
  if (status < 400) return redirected(answer, words);
  if (status === 404) return new NamedError('Vendor.NotFound', { what: `${words.vendor} does not know this`, found });
  return new NamedError('Vendor.BadRequest', { what: `${words.vendor} refused the request as wrong`, found });
}

export function rateLimited(answer: ResponseInfo, words: VendorWords, requestedWait: number | undefined): NamedError {
  const found = `status ${answer.status}: ${vendorText(answer)}`;
  const text = { what: `${words.vendor} was asked too often`, found, todo: words.pacingTodo };
  return new NamedError('Vendor.RateLimited', text, { retryAfterSeconds: requestedWait });
}

/** @param key the setting it comes from; `account` whose it is */
export function refusedKey({ key, account }: { key: string; account: string }, found: string): NamedError {
  return new NamedError('Vendor.AuthFailed', {
    what: `${key} was refused`,
    found,
    wanted: `a key of your ${account}`,
    todo: `Set ${key}, or in the cloud the secret it is read from, and run again.`,
  });
}

function redirected(answer: ResponseInfo, { vendor, baseUrlVariable }: VendorWords): NamedError {
  const host = /^https?:\/\/([^/?#]*)/i.exec(answer.header('location') ?? '')?.[1];
  return new NamedError('Vendor.BadRequest', {
    what: `${vendor} sends the call elsewhere, and a key goes to no host but the configured one`,
    found: `status ${answer.status}${host ? ` to ${host}` : ''}`,
    wanted: 'an answer',
    todo: `Set ${baseUrlVariable} to the vendor's own address.`,
  });
}
