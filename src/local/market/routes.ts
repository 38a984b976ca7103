import type { IncomingHttpHeaders } from 'node:http';
import { NamedError } from '../../errors.ts';
import { didYouMean } from '../../text.ts';
import type { MarketSource } from './source.ts';

/** Every route by name, with the vendor it belongs to; both are words a misbehaviour can be limited to. */
export const ROUTES = {
  tickers: 'polygon',
  grouped: 'polygon',
  splits: 'polygon',
  dividends: 'polygon',
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
export interface MarketResponse {
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
export interface VendorRequest extends MarketRequest {
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
  answer(asked: VendorRequest): Promise<MarketResponse>;
}

/** One vendor: its routes and the words it refuses with. A further vendor is one such object in server.ts's list. */
export interface Vendor {
  name: VendorName;
  routes: readonly Route[];
  /** Whether the request carries credentials of the vendor's form; any value will do. */
  authorized(request: MarketRequest): boolean;
  unauthorized(request: MarketRequest): MarketResponse;
  /** `bare` asks for the empty body that vendors sometimes send instead of their text. */
  rateLimited(request: MarketRequest, bare: boolean): MarketResponse;
  badRequest(request: MarketRequest, message: string): MarketResponse;
  /** The 403 of a session that is not closed yet; absent for vendors without prices. */
  beforeEndOfDay?(request: MarketRequest): MarketResponse;
}

const ALL = Object.keys(ROUTES) as RouteName[];
const TABLES: readonly RouteName[] = ['dcf-bulk', 'profile-bulk'];
const LISTS: readonly RouteName[] = ['tickers', 'grouped', 'splits', 'dividends', 'assets', 'members', ...TABLES];
const FMP: readonly RouteName[] = ['dcf', 'dcf-bulk', 'profile', 'profile-bulk'];

/** What each misbehaviour can be limited to, and which routes it takes when no limit is written. */
const MISBEHAVIOURS = {
  'rate-limit': { able: ALL, usual: ALL },
  'before-end-of-day': { able: ['grouped'], usual: ['grouped'] },
  unauthorized: { able: ALL, usual: ALL },
  'server-error': { able: ALL, usual: ALL },
  'truncated-json': { able: ALL, usual: ALL },
  'looping-cursor': { able: ['tickers', 'splits', 'dividends'], usual: ['tickers'] },
  'late-correction': { able: ['grouped'], usual: ['grouped'] },
  'field-removed': { able: ['assets', 'tickers'], usual: ['assets'] },
  'field-added': { able: ['assets', 'tickers'], usual: ['assets'] },
  'half-missing': { able: LISTS, usual: ['grouped'] },
  'slow-body': { able: ALL, usual: ALL },
  'no-credits': { able: ['completions', 'responses'], usual: ['completions', 'responses'] },
  refusal: { able: ['completions', 'responses'], usual: ['completions', 'responses'] },
  'cut-answer': { able: ['completions', 'responses'], usual: ['completions', 'responses'] },
  'invalid-answer': { able: ['completions', 'responses'], usual: ['completions', 'responses'] },
  'wrong-symbols': { able: ['completions', 'responses'], usual: ['completions', 'responses'] },
  'out-of-range': { able: ['completions', 'responses'], usual: ['completions', 'responses'] },
  'slow-model': { able: ['deferred'], usual: ['deferred'] },
  'wrong-types': { able: [...LISTS, 'details', 'dcf', 'profile'], usual: ['grouped'] },
  'payment-required': { able: FMP, usual: FMP },
  'truncated-csv': { able: TABLES, usual: TABLES },
  empty: { able: [...FMP, 'details', 'indicators'], usual: FMP },
} satisfies Record<string, { able: readonly RouteName[]; usual: readonly RouteName[] }>;

export type MisbehaviourName = keyof typeof MISBEHAVIOURS;

/** One rule: which routes misbehave how, for how many requests (Infinity: for good). */
export interface Misbehaviour {
  name: MisbehaviourName;
  routes: readonly RouteName[];
  times: number;
}

export const MISBEHAVIOUR_NAMES = Object.keys(MISBEHAVIOURS) as MisbehaviourName[];
const FORM = /^([a-z-]+)(?::([1-9]\d{0,6}))?(?:@([a-z-]+))?(?::([1-9]\d{0,6}))?$/;

function refuse(found: string, wanted: string): NamedError {
  const near = didYouMean(found.replace(/[:@].*/, ''), MISBEHAVIOUR_NAMES);
  return new NamedError(
    'Usage.Invalid',
    `the practice market does not know this misbehaviour: ${JSON.stringify(found)}${near ? `. ${near}` : ''}
Wanted ${wanted}, e.g. half-missing, server-error:3 or unauthorized@assets; all of them: npx afterbell market --help`,
  );
}

function parseOne(text: string): Misbehaviour {
  const [, name, early, scope, late] = FORM.exec(text.trim()) ?? [];
  if (name === undefined || (early !== undefined && late !== undefined))
    throw refuse(text, 'name, name:k or name@route');
  const kind = MISBEHAVIOUR_NAMES.find((known) => known === name);
  if (kind === undefined) throw refuse(text, 'a known name');
  const { able, usual }: { able: readonly RouteName[]; usual: readonly RouteName[] } = MISBEHAVIOURS[kind];
  const routes = scope === undefined ? usual : able.filter((route) => route === scope || ROUTES[route] === scope);
  if (routes.length === 0) throw refuse(text, `${name} on one of ${able.join(', ')}`);
  return { name: kind, routes, times: Number(early ?? late ?? Number.POSITIVE_INFINITY) };
}

/** What may be written, for a help text. */
export const MISBEHAVIOUR_HELP = `Misbehaviours: ${MISBEHAVIOUR_NAMES.join(', ')}
Each for good, or for the first k requests (server-error:3); everywhere it can be, or on one vendor or route (unauthorized@alpaca, rate-limit@tickers:2).
Vendors: ${[...new Set(Object.values(ROUTES))].join(', ')}. Routes: ${ALL.join(', ')}`;

/**
 * Reads rules such as `half-missing`, `server-error:3`, `unauthorized@alpaca`, `rate-limit@tickers:2`.
 * Error: Usage.Invalid, listing the known names, for an unknown name, count or a route the misbehaviour cannot have.
 */
export function parseMisbehaviours(list: readonly string[]): Misbehaviour[] {
  return list.flatMap((item) => item.split(',')).map(parseOne);
}
