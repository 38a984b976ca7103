import type { LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import { HOLDINGS_PATH } from '../../src/local/market/ishares.ts';
import { marketHandler } from '../../src/local/market/market-handler.ts';
import { startMarket } from '../../src/local/market/start-market.ts';
import { USUAL_SEED, USUAL_SYMBOLS } from '../../src/local/practice.ts';
import { createHttp } from '../../src/vendors/http.ts';
import { askFunction } from '../../src/vendors/invoked-market.ts';
import { ishares } from '../../src/vendors/ishares.ts';
import { classifyCommon } from '../../src/vendors/responses.ts';
import { afterThisTest } from '../cleanup.ts';

const BASE = 'lambda://afterbell-try-practice-market';
const KEYS = { authorization: 'Bearer x', apikey: 'x', 'apca-api-key-id': 'x', 'apca-api-secret-key': 'x' };
/** The market of a test and the function's are at the same moment, whatever the hour. */
const NOW = '2025-11-20T13:00:00Z';
const config = loadConfig({ AFTERBELL_NOW: NOW });
const words = { vendor: 'Polygon', baseUrlVariable: 'POLYGON_BASE_URL', keyVariable: 'POLYGON_API_KEY' };

/** Lambda, as far as a caller sees it: the payload goes in as text and comes back as bytes. */
function lambdaThat(run: (event: unknown) => Promise<unknown>) {
  const asked: string[] = [];
  const client = {
    async send({ input }: { input: { FunctionName: string; Payload: string } }) {
      asked.push(input.FunctionName);
      const { errorMessage, ...answer } = await run(JSON.parse(input.Payload))
        .then((result) => result as { errorMessage?: string })
        .catch((error: Error) => ({ errorType: error.name, errorMessage: error.message }));
      const failed = errorMessage === undefined ? {} : { FunctionError: 'Unhandled' };
      return { ...failed, Payload: Buffer.from(JSON.stringify({ ...answer, errorMessage })) };
    },
  } as unknown as LambdaClient;
  const ask: typeof fetch = (url, init = {}) => askFunction(String(url), init, Promise.resolve(client));
  return { ask, asked };
}

const httpOf = (ask: typeof fetch) =>
  createHttp({
    vendor: 'Polygon',
    baseUrl: BASE,
    headers: KEYS,
    classify: (answer) => classifyCommon(answer, words as never),
    fetch: ask,
    maxTries: 1,
  });

test('the practice market answers an invocation as it answers a request on a laptop', async () => {
  const source = generateMarket({ symbols: USUAL_SYMBOLS, seed: USUAL_SEED });
  const market = await startMarket({ source, now: () => new Date(NOW) });
  afterThisTest(() => market.close());
  const { ask, asked } = lambdaThat(marketHandler({ name: 'practice-market', config }));
  const paths = [
    '/v3/reference/tickers?market=stocks&limit=1000',
    '/v2/aggs/grouped/locale/us/market/stocks/2025-11-19?adjusted=false',
    '/v2/assets?status=active',
    '/stable/profile?symbol=AAPL',
    HOLDINGS_PATH,
    '/nothing-here',
  ];
  for (const path of paths) {
    const [here, invoked] = await Promise.all([
      fetch(`${market.url}${path}`, { headers: KEYS }),
      ask(`${BASE}${path}`, { headers: KEYS }),
    ]);
    expect(invoked.status, path).toBe(here.status);
    expect(invoked.headers.get('x-afterbell-practice')).toBe('generated');
    expect(invoked.headers.get('content-type')).toBe(here.headers.get('content-type'));
    const form = (text: string) => text.replace(/"request_id":"[^"]*"/, '');
    expect(form(await invoked.text()), path).toBe(form(await here.text()));
  }
  expect(new Set(asked)).toEqual(new Set(['afterbell-try-practice-market']));
});

test('a model is asked with the body of the question', async () => {
  const { ask } = lambdaThat(marketHandler({ name: 'practice-market', config }));
  const body = JSON.stringify({ model: 'grok-practice', input: [{ role: 'user', content: '{"positions":[]}' }] });
  const answer = await ask(`${BASE}/v1/responses`, { method: 'POST', body, headers: KEYS });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ model: 'grok-practice' });
});

test('holdings of an index are read from a function as from a web address', async () => {
  const { ask } = lambdaThat(marketHandler({ name: 'practice-market', config }));
  const holdings = await ishares({ uri: `${BASE}${HOLDINGS_PATH}`, http: { fetch: ask } }).holdings();
  expect(holdings.practice).toBe(true);
  expect(holdings.rows.length).toBeGreaterThan(50);
});

test('a function that fails or cannot be invoked is a vendor that cannot be reached, with the reason', async () => {
  const broken = lambdaThat(async () => {
    throw new Error('no memory left');
  });
  await expect(httpOf(broken.ask).getJson('/v3/reference/tickers')).rejects.toMatchObject({
    name: 'Vendor.Unavailable',
    message: expect.stringContaining('no memory left'),
  });
  const refused = {
    send: () => Promise.reject(Object.assign(new Error('not authorized'), { name: 'AccessDeniedException' })),
  } as unknown as LambdaClient;
  const ask: typeof fetch = (url, init = {}) => askFunction(String(url), init, Promise.resolve(refused));
  await expect(httpOf(ask).getJson('/v3/reference/tickers')).rejects.toMatchObject({ name: 'Vendor.Unavailable' });
});

test('a call that is stopped ends with the reason of its signal', async () => {
  const stop = new AbortController();
  let begin = () => {};
  const sent = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const client = {
    send: () => {
      begin();
      return new Promise((_resolve, reject) => {
        stop.signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    },
  } as unknown as LambdaClient;
  const asked = askFunction(`${BASE}/`, { signal: stop.signal }, Promise.resolve(client));
  await sent;
  stop.abort(new Error('the night is over'));
  await expect(asked).rejects.toThrow('the night is over');
});

test('the vendors’ hosts may be a function, and nothing else but http and https', () => {
  expect(loadConfig({ POLYGON_BASE_URL: BASE, XAI_API_URL: `${BASE}/v1` })).toMatchObject({
    POLYGON_BASE_URL: BASE,
    XAI_API_URL: `${BASE}/v1`,
  });
  expect(() => loadConfig({ POLYGON_BASE_URL: 'ftp://host' })).toThrow('wanted an http(s) URL');
  expect(() => loadConfig({ FLAT_FILES_ENDPOINT: BASE })).toThrow('wanted an http(s) URL');
});
