import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { exchangeDate, lastClosedSession } from '../../calendar/calendar.ts';
import { isNamed, NamedError } from '../../errors.ts';
import { keepNewest } from '../keep-newest.ts';
import { listenOnLoopback, ownRequestsOnly } from '../loopback.ts';
import { alpaca } from './alpaca.ts';
import { fmp } from './fmp.ts';
import { ishares } from './ishares.ts';
import { MisbehaviourLedger } from './misbehave.ts';
import { polygon } from './polygon.ts';
import {
  type MarketRequest,
  type MarketResponse,
  type MisbehaviourName,
  parseMisbehaviours,
  type Route,
  type Vendor,
  type VendorRequest,
} from './routes.ts';
import type { MarketSource } from './source.ts';
import { xaiVendor } from './xai.ts';

const VENDORS: readonly Vendor[] = [polygon, alpaca, ishares, fmp];
/** Requests that are remembered, the newest. */
export const KEPT_REQUESTS = 10_000;
/** Characters of a path that are remembered. */
const KEPT_PATH = 4_096;
const LONGEST_BODY = 16 * 1024 * 1024;
const HTML_ERROR = '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n';
const NONE: ReadonlySet<MisbehaviourName> = new Set();

export interface PracticeMarketOptions {
  source: MarketSource;
  /** As `parseMisbehaviours` reads them. */
  misbehave?: readonly string[];
  /** 0 or absent: any free one. */
  port?: number;
  /** What the market takes for now; sessions not closed by then are not served. */
  now?: () => Date;
}

/** One request as it arrived: `path` with its query, `at` in milliseconds since 1970. Headers are not kept. */
export interface RecordedRequest {
  method: string;
  path: string;
  at: number;
}

export interface PracticeMarket {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  url: string;
  /** The newest KEPT_REQUESTS so far, detection included, oldest first. */
  requests: RecordedRequest[];
  /** Replaces all misbehaviours, counts start over; an empty list makes it behave. Error: Usage.Invalid. */
  misbehave(list: readonly string[]): void;
  close(): Promise<void>;
}

interface Match {
  vendor: Vendor;
  route: Route;
  captured: string[];
}

function findRoute(vendors: readonly Vendor[], method: string, path: string): Match | undefined {
  for (const vendor of vendors)
    for (const route of vendor.routes) {
      if ((route.method ?? 'GET') !== method) continue;
      const match = route.pattern.exec(path);
      if (match !== null) return { vendor, route, captured: match.slice(1) };
    }
  return undefined;
}

async function introduce(source: MarketSource, lastClosed: string): Promise<MarketResponse> {
  const symbols = (await source.tickers(undefined, lastClosed)).filter((row) => row.active).length;
  const { from, to = lastClosed } = await source.span();
  return { status: 200, json: { practice: true, source: source.kind, symbols, from, to } };
}

function refusal(vendor: Vendor, request: VendorRequest, ledger: MisbehaviourLedger): MarketResponse | undefined {
  const { active } = request;
  if (active.has('unauthorized')) return vendor.unauthorized(request);
  if (active.has('rate-limit')) return vendor.rateLimited(request, ledger.nextRefusal() % 2 === 0);
  if (active.has('server-error')) return { status: 502, text: HTML_ERROR, type: 'text/html' };
  return active.has('before-end-of-day') ? vendor.beforeEndOfDay?.(request) : undefined;
}

async function answerOf(
  { vendor, route }: Match,
  asked: VendorRequest,
  ledger: MisbehaviourLedger,
): Promise<MarketResponse> {
  try {
    return refusal(vendor, asked, ledger) ?? (await route.answer(asked));
  } catch (error) {
    if (isNamed(error, 'Usage.Invalid')) return vendor.badRequest(asked, (error as Error).message);
    throw error;
  }
}

/**
 * Serves a source on 127.0.0.1 in the vendors' own shapes (Polygon/Massive, Alpaca, iShares, xAI; `GET /` tells what it
 * is). Every answer carries `x-afterbell-practice: generated|replay`. Errors: Usage.Invalid for an unknown misbehaviour or a
 * port that cannot be had.
 */
export async function startMarket(options: PracticeMarketOptions): Promise<PracticeMarket> {
  const { source, now = () => new Date() } = options;
  let ledger = new MisbehaviourLedger(parseMisbehaviours(options.misbehave ?? []));
  const requests: RecordedRequest[] = [];
  const vendors = [...VENDORS, xaiVendor()];

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: target = '/' } = incoming;
    requests.push({ method, path: target.slice(0, KEPT_PATH), at: Date.now() });
    keepNewest(requests, KEPT_REQUESTS);
    const { pathname: path, searchParams: query } = new URL(target, 'http://practice');
    const lastClosed = lastClosedSession(now());
    if (path === '/') return deliver(incoming, response, await introduce(source, lastClosed), NONE);
    const found = findRoute(vendors, method, path);
    if (found === undefined)
      return deliver(incoming, response, { status: 404, text: '404 page not found\n', type: 'text/plain' }, NONE);
    const body = method === 'GET' ? '' : await readBody(incoming);
    if (body === undefined)
      return deliver(incoming, response, { status: 413, text: '413 payload too large\n', type: 'text/plain' }, NONE);
    const request: MarketRequest = { path, query, headers: incoming.headers, body, captured: found.captured };
    if (!found.vendor.authorized(request)) return deliver(incoming, response, found.vendor.unauthorized(request), NONE);
    const active = ledger.take(found.route.name);
    const asked: VendorRequest = { ...request, source, today: exchangeDate(now()), lastClosed, active };
    await deliver(incoming, response, await answerOf(found, asked, ledger), active);
  }

  const server = createServer(
    ownRequestsOnly((incoming, response) => {
      response.setHeader('x-afterbell-practice', source.kind);
      if (incoming.method === 'GET') incoming.resume();
      handle(incoming, response).catch((error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        if (response.headersSent) response.destroy();
        else void deliver(incoming, response, { status: 500, json: { status: 'ERROR', error: message } }, NONE);
      });
    }),
  );
  const { port = 0 } = options;
  const url = await listenOnLoopback(server, port).catch((cause: NodeJS.ErrnoException) => {
    throw portTaken(port, cause);
  });

  return {
    url,
    requests,
    misbehave(list) {
      ledger = new MisbehaviourLedger(parseMisbehaviours(list));
    },
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

/**
 * The body as text; undefined above the limit: it is read to its end but not kept, because a client still writing would
 * see a reset connection instead of the refusal.
 */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += (chunk as Buffer).length;
    if (bytes <= LONGEST_BODY) chunks.push(chunk as Buffer);
  }
  return bytes > LONGEST_BODY ? undefined : Buffer.concat(chunks).toString('utf8');
}

function portTaken(port: number, cause: NodeJS.ErrnoException): NamedError {
  return new NamedError(
    'Usage.Invalid',
    {
      what: 'the practice market cannot listen',
      found: `port ${port}: ${cause.code ?? cause.message}`,
      wanted: 'a free port',
      todo: 'Choose another port, or none for any free one.',
    },
    { cause },
  );
}

const zip = promisify(gzip);
const TRICKLE_MS = 500;
const TRICKLE_FOR_MS = 60_000;

/** One byte each half second for a minute, then the line goes dead: longer than any sensible body timeout. */
function trickle(response: ServerResponse, body: Buffer): void {
  let sent = 0;
  const timer = setInterval(() => {
    if (sent * TRICKLE_MS >= TRICKLE_FOR_MS || sent + 1 >= body.length) {
      clearInterval(timer);
      response.destroy();
      return;
    }
    response.write(body.subarray(sent, sent + 1));
    sent += 1;
  }, TRICKLE_MS);
  response.on('close', () => clearInterval(timer));
  response.flushHeaders();
}

/** Sends an answer, gzipped when the client takes it; `truncated-json` cuts the text, `slow-body` never finishes it. */
export async function deliver(
  request: IncomingMessage,
  response: ServerResponse,
  answer: MarketResponse,
  active: ReadonlySet<MisbehaviourName>,
): Promise<void> {
  const whole = Buffer.from(answer.json === undefined ? (answer.text ?? '') : JSON.stringify(answer.json), 'utf8');
  response.statusCode = answer.status;
  response.setHeader('content-type', answer.type ?? 'application/json');
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  if (active.has('slow-body')) return trickle(response, whole);
  const body = active.has('truncated-json') ? whole.subarray(0, Math.floor(whole.length / 2)) : whole;
  const zipped = body.length > 0 && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
  const sent = zipped ? await zip(body, { level: 1 }) : body;
  if (zipped) response.setHeader('content-encoding', 'gzip');
  response.setHeader('content-length', sent.length);
  response.end(sent);
}
