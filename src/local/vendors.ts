import { resolve } from 'node:path';
import type { Config } from '../config.ts';
import { NamedError } from '../errors.ts';
import { ACCOUNT, REGION } from './aws/environment.ts';
import { generateMarket } from './market/generator.ts';
import { HOLDINGS_PATH } from './market/ishares.ts';
import { startMarket } from './market/start-market.ts';
import type { PracticeSettings } from './practice.ts';

/** How functions reach their vendors: host settings for the environment, keys for the secrets endpoint. */
export interface Vendors {
  practice: boolean;
  /** The practice market is this process's own. */
  embedded: boolean;
  /** The market replays bars that are real. */
  replayed?: boolean;
  /** Names of the misbehaviours of our own market that no request met so far. */
  unmet?: () => string[];
  /** Why nobody can be asked, for commands that have to ask. */
  unreachable?: NamedError;
  environment: Record<string, string>;
  secrets: Record<string, string>;
  close(): Promise<void>;
}

/**
 * With a Polygon key the real vendors (or the practice market POLYGON_BASE_URL names); without one a practice market
 * of our own is started, and says so in every answer.
 */
export async function reachVendors(options: {
  config: Config;
  /** What a market of our own is like. */
  market: PracticeSettings;
  misbehave?: readonly string[];
  flatFiles?: string;
  /** Portfolios of real data are analysed by the real model, whoever answers for prices. */
  realModel?: boolean;
  /** The data directory holds real bars that a practice market replayed. */
  replayed?: boolean;
}): Promise<Vendors> {
  const { config, market, misbehave, flatFiles, realModel } = options;
  if (flatFiles !== undefined) return flatFileVendors(config, flatFiles);
  if (config.POLYGON_API_KEY === undefined) return practiceVendors(config, market, misbehave ?? [], realModel === true);
  const met = await meet(config.POLYGON_BASE_URL, options.replayed === true);
  const { POLYGON_API_KEY, ALPACA_API_KEY_ID, ALPACA_API_SECRET_KEY } = config;
  const keys = { polygon: JSON.stringify({ apiKey: POLYGON_API_KEY }) };
  const alpaca = ALPACA_API_KEY_ID && JSON.stringify({ keyId: ALPACA_API_KEY_ID, secretKey: ALPACA_API_SECRET_KEY });
  const vendors = vendorsOf(met.practice, config, {
    ...keys,
    ...(alpaca ? { alpaca } : {}),
    ...ownModel(config),
    ...(config.FMP_API_KEY ? { fmp: JSON.stringify({ apiKey: config.FMP_API_KEY }) } : {}),
    fmpUrl: config.FMP_BASE_URL,
    polygonUrl: config.POLYGON_BASE_URL,
    alpacaUrl: config.ALPACA_BASE_URL,
  });
  return { ...vendors, ...met };
}

/** Flat files are the vendor's real data, whatever lies beside them; a bucket of them has a key pair of its own. */
function flatFileVendors(config: Config, place: string): Vendors {
  const { FLAT_FILES_ENDPOINT, FLAT_FILES_KEY_ID: keyId, FLAT_FILES_SECRET: secret } = config;
  const arn = secretArn('flat-files');
  const paired = keyId !== undefined && secret !== undefined;
  return {
    practice: false,
    embedded: false,
    environment: { FLAT_FILES_URI: place, FLAT_FILES_ENDPOINT, ...(paired ? { FLAT_FILES_SECRET_ARN: arn } : {}) },
    secrets: paired ? { [arn]: JSON.stringify({ keyId, secret }) } : {},
    close: async () => {},
  };
}

function ownModel({ XAI_API_KEY, XAI_API_URL, XAI_MODEL }: Config) {
  const key = XAI_API_KEY === undefined ? {} : { xai: JSON.stringify({ apiKey: XAI_API_KEY }) };
  return { ...key, xaiUrl: XAI_API_URL, xaiModel: XAI_MODEL };
}

async function practiceVendors(
  config: Config,
  settings: PracticeSettings,
  misbehave: readonly string[],
  realModel: boolean,
): Promise<Vendors> {
  const market = await startMarket({ source: generateMarket(settings), misbehave });
  const key = { apiKey: 'practice' };
  const model = { xai: JSON.stringify(key), xaiUrl: `${market.url}/v1`, xaiModel: 'grok-practice' };
  return {
    ...vendorsOf(true, config, {
      polygon: JSON.stringify(key),
      alpaca: JSON.stringify({ keyId: 'practice', secretKey: 'practice' }),
      ...(realModel ? ownModel(config) : model),
      fmp: JSON.stringify(key),
      fmpUrl: market.url,
      polygonUrl: market.url,
      alpacaUrl: market.url,
    }),
    embedded: true,
    unmet: market.unmet,
    close: () => market.close(),
  };
}

function vendorsOf(
  practice: boolean,
  config: Config,
  keys: {
    polygon: string;
    alpaca?: string;
    xai?: string;
    fmp?: string;
    fmpUrl: string;
    polygonUrl: string;
    alpacaUrl: string;
    xaiUrl: string;
    xaiModel: string;
  },
): Vendors {
  const polygonArn = secretArn('polygon');
  const alpacaArn = secretArn('alpaca');
  const xaiArn = secretArn('xai');
  const fmpArn = secretArn('fmp');
  return {
    practice,
    embedded: false,
    environment: {
      POLYGON_BASE_URL: keys.polygonUrl,
      ALPACA_BASE_URL: keys.alpacaUrl,
      POLYGON_CALLS_PER_MINUTE: practice ? '0' : String(config.POLYGON_CALLS_PER_MINUTE),
      POLYGON_SECRET_ARN: polygonArn,
      ...(keys.alpaca ? { ALPACA_SECRET_ARN: alpacaArn } : {}),
      FMP_BASE_URL: keys.fmpUrl,
      FMP_CALLS_PER_MINUTE: practice ? '0' : String(config.FMP_CALLS_PER_MINUTE),
      ...(keys.fmp ? { FMP_SECRET_ARN: fmpArn } : {}),
      XAI_API_URL: keys.xaiUrl,
      XAI_MODEL: keys.xaiModel,
      ...(keys.xai ? { XAI_SECRET_ARN: xaiArn } : {}),
      ...holdingsPlace(config, practice ? keys.polygonUrl : undefined),
    },
    secrets: {
      [polygonArn]: keys.polygon,
      ...(keys.alpaca ? { [alpacaArn]: keys.alpaca } : {}),
      ...(keys.xai ? { [xaiArn]: keys.xai } : {}),
      ...(keys.fmp ? { [fmpArn]: keys.fmp } : {}),
    },
    close: async () => {},
  };
}

/** The operator's own file, or else the practice market's; functions do not run in the folder a path is relative to. */
function holdingsPlace({ INDEX_MEMBERS_URI: uri }: Config, market: string | undefined): Record<string, string> {
  if (uri === undefined) return market === undefined ? {} : { INDEX_MEMBERS_URI: `${market}${HOLDINGS_PATH}` };
  return { INDEX_MEMBERS_URI: /^[a-z0-9]+:\/\//i.test(uri) ? uri : resolve(uri) };
}

function secretArn(vendor: string): string {
  return `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:afterbell-local-${vendor}`;
}

/** Only a practice market answers its header, and only loopback can be one: a vendor is not asked for nothing. */
async function meet(
  baseUrl: string,
  replayed: boolean,
): Promise<Pick<Vendors, 'practice' | 'replayed' | 'unreachable'>> {
  const { hostname, port } = new URL(baseUrl);
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) return { practice: false };
  try {
    const { headers } = await fetch(new URL('/', baseUrl), { signal: AbortSignal.timeout(5000) });
    const kind = headers.get('x-afterbell-practice');
    return { practice: kind !== null, replayed: kind === 'replay' };
  } catch (error) {
    return { practice: false, unreachable: notThere(baseUrl, { port, replayed }, error as Error) };
  }
}

function notThere(baseUrl: string, { port, replayed }: { port: string; replayed: boolean }, cause: Error): NamedError {
  const options = `${replayed ? ' --replay DIR' : ''}${port === '' ? '' : ` --port ${port}`}`;
  const { code, message } = (cause.cause ?? cause) as NodeJS.ErrnoException;
  return new NamedError(
    'Vendor.Unavailable',
    {
      what: `nothing answers at POLYGON_BASE_URL ${baseUrl}`,
      found: code ?? message,
      wanted: 'the market this data directory is fed by',
      todo: `Start it in another terminal: npx afterbell market${options}.${replayed ? '' : ' Or leave POLYGON_BASE_URL out.'}`,
    },
    { cause },
  );
}
