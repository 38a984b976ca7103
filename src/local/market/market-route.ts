import type { IncomingHttpHeaders } from 'node:http';
import type { MarketSource } from './market-source.ts';
import type { MisbehaviourName } from './misbehaviour.ts';

/** Every route by name, with the vendor it belongs to; both are words a misbehaviour can be limited to. */
export const ROUTES = {
  tickers: 'polygon',
  grouped: 'polygon',
  splits: 'polygon',
  details: 'polygon',
  indicators: 'polygon',
  assets: 'alpaca',
  members: 'ishares',
  dcf: 'fmp',
  'dcf-bulk': 'fmp',
  profile: 'fmp',
  'profile-bulk': 'fmp',
  completions: 'xai',
  responses: 'xai',
  deferred: 'xai',
} as const;
export type RouteName = keyof typeof ROUTES;
export type VendorName = (typeof ROUTES)[RouteName];

/** An answer before it is sent: `json` is serialised, `text` is sent as it is (with `type`). */
export interface Answer {
  status: number;
  json?: unknown;
  text?: string;
  type?: string;
  headers?: Record<string, string>;
}

export interface MarketRequest {
  /** Path without query, percent-decoded by nobody. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  /** Of a POST. */
  body: string;
  /** What the route's pattern captured. */
  captured: string[];
}

/** A request with all a route needs to answer it. */
export interface Asked extends MarketRequest {
  source: MarketSource;
  /** Exchange date of now, and the last session closed by now. */
  today: string;
  lastClosed: string;
  /** Misbehaviours in force for this one request. */
  active: ReadonlySet<MisbehaviourName>;
}

export interface Route {
  name: RouteName;
  /** GET unless said. */
  method?: 'POST';
  pattern: RegExp;
  /** May throw NamedError `Usage.Invalid`, which the vendor turns into its own 400. */
  answer(asked: Asked): Promise<Answer>;
}

/** One vendor: its routes and the words it refuses with. A further vendor is one such object in server.ts's list. */
export interface Vendor {
  name: VendorName;
  routes: readonly Route[];
  /** Whether the request carries credentials of the vendor's form; any value will do. */
  authorized(request: MarketRequest): boolean;
  unauthorized(request: MarketRequest): Answer;
  /** `bare` asks for the empty body that vendors sometimes send instead of their text. */
  rateLimited(request: MarketRequest, bare: boolean): Answer;
  badRequest(request: MarketRequest, message: string): Answer;
  /** The 403 of a session that is not closed yet; absent for vendors without prices. */
  beforeEndOfDay?(request: MarketRequest): Answer;
}
