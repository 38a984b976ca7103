import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { NamedError } from '../../src/errors.ts';
import { parseAssets } from '../../src/records/asset.ts';
import { parseTickers } from '../../src/records/ticker.ts';
import { alpaca } from '../../src/vendors/alpaca.ts';
import { polygon } from '../../src/vendors/polygon.ts';
import { type Loopback, send, startLoopback } from './loopback.ts';

interface Fixture {
  title: string;
  request: { call: string; date?: string; market?: string; cursor?: string; since?: string; symbol?: string };
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
  bodyText?: string;
  expected: {
    rows?: unknown[];
    /** Symbols of the records that the rows make, and the rows that make none. */
    records?: string[];
    rejected?: [symbol: string, reason: string][];
    cursor?: string | null;
    error?: string;
    says?: string[];
    retryAfterSeconds?: number;
    requests?: number;
    slept?: number[];
  };
}

const SECRET = 'pk-secret-0123456789';
let server: Loopback | undefined;
// A time a fixture gives from now on is as far away when it is read.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => {
  vi.useRealTimers();
  return server?.close();
});

for (const vendor of ['polygon', 'alpaca'] as const) {
  const folder = new URL(`../fixtures/${vendor}/`, import.meta.url);
  describe(`${vendor} answers`, () => {
    for (const file of readdirSync(folder).sort()) {
      const fixture = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Fixture;
      test(`${file}: ${fixture.title}`, () => check(vendor, fixture));
    }
  });
}

async function check(vendor: 'polygon' | 'alpaca', { request, status, headers, body, bodyText, expected }: Fixture) {
  const slept: number[] = [];
  const sent = Object.entries(headers ?? {}).map(([name, value]) => [name, value.replace(/^<now\+(\d+)>$/, fromNow)]);
  const loopback = await startLoopback((response) =>
    send(response, status, bodyText ?? body, Object.fromEntries(sent) as Record<string, string>),
  );
  server = loopback;
  const ask = () => (vendor === 'polygon' ? askPolygon(loopback.url, request, slept) : askAlpaca(loopback.url, slept));
  if (expected.error === undefined) {
    const { rows, cursor } = await ask();
    expect(rows).toEqual(expected.rows);
    if (expected.records) {
      const parsed = vendor === 'polygon' ? parseTickers(rows) : parseAssets(rows);
      expect(parsed.records.map(({ symbol }) => symbol)).toEqual(expected.records);
      expect(parsed.rejected.map(({ symbol, reason }) => [symbol, reason])).toEqual(expected.rejected);
    }
    if (expected.cursor !== undefined) expect(cursor ?? null).toBe(expected.cursor);
  } else {
    const error = (await ask().then(
      () => undefined,
      (thrown) => thrown,
    )) as NamedError;
    expect([error?.name, error?.message]).toEqual([expected.error, expect.anything()]);
    for (const words of expected.says ?? []) expect(error.message).toContain(words);
    expect(error.message).not.toContain(SECRET);
    if (expected.retryAfterSeconds !== undefined) {
      expect(Math.abs((error.retryAfterSeconds ?? -1) - expected.retryAfterSeconds)).toBeLessThanOrEqual(1);
    }
  }
  expect(loopback.requests).toHaveLength(expected.requests ?? 1);
  if (expected.slept) expect(slept).toEqual(expected.slept);
  for (const { path } of loopback.requests) expect(path).not.toContain(SECRET);
}

function fromNow(_: string, seconds: string): string {
  return String(Math.floor(Date.now() / 1000) + Number(seconds));
}

async function askPolygon(baseUrl: string, request: Fixture['request'], slept: number[]) {
  const { call, date, market, cursor, since, symbol } = request;
  const http = { sleep: async (ms: number) => void slept.push(ms) };
  const client = polygon({ baseUrl, apiKey: SECRET, callsPerMinute: 0, maxPages: 10, http });
  if (call === 'details') return { rows: [(await client.details(symbol ?? '')).row], cursor: undefined };
  if (call === 'grouped') return { ...(await client.grouped(date ?? '')), cursor: undefined };
  const pages = call === 'splits' ? client.splitPages({ since }) : client.tickerPages({ market: market ?? '', cursor });
  return firstPage(pages);
}

async function askAlpaca(baseUrl: string, slept: number[]) {
  const http = { sleep: async (ms: number) => void slept.push(ms) };
  return firstPage(alpaca({ baseUrl, keyId: 'AK-0123456789', secretKey: SECRET, http }).assetPages());
}

async function firstPage(pages: AsyncIterable<{ rows: unknown[]; cursor: string | undefined }>) {
  for await (const page of pages) return page;
  throw new Error('no page came');
}
