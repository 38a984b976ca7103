import { afterEach, describe, expect, test } from 'vitest';
import type { VendorPage } from '../../src/vendors/paging.ts';
import { type PolygonOptions, polygon } from '../../src/vendors/polygon.ts';
import { type Loopback, send, startLoopback } from './loopback.ts';

const KEY = 'pk-secret-0123456789';
const PATH = '/v3/reference/tickers';
let server: Loopback | undefined;
afterEach(() => server?.close());

/** A list of so many pages; page n names page n + 1 on the vendor's own host, or the page that `loopTo` says. */
async function startList(pages: number, options: { loopTo?: number; headers?: Record<string, string> } = {}) {
  const { loopTo, headers } = options;
  server = await startLoopback((response, request) => {
    const page = Number(new URL(request.url ?? '', 'http://x').searchParams.get('cursor') ?? 1);
    const next = page < pages ? page + 1 : loopTo;
    const nextUrl = next === undefined ? {} : { next_url: `https://api.massive.com${PATH}?cursor=${next}` };
    send(response, 200, { status: 'OK', count: 1, results: [{ ticker: `P${page}` }], ...nextUrl }, headers);
  });
  return server;
}

function client(baseUrl: string, more: Partial<PolygonOptions> = {}) {
  return polygon({ baseUrl, apiKey: KEY, callsPerMinute: 0, maxPages: 100, ...more });
}

async function readAll(pages: AsyncIterable<VendorPage>): Promise<{ pages: VendorPage[]; error?: unknown }> {
  const read: VendorPage[] = [];
  try {
    for await (const page of pages) read.push(page);
  } catch (error) {
    return { pages: read, error };
  }
  return { pages: read };
}

describe('following a list', () => {
  test('every page is read once, in order, on the configured host, with the key in the header only', async () => {
    const { url, requests } = await startList(4);
    const { pages } = await readAll(client(url).tickerPages({ market: 'stocks' }));
    expect(pages.map(({ page, rows }) => [page, rows])).toEqual(
      [1, 2, 3, 4].map((page) => [page, [{ ticker: `P${page}` }]]),
    );
    expect(requests.map(({ path }) => path)).toEqual([
      `${PATH}?market=stocks&active=true&order=asc&limit=1000&sort=ticker`,
      ...[2, 3, 4].map((page) => `${PATH}?cursor=${page}`),
    ]);
    for (const { headers } of requests) expect(headers.authorization).toBe(`Bearer ${KEY}`);
    expect(JSON.stringify(pages)).not.toMatch(/massive|127\.0\.0\.1|pk-secret/);
  });

  test('the pages are asked for one by one, only when they are wanted', async () => {
    const { url, requests } = await startList(4);
    for await (const _page of client(url).tickerPages({ market: 'otc' })) break;
    expect(requests).toHaveLength(1);
  });

  test('a base URL with a path is kept in front of every page', async () => {
    const { url, requests } = await startList(2);
    await readAll(client(`${url}/massive/`).tickerPages({ market: 'stocks' }));
    expect(requests.map(({ path }) => path.split('?')[0])).toEqual([`/massive${PATH}`, `/massive${PATH}`]);
  });

  test('a kept cursor takes the list up at its page', async () => {
    const { url, requests } = await startList(4);
    const start = { market: 'stocks', cursor: `${PATH}?cursor=3`, startPage: 3 };
    const { pages } = await readAll(client(url).tickerPages(start));
    expect(pages.map(({ page }) => page)).toEqual([3, 4]);
    expect(requests).toHaveLength(2);
  });

  test.each([2, 3, 4])('a list of 4 pages that goes back to page %i ends with CursorLoop', async (loopTo) => {
    const { url, requests } = await startList(4, { loopTo });
    const { pages, error } = await readAll(client(url).tickerPages({ market: 'stocks' }));
    expect(error).toMatchObject({ name: 'Pagination.CursorLoop' });
    expect(pages).toHaveLength(3);
    expect(requests).toHaveLength(4);
  });

  test('a loop is seen across resumed calls: by the cursor itself and by those seen before', async () => {
    const { url } = await startList(4, { loopTo: 2 });
    const seen = [2, 3].map((page) => `${PATH}?cursor=${page}`);
    const start = { market: 'stocks', cursor: `${PATH}?cursor=4`, startPage: 4 };
    const resumed = await readAll(client(url).tickerPages({ ...start, seenCursors: seen }));
    expect(resumed.error).toMatchObject({ name: 'Pagination.CursorLoop' });
    expect(resumed.pages).toEqual([]);
  });

  test('a list longer than MAX_PAGES gives its pages and then LimitReached, never a short list', async () => {
    const { url, requests } = await startList(4);
    const { pages, error } = await readAll(client(url, { maxPages: 3 }).tickerPages({ market: 'stocks' }));
    expect(pages).toHaveLength(3);
    expect(error).toMatchObject({ name: 'Pagination.LimitReached', message: expect.stringContaining('MAX_PAGES') });
    expect(requests).toHaveLength(3);
  });

  test('a list of exactly MAX_PAGES is whole', async () => {
    const { url } = await startList(3);
    const { pages, error } = await readAll(client(url, { maxPages: 3 }).tickerPages({ market: 'stocks' }));
    expect([pages.length, error]).toEqual([3, undefined]);
  });

  test('a call resumed beyond MAX_PAGES asks nothing', async () => {
    const { url, requests } = await startList(9);
    const start = { market: 'stocks', cursor: `${PATH}?cursor=4`, startPage: 4 };
    const { error } = await readAll(client(url, { maxPages: 3 }).tickerPages(start));
    expect(error).toMatchObject({ name: 'Pagination.LimitReached' });
    expect(requests).toHaveLength(0);
  });

  test('a kept cursor with a host in it is refused before anything is sent', async () => {
    const { url, requests } = await startList(1);
    for (const cursor of ['https://elsewhere.example/v3', '@elsewhere.example/v3', 'elsewhere']) {
      const { error } = await readAll(client(url).tickerPages({ market: 'stocks', cursor }));
      expect(error).toMatchObject({ name: 'Usage.Invalid' });
    }
    expect(requests).toHaveLength(0);
  });
});

describe('pacing told to the caller', () => {
  test.each([
    [5, 12],
    [7, 9],
    [100, 1],
    [0, 0],
  ])('%i calls a minute are %i s between calls', async (callsPerMinute, waitSeconds) => {
    const { url } = await startList(1);
    const { pages } = await readAll(client(url, { callsPerMinute }).tickerPages({ market: 'stocks' }));
    expect(pages[0]?.waitSeconds).toBe(waitSeconds);
    expect(pages[0]?.practice).toBe(false);
  });

  test('practice answers ask for no wait, and switch the limiter off', async () => {
    const { url } = await startList(4, { headers: { 'x-afterbell-practice': 'generated' } });
    const slept: number[] = [];
    const http = { sleep: async (ms: number) => void slept.push(ms) };
    const { pages } = await readAll(client(url, { callsPerMinute: 5, http }).tickerPages({ market: 'stocks' }));
    expect(pages.map(({ practice, waitSeconds }) => [practice, waitSeconds])).toEqual(Array(4).fill([true, 0]));
    expect(slept).toEqual([]);
  });

  test('pages read in one process wait for their turn', async () => {
    const { url } = await startList(3);
    const slept: number[] = [];
    const http = { sleep: async (ms: number) => void slept.push(ms) };
    await readAll(client(url, { callsPerMinute: 5, http }).tickerPages({ market: 'stocks' }));
    expect(slept).toHaveLength(2);
    for (const ms of slept) expect(ms).toBeGreaterThan(10_000);
  });
});

test('no key is a named error that names the variable', () => {
  for (const apiKey of [undefined, '', '  ']) {
    expect(() => client('https://api.massive.com', { apiKey })).toThrowError(
      expect.objectContaining({ name: 'Vendor.KeyMissing', message: expect.stringContaining('POLYGON_API_KEY') }),
    );
  }
});
