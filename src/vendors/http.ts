import { AsyncLocalStorage } from 'node:async_hooks';
import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhen,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
} from 'cockatiel';
import { MIB, readAtMost, tooLarge } from '../body.ts';
import { type ErrorText, isNamed, NamedError } from '../errors.ts';
import { askFunction, FUNCTION_SCHEME } from './invoked-market.ts';
import { type Limiter, realSleep, type Sleep } from './rate-limiter.ts';
import { atHost, type ClassifyResponse, type ResponseInfo, readResponse } from './responses.ts';

/** Several times the largest answer there is, a vendor's whole list of assets. */
const LARGEST_ANSWER = 32 * MIB;
/** Of a refusal so much is looked at: its words stand in the beginning. */
const LARGEST_REFUSAL = MIB;

/** Present in every answer of the practice market, and in no vendor's. */
const PRACTICE_HEADER = 'x-afterbell-practice';

export interface HttpOptions {
  vendor: string;
  baseUrl: string;
  /** Where the key goes: never into a URL, a log line or an error. */
  headers: Record<string, string>;
  classify: ClassifyResponse;
  /**
   * Opens after so many failures in a row, whoever calls, and lets one call try again after the pause. Switched off by
   * the first practice answer: practice nights compress their waits, and this pause is of real seconds.
   */
  breaker?: { failures: number; pauseMs: number };
  /** Guards each try, the repeated ones too; switched off by the first practice answer. */
  limiter?: Limiter;
  /** For one try, from sending to the last byte of the body. */
  timeoutMs?: number;
  /** Of one answer's body, after decompression; 32 MiB unless given. */
  maxBytes?: number;
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

export interface JsonResponse {
  /** Undefined for a 202 without a body only. */
  json: unknown;
  practice: boolean;
  status: number;
}

export interface TextResponse {
  text: string;
  practice: boolean;
}

export interface Http {
  /**
   * GETs a path with query at the configured host and returns the whole body as JSON.
   * @throws NamedError as the vendor's judge says; `Vendor.Unavailable` when there is no answer in time, the
   * network fails or the breaker is open; `Vendor.TruncatedBody` when a good answer ends early; `Data.Invalid` when it
   * goes on beyond `maxBytes`
   */
  getJson(pathAndQuery: string, call?: CallOptions): Promise<JsonResponse>;
  /** The same for a body of any other form; whether it is whole is for the reader to see. */
  getText(pathAndQuery: string, call?: CallOptions): Promise<TextResponse>;
  /** POSTs a JSON body; else as getJson. */
  postJson(pathAndQuery: string, body: unknown, call?: CallOptions): Promise<JsonResponse>;
}

/** A call with what it sends. */
interface Sending extends CallOptions {
  body?: string;
}

interface GoodResponse {
  answer: ResponseInfo;
  practice: boolean;
}

export function createHttp(options: HttpOptions): Http {
  const { vendor, classify, limiter, timeoutMs = 30_000, maxTries = 2, maxBytes = LARGEST_ANSWER } = options;
  const { sleep = realSleep, random = Math.random, fetch: ask = fetchOf(options.baseUrl) } = options;
  const { failures, pauseMs } = options.breaker ?? { failures: 5, pauseMs: 30_000 };
  const base = readBaseUrl(vendor, options.baseUrl);
  const { host } = new URL(base);
  const who = atHost(vendor, host);
  const headers = readHeaders(vendor, { accept: 'application/json', ...options.headers });
  // Refusals and pacing are answers of a healthy vendor: only a degraded one is left alone.
  const degraded = handleWhen((error) => isNamed(error, 'Vendor.Unavailable', 'Vendor.TruncatedBody'));
  const breaker = circuitBreaker(degraded, { breaker: new ConsecutiveBreaker(failures), halfOpenAfter: pauseMs });
  let isPractice = false;
  let lastFailure = '';

  async function getAnswer(pathAndQuery: string, check: ClassifyResponse, call: Sending = {}): Promise<GoodResponse> {
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
        if (error instanceof BrokenCircuitError) throw isBackingOff();
        lastFailure = (error as Error).message;
        // Waited for here and not by a cockatiel retry, whose waits cannot be aborted.
        const pause = tries < maxTries ? quickPause(error, tries, random) : undefined;
        if (pause === undefined || Date.now() + pause > deadline) throw error;
        await sleep(pause, call.signal);
      }
    }
  }

  async function tryOnce(url: string, path: string, check: ClassifyResponse, call: Sending): Promise<GoodResponse> {
    await limiter?.take(call);
    const begun = performance.now();
    const request = `${methodOf(call.body)} ${shownPath(path)}`;
    const watched = (rest: Pick<VendorRequest, 'status' | 'error' | 'characters'>) =>
      notifyWatcher({ vendor, request, milliseconds: Math.round(performance.now() - begun), ...rest });
    const answer = await fetchAnswer(url, path, call).catch((error: Error) => {
      watched({ error: error.name });
      throw error;
    });
    const practice = answer.header(PRACTICE_HEADER) !== undefined;
    if (practice) {
      isPractice = true;
      limiter?.switchOff();
    }
    const error = classify(answer) ?? check(answer);
    watched({ status: answer.status, characters: answer.text.length, ...(error && { error: error.name }) });
    if (error) throw withoutSecrets(error, options.headers);
    return { answer, practice };
  }

  async function fetchAnswer(url: string, path: string, { signal, deadline, body }: Sending): Promise<ResponseInfo> {
    const limitMs = Math.max(1, Math.min(timeoutMs, (deadline ?? Number.POSITIVE_INFINITY) - Date.now()));
    const where = whereOf(path, body);
    let bodyBegun = false;
    try {
      return await timeout(limitMs, TimeoutStrategy.Aggressive).execute(async ({ signal: inTime }) => {
        // A redirect is not followed: fetch would take the vendor's key headers along to another host.
        const response = await ask(url, { method: methodOf(body), body, headers, signal: inTime, redirect: 'manual' });
        bodyBegun = true;
        const most = response.ok ? maxBytes : Math.min(maxBytes, LARGEST_REFUSAL);
        const { bytes, whole } = response.body ? await readAtMost(response.body, most) : NO_BODY;
        if (!whole && response.ok) throw tooLarge(`${vendor}'s answer to ${where}`, most, WHO_ANSWERS);
        return readResponse(response.status, utf8.decode(bytes), {
          path,
          host,
          headers: Object.fromEntries(response.headers),
        });
      }, signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof TaskCancelledError) throw late(where, limitMs);
      throw networkTrouble(error, { vendor: who, where, bodyBegun });
    }
  }

  function unreadable({ json, text, status, path }: ResponseInfo): NamedError | undefined {
    // Accepted, and nothing to read yet.
    if (json !== undefined || (status === 202 && text === '')) return undefined;
    return new NamedError('Vendor.TruncatedBody', {
      what: `${who}: the answer to ${path.split('?')[0]} is not whole`,
      found: `status ${status} with ${text.length} characters that are no JSON`,
      wanted: 'one JSON document',
    });
  }

  function late(where: string, limitMs: number): NamedError {
    return new NamedError('Vendor.Unavailable', {
      what: `${who} gave no whole answer to ${where} in time`,
      found: limitMs > 0 ? `nothing complete after ${limitMs / 1000} s` : 'no time left before the deadline',
    });
  }

  function isBackingOff(): NamedError {
    const seconds = Math.ceil(pauseMs / 1000);
    const text = {
      what: `${who} is left alone for ${seconds} s`,
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

/** A practice market that is a function is invoked; everybody else is asked over HTTP. */
function fetchOf(baseUrl: string): typeof fetch {
  if (!baseUrl.startsWith(FUNCTION_SCHEME)) return fetch;
  return (url, init = {}) => askFunction(String(url), init);
}

const NO_BODY = { bytes: new Uint8Array(), whole: true };
const utf8 = new TextDecoder();
const WHO_ANSWERS = 'Look at what answers there: the variable that ends in _BASE_URL, or a proxy between.';

/** The call as messages name it: without the query, which holds cursors and may hold more. */
function whereOf(pathAndQuery: string, body?: string): string {
  return `${methodOf(body)} ${pathAndQuery.split('?')[0]}`;
}

function methodOf(body: string | undefined): 'GET' | 'POST' {
  return body === undefined ? 'GET' : 'POST';
}

const FIRST_MS = 500;
const LONGEST_MS = 4_000;
/** A wait up to this long that a vendor asks for is done within the call; a longer one is the state machine's to wait. */
const LONGEST_WAIT_SECONDS = 5;

/**
 * Milliseconds until the next try within one call, or undefined when trying again is pointless or not ours to wait
 * for. Full jitter: anything between nothing and twice the previous limit, so that callers do not come back together.
 * @param tries tries made so far, from 1
 */
export function quickPause(error: unknown, tries: number, random: () => number): number | undefined {
  if (!(error instanceof NamedError)) return undefined;
  const requestedWait = error.retryAfterSeconds;
  if (requestedWait !== undefined && requestedWait > LONGEST_WAIT_SECONDS) return undefined;
  if (isNamed(error, 'Vendor.RateLimited')) return requestedWait === undefined ? undefined : requestedWait * 1000;
  if (!isNamed(error, 'Vendor.Unavailable', 'Vendor.TruncatedBody')) return undefined;
  if (requestedWait !== undefined) return requestedWait * 1000;
  return Math.floor(random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1)));
}

/**
 * What a failed fetch stands for. Node's fetch throws a TypeError for a dead network as well as for a programming
 * mistake: only the first has one of two fixed messages, and everything else is given back as it is.
 */
export function networkTrouble(error: unknown, at: { vendor: string; where: string; bodyBegun: boolean }): unknown {
  if (!(error instanceof TypeError) || !['fetch failed', 'terminated'].includes(error.message)) return error;
  const found = reasonOf(error.cause);
  if (at.bodyBegun) {
    const text = { what: `${at.vendor}: the answer to ${at.where} ended early`, found, wanted: 'the whole body' };
    return new NamedError('Vendor.TruncatedBody', text, { cause: error });
  }
  const text = { what: `${at.vendor} could not be reached for ${at.where}`, found };
  return new NamedError('Vendor.Unavailable', text, { cause: error });
}

/** What the codes that a reader meets in the morning mean. */
const NETWORK_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be resolved now: no network, or no DNS',
  ETIMEDOUT: 'no connection in time',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
};

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'no reason given';
  const { code } = cause as { code?: unknown };
  if (typeof code !== 'string') return cause.message || cause.name;
  const words = NETWORK_WORDS[code];
  return words ? `${words} (${code})` : code;
}

/**
 * The configured address, checked once: http or https, no user part, no query. Returned without a closing slash,
 * so that a path can be joined as text; joining by `new URL(path, base)` would let a path like `//host/x` choose
 * the host.
 */
export function readBaseUrl(vendor: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const problem = url === undefined ? 'no URL' : flaw(url);
  if (url === undefined || problem !== undefined) {
    throw new NamedError('Config.Invalid', {
      what: `The base URL of ${vendor} cannot be used`,
      found: problem,
      wanted: 'an address like https://api.example.com, without user, query or fragment',
      todo: `Correct the variable that ends in _BASE_URL for ${vendor}.`,
    });
  }
  return `${originOf(url)}${url.pathname.replace(/\/+$/, '')}`;
}

/** Of `lambda:` the standard's own `origin` is the word null. */
export function originOf({ protocol, host }: URL): string {
  return `${protocol}//${host}`;
}

function flaw(url: URL): string | undefined {
  if (!['https:', 'http:', FUNCTION_SCHEME].includes(url.protocol)) return `the scheme ${url.protocol}`;
  if (url.username !== '' || url.password !== '') return 'a user or password in it';
  if (url.search !== '' || url.hash !== '') return 'a query or fragment in it';
  return undefined;
}

/** Joins a path with query to the base; the key goes to no other host, whatever the path looks like. */
export function urlFor(base: string, pathAndQuery: string): string {
  const url = `${base}${pathAndQuery}`;
  if (!pathAndQuery.startsWith('/') || originOf(new URL(url)) !== originOf(new URL(base))) {
    throw new NamedError('Usage.Invalid', {
      what: 'A vendor is asked by path and query only',
      found: pathAndQuery.split('?')[0]?.slice(0, 80),
      wanted: 'text that begins with /',
    });
  }
  return url;
}

/** Below this a value is no secret but a word that may stand anywhere. */
const SHORTEST_SECRET = 6;

/**
 * Checks headers before they are ever sent: fetch itself would quote a value it cannot send, key and all.
 * @throws NamedError `Config.Invalid` that names the header, never its value
 */
export function readHeaders(vendor: string, values: Record<string, string>): Headers {
  for (const [name, value] of Object.entries(values)) {
    if (/^[\x20-\x7e]*$/.test(value)) continue;
    throw new NamedError('Config.Invalid', {
      what: `The key for ${vendor} cannot be sent in the header ${name}`,
      found: 'a line break, control character or letter outside ASCII',
      todo: 'Copy the key again, without quotes or line breaks.',
    });
  }
  return new Headers(values);
}

/** An error whose message holds none of the header values, should a vendor echo one. */
export function withoutSecrets(error: NamedError, values: Record<string, string>): NamedError {
  let message = error.message;
  for (const value of Object.values(values)) {
    const secret = value.replace(/^Bearer /, '');
    if (secret.length >= SHORTEST_SECRET) message = message.replaceAll(secret, '***');
  }
  if (message === error.message) return error;
  return new NamedError(error.name, message, { retryAfterSeconds: error.retryAfterSeconds });
}

/** The key, or Vendor.KeyMissing that names its variable. */
export function requireKey(vendor: string, variable: string, value: string | undefined): string {
  const key = value?.trim();
  if (key) return key;
  const text: ErrorText = {
    what: `${vendor} needs a key`,
    found: `${variable} empty or not set`,
    todo: `Set ${variable}, or in the cloud the secret it is read from.`,
  };
  throw new NamedError('Vendor.KeyMissing', text);
}

/**
 * Opens a client once a process, and again only for other options (a key that was replaced). Every page and every
 * session is a function call of its own, and a breaker or a pace that starts over with each of them counts nothing.
 */
export function keepClient<O extends object, C>(open: (options: O) => C): (options: O) => C {
  let kept: { options: string; client: C } | undefined;
  return (options) => {
    const wanted = JSON.stringify(options);
    if (kept?.options !== wanted) kept = { options: wanted, client: open(options) };
    return kept.client;
  };
}

/** One request as it ended. Nothing in it is secret: keys travel in headers. */
export interface VendorRequest {
  vendor: string;
  /** Method, path and the parameters that are known to be ours. */
  request: string;
  /** HTTP status; absent when there was no whole answer. */
  status?: number;
  /** Name of the error the answer stands for, if any. */
  error?: string;
  milliseconds: number;
  characters?: number;
}

type Watch = (request: VendorRequest) => void;

const watches = new AsyncLocalStorage<Watch>();

/** Runs `work` and tells `watch` of every vendor request within it, however deep: clients outlive a call. */
export function watchVendors<T>(watch: Watch, work: () => Promise<T>): Promise<T> {
  return watches.run(watch, work);
}

export function notifyWatcher(request: VendorRequest): void {
  watches.getStore()?.(request);
}

const SHOWN = new Set(
  'active adjusted asset_class execution_date.gte include_otc limit market order part sort status symbol'.split(' '),
);

/** Path with query for a log: a parameter that may be a token or a cursor is named and not shown. */
export function shownPath(pathAndQuery: string): string {
  const [path = '', query] = pathAndQuery.split('?');
  if (!query) return path;
  const parts = [...new URLSearchParams(query)].map(([name, value]) => `${name}=${SHOWN.has(name) ? value : '…'}`);
  return `${path}?${parts.join('&')}`;
}
