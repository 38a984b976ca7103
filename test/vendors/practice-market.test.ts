import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generateMarket } from '../../src/local/market/generator.ts';
import { startMarket } from '../../src/local/market/start-market.ts';
import { parseAssets } from '../../src/records/asset.ts';
import { parseBars } from '../../src/records/bar.ts';
import { parseTickers } from '../../src/records/ticker.ts';
import { alpaca } from '../../src/vendors/alpaca.ts';
import type { VendorPage } from '../../src/vendors/paging.ts';
import { polygon } from '../../src/vendors/polygon.ts';

const DATE = '2025-11-19';
const source = generateMarket({ symbols: 1500, seed: 7 });
let market: Awaited<ReturnType<typeof startMarket>>;
beforeEach(async () => {
  market = await startMarket({ source });
});
afterEach(() => market.close());

const http = { sleep: async () => {} };
const massive = (more = {}) =>
  polygon({
    baseUrl: market.url,
    apiKey: 'practice',
    callsPerMinute: 5,
    maxPages: 50,
    http: { ...http, ...more },
  });
const broker = () => alpaca({ baseUrl: market.url, keyId: 'practice', secretKey: 'practice', http });

async function rowsOf(pages: AsyncIterable<VendorPage>): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const page of pages) rows.push(...page.rows);
  return rows;
}

describe('the clients read the practice market', () => {
  test('tickers of every page, none twice, none rejected, no field unknown', async () => {
    const rows = await rowsOf(massive().tickerPages({ market: 'stocks' }));
    const { records, rejected, unknownFields } = parseTickers(rows);
    expect(records.length).toBeGreaterThan(1000);
    expect([rejected, unknownFields]).toEqual([[], []]);
    expect(market.requests).toHaveLength(2);
  });

  test('a session without the need for a wait, none of its rows rejected', async () => {
    const day = await massive().grouped(DATE, { includeOtc: true });
    expect([day.practice, day.waitSeconds]).toEqual([true, 0]);
    const { records, rejected } = parseBars(day.rows, {
      date: DATE,
      source: 'polygon',
      ingestedAt: `${DATE}T23:00:00Z`,
    });
    expect(records.length).toBeGreaterThan(1000);
    expect(rejected).toEqual([]);
  });

  test('a holiday as a day without rows', async () => {
    expect((await massive().grouped('2025-12-25')).rows).toEqual([]);
  });

  test('splits since a date', async () => {
    const rows = (await rowsOf(massive().splitPages({ since: '2020-01-01' }))) as { execution_date: string }[];
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expect(row.execution_date >= '2020-01-01').toBe(true);
  });

  test('assets, of which only the all-digit placeholder is rejected', async () => {
    const { records, rejected } = parseAssets(await rowsOf(broker().assetPages()));
    expect(records.some(({ tradable }) => !tradable)).toBe(true);
    expect(rejected.map(({ reason }) => reason)).toEqual(['symbol is all digits']);
  });
});

describe('its misbehaviours have names', () => {
  test.each([
    ['rate-limit', 'Vendor.RateLimited'],
    ['before-end-of-day', 'Vendor.NotYetAvailable'],
    ['unauthorized', 'Vendor.AuthFailed'],
    ['server-error', 'Vendor.Unavailable'],
    ['truncated-json', 'Vendor.TruncatedBody'],
    // Its end comes later than any limit on a body.
    ['slow-body', 'Vendor.Unavailable', { timeoutMs: 500 }],
  ])('%s is %s', async (misbehaviour, name, more?) => {
    market.misbehave([misbehaviour]);
    await expect(massive(more).grouped(DATE)).rejects.toMatchObject({ name });
  });

  test('looping-cursor is Pagination.CursorLoop', async () => {
    market.misbehave(['looping-cursor']);
    await expect(rowsOf(massive().tickerPages({ market: 'stocks' }))).rejects.toMatchObject({
      name: 'Pagination.CursorLoop',
    });
  });

  test('one server error is passed over by the second try', async () => {
    market.misbehave(['server-error:1']);
    expect((await massive().grouped(DATE)).rows.length).toBeGreaterThan(1000);
    expect(market.requests).toHaveLength(2);
  });

  test('wrong-types rows are rejected one by one and nothing is lost', async () => {
    market.misbehave(['wrong-types']);
    const { rows } = await massive().grouped(DATE);
    const { records, rejected } = parseBars(rows, { date: DATE, source: 'polygon', ingestedAt: `${DATE}T23:00:00Z` });
    expect(rejected.length).toBeGreaterThan(0);
    expect(records.length + rejected.length).toBe(rows.length);
    expect(rejected.length).toBeLessThan(rows.length / 10);
  });
});
