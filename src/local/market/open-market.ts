import type { IncomingHttpHeaders } from 'node:http';
import { exchangeDate, lastClosedSession } from '../../calendar/calendar.ts';
import { isNamed } from '../../errors.ts';
import { keepNewest } from '../keep-newest.ts';
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
const HTML_ERROR = '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n';
/** What a request's target is read against. */
const BASE = 'http://practice';
const NONE: ReadonlySet<MisbehaviourName> = new Set();

export interface MarketOptions {
  source: MarketSource;
  /** As `parseMisbehaviours` reads them. */
  misbehave?: readonly string[];
  /** What the market takes for now; sessions not closed by then are not served. */
  now?: () => Date;
}

/** One request as it arrived: `path` with its query, `at` in milliseconds since 1970. Headers are not kept. */
export interface RecordedRequest {
  method: string;
  path: string;
  at: number;
}

/** A request from the wire; `target` is the path with its query. */
export interface Asked {
  method: string;
  target: string;
  headers: IncomingHttpHeaders;
  /** Of a POST, read once it is wanted; undefined when it is too long. */
  readBody: () => Promise<string | undefined>;
}

/** An answer, and what shall go wrong in sending it. */
export interface Answered {
  answer: MarketResponse;
  active: ReadonlySet<MisbehaviourName>;
}

/** The vendors of one practice market, whoever carries their answers. */
export interface Market {
  /** The newest KEPT_REQUESTS so far, detection included, oldest first. */
  requests: RecordedRequest[];
  /** Replaces all misbehaviours, counts start over; an empty list makes it behave. Error: Usage.Invalid. */
  misbehave(list: readonly string[]): void;
  /** Names of the misbehaviours that no request met so far. */
  unmet(): MisbehaviourName[];
  answer(asked: Asked): Promise<Answered>;
}

/** Errors: Usage.Invalid for an unknown misbehaviour. */
export function openMarket({ source, misbehave = [], now = () => new Date() }: MarketOptions): Market {
  let ledger = new MisbehaviourLedger(parseMisbehaviours(misbehave));
  const requests: RecordedRequest[] = [];
  const vendors = [...VENDORS, xaiVendor()];
  return {
    requests,
    misbehave(list) {
      ledger = new MisbehaviourLedger(parseMisbehaviours(list));
    },
    unmet: () => ledger.unmet().map(({ name }) => name),
    async answer({ method, target, headers, readBody }) {
      requests.push({ method, path: target.slice(0, KEPT_PATH), at: now().getTime() });
      keepNewest(requests, KEPT_REQUESTS);
      if (!URL.canParse(target, BASE)) return plain(400, '400 bad request\n');
      const { pathname: path, searchParams: query } = new URL(target, BASE);
      const lastClosed = lastClosedSession(now());
      if (path === '/') return { answer: await introduce(source, lastClosed), active: NONE };
      const found = findRoute(vendors, method, path);
      if (found === undefined) return plain(404, '404 page not found\n');
      const body = method === 'GET' ? '' : await readBody();
      if (body === undefined) return plain(413, '413 payload too large\n');
      const request: MarketRequest = { path, query, headers, body, captured: found.captured };
      if (!found.vendor.authorized(request)) return { answer: found.vendor.unauthorized(request), active: NONE };
      const active = ledger.take(found.route.name);
      const asked: VendorRequest = { ...request, source, today: exchangeDate(now()), lastClosed, active };
      return { answer: await answerOf(found, asked, ledger), active };
    },
  };
}

function plain(status: number, text: string): Answered {
  return { answer: { status, text, type: 'text/plain' }, active: NONE };
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
