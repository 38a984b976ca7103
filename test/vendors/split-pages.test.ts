import { afterEach, expect, test } from 'vitest';
import { polygon } from '../../src/vendors/polygon.ts';
import { type Loopback, send, startLoopback } from './loopback.ts';

let server: Loopback | undefined;
afterEach(() => server?.close());

const NEW = '/stocks/v1/splits';
const OLD = '/v3/reference/splits';
const page = (ticker: string, next?: string) => ({
  status: 'OK',
  results: [{ ticker, execution_date: '2020-08-31', split_from: 1, split_to: 4 }],
  ...(next === undefined ? {} : { next_url: `https://api.massive.com${next}` }),
});

/** Answers by path; what is not in the list is a 404. */
async function vendorOf(answers: Record<string, [status: number, body: unknown]>) {
  const loopback = await startLoopback((response, request) => {
    const [status, body] = answers[request.url!] ??
      answers[request.url!.split('?')[0]!] ?? [404, { status: 'NOT_FOUND' }];
    send(response, status, body);
  });
  server = loopback;
  const client = polygon({ baseUrl: loopback.url, apiKey: 'k', callsPerMinute: 0, maxPages: 9, http: { maxTries: 1 } });
  const read = async (start: Parameters<typeof client.splitPages>[0] = {}) => {
    const rows: unknown[] = [];
    for await (const { rows: some } of client.splitPages(start)) rows.push(...some);
    return rows.map((row) => (row as { ticker: string }).ticker);
  };
  return { read, asked: () => loopback.requests.map(({ path }) => path.split('?')[0]) };
}

const NOT_ENTITLED = { status: 'NOT_AUTHORIZED', message: 'You are not entitled to this data. Please upgrade.' };

test('the new endpoint is asked first, to its end', async () => {
  const { read, asked } = await vendorOf({
    [NEW]: [200, page('A', `${NEW}?cursor=2`)],
    [`${NEW}?cursor=2`]: [200, page('B')],
  });
  expect(await read({ since: '2020-01-01' })).toEqual(['A', 'B']);
  expect(asked()).toEqual([NEW, NEW]);
  expect(server!.requests[0]!.path).toContain('limit=5000&sort=execution_date.asc&execution_date.gte=2020-01-01');
});

test.each([
  ['is gone', 404, { status: 'NOT_FOUND', message: 'Not found' }],
  ['is not in the plan', 403, NOT_ENTITLED],
  ['takes the request for wrong', 400, { status: 'ERROR', error: 'Unknown parameter' }],
])('a new endpoint that %s is replaced by the deprecated one', async (_, status, body) => {
  const { read, asked } = await vendorOf({
    [NEW]: [status, body],
    [OLD]: [200, page('A', `${OLD}?cursor=2`)],
    [`${OLD}?cursor=2`]: [200, page('B')],
  });
  expect(await read()).toEqual(['A', 'B']);
  expect(asked()).toEqual([NEW, OLD, OLD]);
  expect(server!.requests[1]!.path).toContain('limit=1000&sort=execution_date&order=asc');
});

test.each([
  ['a refused key', 401, { status: 'ERROR', error: 'Unknown API Key' }, 'Vendor.AuthFailed'],
  ['a degraded vendor', 502, '<html>', 'Vendor.Unavailable'],
  ['too many calls', 429, '', 'Vendor.RateLimited'],
])('%s is no reason to ask the deprecated one', async (_, status, body, name) => {
  const { read, asked } = await vendorOf({ [NEW]: [status, body] });
  await expect(read()).rejects.toMatchObject({ name });
  expect(asked()).toEqual([NEW]);
});

test('a list taken up at a cursor stays with the endpoint the cursor is of', async () => {
  const { read, asked } = await vendorOf({ [`${OLD}?cursor=2`]: [200, page('B')] });
  expect(await read({ cursor: `${OLD}?cursor=2`, startPage: 2 })).toEqual(['B']);
  await expect(read({ cursor: `${NEW}?cursor=3`, startPage: 2 })).rejects.toMatchObject({ name: 'Vendor.NotFound' });
  expect(asked()).toEqual([OLD, NEW]);
});

test('dividends are asked for by their ex-dividend date, of either endpoint', async () => {
  const loopback = await startLoopback((response, { url }) => {
    const isNew = url!.startsWith('/stocks/v1/dividends');
    send(response, isNew ? 404 : 200, isNew ? { status: 'NOT_FOUND' } : { status: 'OK', results: [] });
  });
  server = loopback;
  const client = polygon({ baseUrl: loopback.url, apiKey: 'k', callsPerMinute: 0, maxPages: 9, http: { maxTries: 1 } });
  for await (const { rows } of client.dividendPages({ since: '2020-01-01' })) expect(rows).toEqual([]);
  expect(loopback.requests.map(({ path }) => path)).toEqual([
    '/stocks/v1/dividends?limit=5000&sort=ex_dividend_date.asc&ex_dividend_date.gte=2020-01-01',
    '/v3/reference/dividends?limit=1000&sort=ex_dividend_date&order=asc&ex_dividend_date.gte=2020-01-01',
  ]);
});
