import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
} from 'cockatiel';
import { isNamed, NamedError } from '../errors.ts';
import { type Answer, type Judge, readAnswer } from './answers.ts';
import { readBaseUrl, urlFor } from './base-url.ts';
import { type Limiter, realSleep, type Sleep } from './limiter.ts';
import { networkTrouble } from './network-trouble.ts';
import { quickPause } from './quick-pause.ts';
import { readHeaders, withoutSecrets } from './secret-headers.ts';
import { shownPath, tellWatch, type VendorRequest } from './watch.ts';

/** Present in every answer of the practice market, and in no vendor's. */
const PRACTICE_HEADER = 'x-afterbell-practice';

export interface HttpOptions {
  vendor: string;
  baseUrl: string;
  /** Where the key goes: never into a URL, a log line or an error. */
  headers: Record<string, string>;
  judge: Judge;
  /**
   * Opens after so many failures in a row, whoever calls, and lets one call try again after the pause. Switched off by
   * the first practice answer: practice nights compress their waits, and this pause is of real seconds.
   */
  breaker?: { failures: number; pauseMs: number };
  /** Guards each try, the repeated ones too; switched off by the first practice answer. */
  limiter?: Limiter;
  /** For one try, from sending to the last byte of the body. */
  timeoutMs?: number;
  /** Tries within one call. Longer waiting belongs to the state machine, which is not billed for it. */
  maxTries?: number;
  sleep?: Sleep;
  random?: () => number;
  fetch?: typeof fetch;
}

/** `deadline` is epoch ms; an abort ends the call with the signal's own reason. */
export interface CallOptions {
  signal?: AbortSignal;
  deadline?: number;
}

export interface JsonAnswer {
  /** Undefined for a 202 without a body only. */
  json: unknown;
  practice: boolean;
  status: number;
}

export interface TextAnswer {
  text: string;
  practice: boolean;
}

export interface Http {
  /**
   * GETs a path with query at the configured host and returns the whole body as JSON.
   * @throws NamedError as the vendor's judge says; `Vendor.Unavailable` when there is no answer in time, the
   * network fails or the breaker is open; `Vendor.TruncatedBody` when a good answer ends early
   */
  getJson(pathAndQuery: string, call?: CallOptions): Promise<JsonAnswer>;
  /** The same for a body of any other form; whether it is whole is for the reader to see. */
  getText(pathAndQuery: string, call?: CallOptions): Promise<TextAnswer>;
  /** POSTs a JSON body; else as getJson. */
  postJson(pathAndQuery: string, body: unknown, call?: CallOptions): Promise<JsonAnswer>;
}

/** A call with what it sends. */
interface Sending extends CallOptions {
  body?: string;
}

interface GoodAnswer {
  answer: Answer;
  practice: boolean;
}

export function createHttp(options: HttpOptions): Http {
  const { vendor, judge, limiter, timeoutMs = 30_000, maxTries = 2 } = options;
  const { sleep = realSleep, random = Math.random, fetch: ask = fetch } = options;
  const { failures, pauseMs } = options.breaker ?? { failures: 5, pauseMs: 30_000 };
  const base = readBaseUrl(vendor, options.baseUrl);
  const headers = readHeaders(vendor, { accept: 'application/json', ...options.headers });
  // Refusals and pacing are answers of a healthy vendor: only an ailing one is left alone.
  const ailing = handleWhen((error) => isNamed(error, 'Vendor.Unavailable', 'Vendor.TruncatedBody'));
  const breaker = circuitBreaker(ailing, { breaker: new ConsecutiveBreaker(failures), halfOpenAfter: pauseMs });
  let isPractice = false;
  let lastFailure = '';

  async function getAnswer(pathAndQuery: string, check: Judge, call: Sending = {}): Promise<GoodAnswer> {
    const url = urlFor(base, pathAndQuery);
    const deadline = call.deadline ?? Number.POSITIVE_INFINITY;
    for (let tries = 1; ; tries++) {
      call.signal?.throwIfAborted();
      // Before the breaker: a run out of time says nothing about the vendor.
      if (Date.now() >= deadline) throw late(whereOf(pathAndQuery, call.body), 0);
      try {
        const go = () => tryOnce(url, pathAndQuery, check, call);
        return await (isPractice ? go() : breaker.execute(go));
      } catch (error) {
        call.signal?.throwIfAborted();
        if (error instanceof BrokenCircuitError) throw leftAlone();
        lastFailure = (error as Error).message;
        // Waited for here and not by a cockatiel retry, whose waits cannot be aborted.
        const pause = tries < maxTries ? quickPause(error, tries, random) : undefined;
        if (pause === undefined || Date.now() + pause > deadline) throw error;
        await sleep(pause, call.signal);
      }
    }
  }

  async function tryOnce(url: string, path: string, check: Judge, call: Sending): Promise<GoodAnswer> {
    await limiter?.take(call);
    const begun = performance.now();
    const request = `${methodOf(call.body)} ${shownPath(path)}`;
    const watched = (rest: Pick<VendorRequest, 'status' | 'error' | 'characters'>) =>
      tellWatch({ vendor, request, milliseconds: Math.round(performance.now() - begun), ...rest });
    const answer = await fetchAnswer(url, path, call).catch((error: Error) => {
      watched({ error: error.name });
      throw error;
    });
    const practice = answer.header(PRACTICE_HEADER) !== undefined;
    if (practice) {
      isPractice = true;
      limiter?.switchOff();
    }
    const error = judge(answer) ?? check(answer);
    watched({ status: answer.status, characters: answer.text.length, ...(error && { error: error.name }) });
    if (error) throw withoutSecrets(error, options.headers);
    return { answer, practice };
  }

  async function fetchAnswer(url: string, path: string, { signal, deadline, body }: Sending): Promise<Answer> {
    const limitMs = Math.max(1, Math.min(timeoutMs, (deadline ?? Number.POSITIVE_INFINITY) - Date.now()));
    const where = whereOf(path, body);
    let bodyBegun = false;
    try {
      return await timeout(limitMs, TimeoutStrategy.Aggressive).execute(async ({ signal: inTime }) => {
        // A redirect is not followed: fetch would take the vendor's key headers along to another host.
        const response = await ask(url, { method: methodOf(body), body, headers, signal: inTime, redirect: 'manual' });
        bodyBegun = true;
        const text = await response.text();
        return readAnswer(response.status, text, { path, headers: Object.fromEntries(response.headers) });
      }, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof TaskCancelledError) throw late(where, limitMs);
      throw networkTrouble(error, { vendor, where, bodyBegun });
    }
  }

  function unreadable({ json, text, status, path }: Answer): NamedError | undefined {
    // Accepted, and nothing to read yet.
    if (json !== undefined || (status === 202 && text === '')) return undefined;
    return new NamedError('Vendor.TruncatedBody', {
      what: `${vendor}'s answer to ${path.split('?')[0]} is not whole`,
      found: `status ${status} with ${text.length} characters that are no JSON`,
      wanted: 'one JSON document',
      todo: 'The call is repeated later.',
    });
  }

  function late(where: string, limitMs: number): NamedError {
    return new NamedError('Vendor.Unavailable', {
      what: `${vendor} gave no whole answer to ${where} in time`,
      found: limitMs > 0 ? `nothing complete after ${limitMs / 1000} s` : 'no time left before the deadline',
      todo: 'The call is repeated later.',
    });
  }

  function leftAlone(): NamedError {
    const seconds = Math.ceil(pauseMs / 1000);
    const text = {
      what: `${vendor} is left alone for ${seconds} s`,
      found: `${failures} failed calls in a row, the last one: ${lastFailure}`,
    };
    return new NamedError('Vendor.Unavailable', text, { retryAfterSeconds: seconds });
  }

  return {
    async getJson(path, call) {
      const { answer, practice } = await getAnswer(path, unreadable, call);
      return { json: answer.json, practice, status: answer.status };
    },
    async getText(path, call) {
      const { answer, practice } = await getAnswer(path, () => undefined, call);
      return { text: answer.text, practice };
    },
    async postJson(path, body, call) {
      const sending = { ...call, body: JSON.stringify(body) };
      const { answer, practice } = await getAnswer(path, unreadable, sending);
      return { json: answer.json, practice, status: answer.status };
    },
  };
}

/** The call as messages name it: without the query, which holds cursors and may hold more. */
function whereOf(pathAndQuery: string, body?: string): string {
  return `${methodOf(body)} ${pathAndQuery.split('?')[0]}`;
}

function methodOf(body: string | undefined): 'GET' | 'POST' {
  return body === undefined ? 'GET' : 'POST';
}
