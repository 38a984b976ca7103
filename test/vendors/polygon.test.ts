import { afterEach, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { polygonIndicators } from '../../src/vendors/polygon.ts';
import { type Loopback, send, startLoopback } from './loopback.ts';

let server: Loopback | undefined;
afterEach(() => server?.close());

async function ask(body: unknown, ticker = 'KIMpL') {
  const loopback = await startLoopback((response) => send(response, 200, body));
  server = loopback;
  const env = { POLYGON_BASE_URL: loopback.url, POLYGON_API_KEY: 'pk-secret-1', POLYGON_CALLS_PER_MINUTE: '0' };
  const value = await polygonIndicators({ config: loadConfig(env) }).valueOn('rsi', ticker, '2025-11-19');
  return { value, path: loopback.requests[0]!.path };
}
const of = (date: string) => ({
  status: 'OK',
  results: { values: [{ timestamp: Date.parse(`${date}T05:00:00Z`), value: 52.5 }] },
});

test('the value of the day is asked for by window and date, with the key in no URL', async () => {
  const { value, path } = await ask(of('2025-11-19'), 'A/B');
  expect(value).toBe(52.5);
  expect(path).toMatch(/^\/v1\/indicators\/rsi\/A%2FB\?timestamp\.lte=2025-11-19&.*window=14.*order=desc&limit=1$/);
  expect(path).not.toContain('secret');
});

test('a value of another day is none, nor is one where the vendor has none', async () => {
  expect((await ask(of('2025-11-18'))).value).toBeUndefined();
  await server?.close();
  expect((await ask({ status: 'OK', results: {} })).value).toBeUndefined();
});

test('another shape is refused by name', async () => {
  await expect(ask({ status: 'OK', results: { values: [{ value: 'x' }] } })).rejects.toMatchObject({
    name: 'Data.Invalid',
  });
});
