import type { NamedError } from '../errors.ts';
import { wellFormed } from '../well-formed.ts';

/** One HTTP answer, read to its end. `json` is undefined when the body is not JSON. */
export interface Answer {
  status: number;
  text: string;
  json: unknown;
  /** Path and query of the request, so that a verdict can depend on what was asked. */
  path: string;
  header: (name: string) => string | undefined;
  /** When the answer came, epoch ms: headers with absolute times are measured from here. */
  receivedAt: number;
}

/** A vendor's reading of an answer: the error it stands for, or undefined when the body can be used. */
export type Judge = (answer: Answer) => NamedError | undefined;

/** An answer out of its parts; `receivedAt` is now unless given. */
export function readAnswer(
  status: number,
  text: string,
  more: { path?: string; headers?: Record<string, string>; receivedAt?: number } = {},
): Answer {
  const headers = new Headers(more.headers);
  return {
    status,
    text,
    json: parsed(text),
    path: more.path ?? '/',
    header: (name) => headers.get(name) ?? undefined,
    receivedAt: more.receivedAt ?? Date.now(),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * What the vendor says went wrong, in at most 200 characters. Vendors are not consistent: the text is in `error`,
 * in `message` or in `Error Message`, the body may be empty, or a proxy's HTML page.
 */
export function vendorText(answer: Answer): string {
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

/** The vendor's wish in whole seconds from `Retry-After`, which holds seconds or an HTTP date. */
export function retryAfterSeconds(answer: Answer): number | undefined {
  const wish = answer.header('retry-after')?.trim();
  if (!wish) return undefined;
  if (/^\d+(\.\d+)?$/.test(wish)) return Math.ceil(Number(wish));
  const until = Date.parse(wish);
  return Number.isNaN(until) ? undefined : Math.max(0, Math.ceil((until - answer.receivedAt) / 1000));
}
