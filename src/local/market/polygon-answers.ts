import type { Answer, MarketRequest } from './market-route.ts';
import { hexOf, textKey } from './text-key.ts';

/** Request ids are derived from the request, so that the same request has the very same bytes for an answer. */
function requestId({ path, query }: MarketRequest): string {
  return hexOf(textKey(`${path}?${query}`, 4), 32);
}

export function ok(request: MarketRequest, body: Record<string, unknown>): Answer {
  return { status: 200, json: { ...body, status: 'OK', request_id: requestId(request) } };
}

/** An error whose text stands in `error` (400, 401, 429). */
export function failed(request: MarketRequest, status: number, error: string): Answer {
  return { status, json: { status: 'ERROR', request_id: requestId(request), error } };
}

/** A 404, whose text stands in `message`. */
export function notFound(request: MarketRequest, message: string): Answer {
  return { status: 404, json: { status: 'NOT_FOUND', request_id: requestId(request), message } };
}

/** A 403, whose text stands in `message`; its meanings differ by this text only (vendor-apis 1.2). */
export function notAuthorized(request: MarketRequest, message: string): Answer {
  return { status: 403, json: { status: 'NOT_AUTHORIZED', request_id: requestId(request), message } };
}
