import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MORNING, openMarket, openOn, type Scene, warmHome } from './scene.ts';

/** What the ticker list is answered with; every other question goes on to the practice market. */
let answer: { status: number; body: string } | undefined;
let asked: string[] = [];
let scene: Scene;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  const market = await openMarket({});
  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    if (answer && path.startsWith('/v3/reference/tickers')) {
      // Practice answers, as the waits here are compressed like a practice night's.
      const headers = { 'content-type': 'application/json', 'x-afterbell-practice': 'generated' };
      response.writeHead(answer.status, headers).end(answer.body);
      return;
    }
    const passed = await fetch(`${market.url}${path}`, { headers: request.headers as Record<string, string> });
    const body = Buffer.from(await passed.arrayBuffer());
    const practice = passed.headers.get('x-afterbell-practice');
    response.writeHead(passed.status, practice === null ? {} : { 'x-afterbell-practice': practice }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = { POLYGON_BASE_URL: url, INDEX_MEMBERS_URI: undefined };
  scene = await openOn(await warmHome(), market, { env, timeScale: 1 / 30_000 });
  closers.push(async () => {
    server.closeAllConnections();
    server.close();
  });
});
afterAll(async () => {
  for (const close of closers) await close();
});

const polygonError = (error: string, status = 'ERROR') => JSON.stringify({ status, request_id: 'r', error });

/**
 * One night after another on one home. Requests for the list, tries of the state by the error that repeated it, and
 * whether the vendor's next list was asked for.
 */
test('each kind of answer has its own policy, and one failed list never stops another vendor', async () => {
  const told: Record<string, unknown> = {};
  const cases: [name: string, answer: { status: number; body: string }][] = [
    ['500', { status: 500, body: '<html>Bad Gateway</html>' }],
    ['503', { status: 503, body: polygonError('try later') }],
    ['429', { status: 429, body: polygonError("You've exceeded the maximum requests per minute") }],
    ['401', { status: 401, body: polygonError('Unknown API Key') }],
    ['403', { status: 403, body: polygonError('You are not entitled to this data.', 'NOT_AUTHORIZED') }],
    ['400', { status: 400, body: polygonError('Could not parse') }],
    ['404', { status: 404, body: polygonError('Not here', 'NOT_FOUND') }],
  ];
  for (const [name, given] of cases) {
    answer = given;
    asked = [];
    const { runs } = scene.laptop.stores;
    const old = new Date(Date.now() - 24 * 3_600_000).toISOString();
    for (const dataset of ['assets', 'splits']) {
      const last = await runs.lastSync(dataset);
      if (last) await runs.saveLastSync(dataset, { ...last, lastSyncTimestamp: old });
    }
    const night = await scene.run(MORNING);
    const wordOf = (dataset: string) => night.outcome.datasets.find((set) => set.name === dataset)?.status;
    const tickers = night.outcome.datasets.find((set) => set.name === 'tickers')!;
    expect(wordOf('assets'), name).toBe('success');
    expect(night.outcome.status, name).toBe('Partial');
    told[name] = {
      requests: asked.filter((path) => path.startsWith('/v3/reference/tickers')).length,
      repeatedBy: [...new Set(night.events.filter(({ type }) => type === 'TaskRetried').map(({ error }) => error))],
      tickers: tickers.status,
      reason: tickers.reasons[0]!.split(':')[0],
      splits: wordOf('splits'),
    };
  }
  const ailing = { requests: 8, repeatedBy: ['Vendor.Unavailable'], tickers: 'failed', reason: 'Vendor.Unavailable' };
  const refused = { requests: 1, repeatedBy: [], tickers: 'failed', reason: 'Vendor.AuthFailed', splits: 'skipped' };
  expect(told).toEqual({
    500: { ...ailing, splits: 'skipped' },
    503: { ...ailing, splits: 'skipped' },
    429: {
      requests: 7,
      repeatedBy: ['Vendor.RateLimited'],
      tickers: 'failed',
      reason: 'Vendor.RateLimited',
      splits: 'success',
    },
    401: refused,
    403: refused,
    400: { requests: 1, repeatedBy: [], tickers: 'failed', reason: 'Vendor.BadRequest', splits: 'success' },
    404: { requests: 1, repeatedBy: [], tickers: 'failed', reason: 'Vendor.NotFound', splits: 'success' },
  });
});
