import { NamedError } from '../errors.ts';
import { type Answer, retryAfterSeconds, vendorText } from './answers.ts';
import { commonVerdict, rateLimited, type VendorWords } from './verdicts.ts';

const words: VendorWords = {
  vendor: 'FMP',
  baseUrlVariable: 'FMP_BASE_URL',
  pacingTodo: "Set FMP_CALLS_PER_MINUTE to the plan's limit; a limit a day is over only the next day.",
};

/**
 * Reads an answer of Financial Modeling Prep. Its words count more than its status: a limit reached comes as 429 and
 * as 200 with an object, what a plan lacks comes as 402 in plain text, and an unknown symbol is an empty list.
 * Source: captured answers of the /stable endpoints.
 */
export function judgeFmp(answer: Answer): NamedError | undefined {
  if (mayBeRows(answer)) return undefined;
  const text = vendorText(answer);
  const found = `status ${answer.status}: ${text}`;
  if (/legacy endpoint/i.test(text)) return legacy(found);
  if (/invalid api key|api key .*(missing|wrong)/i.test(text) || answer.status === 401) return refusedKey(found);
  if (/limit reach/i.test(text)) return rateLimited(answer, words, retryAfterSeconds(answer));
  if (answer.status === 402) return outOfPlan(text, found);
  if (answer.status === 403) {
    const todo = 'Use the key of a plan that has it, or leave FMP out by removing its key.';
    return new NamedError('Vendor.AuthFailed', {
      what: 'The plan behind FMP_API_KEY does not include this',
      found,
      todo,
    });
  }
  if (answer.status < 200 || answer.status >= 300) return commonVerdict(answer, words);
  return new NamedError('Vendor.Unavailable', {
    what: 'FMP answered with an error',
    found,
    wanted: 'a list',
    todo: 'The call is repeated later.',
  });
}

/** Lists, and the tables of bulk answers, which are no JSON; every error with a good status is an object. */
function mayBeRows({ status, json }: Answer): boolean {
  return status >= 200 && status < 300 && (Array.isArray(json) || typeof json !== 'object' || json === null);
}

/** Three texts, three meanings: the endpoint, this symbol, or the value of another parameter. */
function outOfPlan(text: string, found: string): NamedError {
  if (/'symbol'/i.test(text)) {
    return new NamedError('Vendor.SymbolOutOfPlan', { what: "FMP's plan does not include this symbol", found });
  }
  if (/special parameters|premium query parameter/i.test(text)) {
    return new NamedError('Vendor.BadRequest', { what: "A parameter lies outside of FMP's plan", found });
  }
  return new NamedError('Vendor.EndpointOutOfPlan', {
    what: "FMP's plan does not include this endpoint",
    found,
    todo: 'What other endpoints or vendors give is taken; a larger plan has it.',
  });
}

function refusedKey(found: string): NamedError {
  return new NamedError('Vendor.AuthFailed', {
    what: 'FMP_API_KEY was refused',
    found,
    wanted: 'a key of your Financial Modeling Prep account',
    todo: 'Set FMP_API_KEY, or in the cloud the secret it is read from, and run again.',
  });
}

function legacy(found: string): NamedError {
  return new NamedError('Config.Invalid', {
    what: 'FMP_BASE_URL leads to endpoints that FMP no longer serves',
    found,
    wanted: 'the host alone, https://financialmodelingprep.com; its /stable endpoints are asked',
    todo: 'Set FMP_BASE_URL to the host, or leave it out.',
  });
}
