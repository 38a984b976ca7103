import { NamedError } from '../errors.ts';
import {
  atHost,
  classifyCommon,
  type ResponseInfo,
  rateLimited,
  refusedKey,
  retryAfterSeconds,
  type VendorWords,
  vendorText,
} from './responses.ts';

/** Has the name of a refused key, as the lane that met it ends like one. */
class NotInPlan extends NamedError {}

const KEY = { key: 'POLYGON_API_KEY', account: 'Massive (Polygon) account' };

const words: VendorWords = {
  vendor: 'Polygon',
  baseUrlVariable: 'POLYGON_BASE_URL',
  pacingTodo: "Set POLYGON_CALLS_PER_MINUTE to the plan's limit (5 on the free plan).",
};

/**
 * Reads an answer of Polygon (now Massive). The three meanings of 403 differ by text alone, and errors also come
 * with status 200 and a `status` word in the body; `DELAYED` is the `OK` of delayed plans.
 * Source: the vendor's REST docs and captured answers.
 */
export function classifyPolygonResponse(answer: ResponseInfo): NamedError | undefined {
  const { status } = answer;
  if (status >= 200 && status < 300) return classifyBody(answer);
  if (status === 401) return refusedKey(KEY, `status ${answer.status}: ${vendorText(answer)}`);
  if (status === 403) return classifyForbidden(answer);
  if (status === 400 && /[?&]cursor=/.test(answer.path)) {
    return new NamedError('Pagination.CursorExpired', {
      what: 'Polygon no longer takes the cursor of this page',
      found: `status 400: ${vendorText(answer)}`,
      todo: 'The list is read again from its first page.',
    });
  }
  return classifyCommon(answer, words);
}

function classifyBody(answer: ResponseInfo): NamedError | undefined {
  const body = answer.json;
  if (typeof body !== 'object' || body === null || !('status' in body)) return undefined;
  const { status } = body;
  if (status === 'OK' || status === 'DELAYED') return undefined;
  if (status === 'NOT_AUTHORIZED') return classifyForbidden(answer);
  const text = vendorText(answer);
  if (/exceeded the maximum requests/i.test(text)) return rateLimited(answer, words, retryAfterSeconds(answer));
  if (/unknown api key/i.test(text)) return refusedKey(KEY, `status ${answer.status}: ${vendorText(answer)}`);
  const found = `status ${answer.status} with status word ${JSON.stringify(status)}: ${text}`;
  if (status === 'NOT_FOUND') return new NamedError('Vendor.NotFound', { what: 'Polygon does not know this', found });
  return new NamedError('Vendor.Unavailable', {
    what: `${atHost('Polygon', answer.host)} answered with an error`,
    found,
    wanted: 'OK or DELAYED',
  });
}

/** A 403 of the plan, not of the key: another endpoint may still be in it. */
export function isNotInPlan(error: unknown): boolean {
  return error instanceof NotInPlan;
}

function classifyForbidden(answer: ResponseInfo): NamedError {
  const text = vendorText(answer);
  const found = `status ${answer.status}: ${text}`;
  if (/before end of day/i.test(text)) {
    return new NamedError('Vendor.NotYetAvailable', {
      what: 'Polygon does not give this session yet',
      found,
      todo: 'The night waits and asks again; the free plan gives a session after midnight New York time.',
    });
  }
  if (/doesn.t include this data timeframe/i.test(text)) {
    return new NamedError('Vendor.DateOutOfPlan', {
      what: "The date lies outside of the plan's history",
      found,
      todo: 'Ask for a later first date, or use a larger plan.',
    });
  }
  return new NotInPlan('Vendor.AuthFailed', {
    what: 'The plan behind POLYGON_API_KEY does not include this',
    found,
    todo: 'Use the key of a plan that does, or leave this dataset out.',
  });
}
