import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHttp, type HttpOptions } from '../../src/vendors/http.ts';
import { classifyPolygonResponse } from '../../src/vendors/polygon-errors.ts';
import { type Loopback, send, startLoopback } from './loopback.ts';

let server: Loopback | undefined;
afterEach(async () => {
  vi.useRealTimers();
  await server?.close();
});

function client(baseUrl: string, more: Partial<HttpOptions> = {}) {
  const sleep = async () => {};
  const headers = { authorization: 'Bearer pk-secret-0123456789' };
  return createHttp({ vendor: 'Polygon', baseUrl, headers, classify: classifyPolygonResponse, sleep, ...more });
}

const failing = () => startLoopback((response) => send(response, 502, '<html></html>'));

describe('quick tries', () => {
  test('one failure is followed by one more try that can succeed', async () => {
    server = await startLoopback((response, _, count) =>
      count === 1 ? send(response, 502, '<html></html>') : send(response, 200, { status: 'OK', a: 1 }),
    );
    expect(await client(server.url).getJson('/a')).toEqual({
      json: { status: 'OK', a: 1 },
      practice: false,
      status: 200,
    });
    expect(server.requests).toHaveLength(2);
  });

  test('maxTries bounds the requests, and the pauses are jittered below a doubling limit', async () => {
    server = await failing();
    const slept: number[] = [];
    const options = { maxTries: 4, random: () => 0.5, sleep: async (ms: number) => void slept.push(ms) };
    await expect(client(server.url, options).getJson('/a')).rejects.toMatchObject({ name: 'Vendor.Unavailable' });
    expect(server.requests).toHaveLength(4);
    expect(slept).toEqual([250, 500, 1000]);
  });

  test('a programming mistake is not tried again and keeps its own type', async () => {
    let calls = 0;
    const fetch = async () => {
      calls++;
      throw new TypeError('x is not a function');
    };
    await expect(client('http://127.0.0.1:9', { fetch }).getJson('/a')).rejects.toThrow(TypeError);
    expect(calls).toBe(1);
  });

  test('no second try begins when its pause would pass the deadline', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    let asked = 0;
    const fetch = async () => {
      asked += 1;
      return new Response('', { status: 503, headers: { 'retry-after': '5' } });
    };
    const slept: number[] = [];
    const { getJson } = client('http://127.0.0.1:9', { fetch, sleep: async (ms) => void slept.push(ms) });
    await expect(getJson('/a', { deadline: Date.now() + 4_000 })).rejects.toMatchObject({ retryAfterSeconds: 5 });
    expect([asked, slept]).toEqual([1, []]);
    await expect(getJson('/a', { deadline: Date.now() + 60_000 })).rejects.toMatchObject({ retryAfterSeconds: 5 });
    expect([asked, slept]).toEqual([3, [5_000]]);
  });

  test('nothing is sent when no time is left', async () => {
    server = await failing();
    await expect(client(server.url).getJson('/a', { deadline: Date.now() - 1 })).rejects.toMatchObject({
      name: 'Vendor.Unavailable',
      message: expect.stringContaining('no time left'),
    });
    expect(server.requests).toHaveLength(0);
  });
});

describe('broken transports', () => {
  test('a body that never ends is Vendor.Unavailable after the time for one try', async () => {
    server = await startLoopback((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"status":"OK"');
      const drip = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(drip));
    });
    const { getJson } = client(server.url, { timeoutMs: 80, maxTries: 1 });
    await expect(getJson('/slow?key=1')).rejects.toMatchObject({
      name: 'Vendor.Unavailable',
      message: expect.stringMatching(/no whole answer to GET \/slow in time/),
    });
  });

  test('a server that says nothing is Vendor.Unavailable', async () => {
    server = await startLoopback(() => {});
    const { getJson } = client(server.url, { timeoutMs: 50, maxTries: 1 });
    await expect(getJson('/a')).rejects.toMatchObject({ name: 'Vendor.Unavailable' });
  });

  test('a body shorter than its Content-Length is Vendor.TruncatedBody', async () => {
    server = await startLoopback((response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"status":"OK"}', () => response.destroy());
    });
    await expect(client(server.url, { maxTries: 1 }).getJson('/a')).rejects.toMatchObject({
      name: 'Vendor.TruncatedBody',
      message: expect.stringContaining('ended early'),
    });
  });

  test('a gzip body that is damaged is Vendor.TruncatedBody', async () => {
    server = await startLoopback((response) => send(response, 200, 'no gzip at all', { 'content-encoding': 'gzip' }));
    await expect(client(server.url, { maxTries: 1 }).getJson('/a')).rejects.toMatchObject({
      name: 'Vendor.TruncatedBody',
    });
  });

  test('a refused connection and a hung-up one are Vendor.Unavailable, without the query in the message', async () => {
    server = await startLoopback((response) => response.destroy());
    const hungUp = client(server.url).getJson('/a?cursor=token');
    await expect(hungUp).rejects.toMatchObject({ name: 'Vendor.Unavailable' });
    await expect(hungUp).rejects.not.toThrow(/token/);
    expect(server.requests).toHaveLength(2);
    const { url } = server;
    await server.close();
    await expect(client(url).getJson('/a')).rejects.toMatchObject({
      name: 'Vendor.Unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('an abort ends the call with its own reason, in flight and between tries', async () => {
    const inFlight = new AbortController();
    server = await startLoopback(() => inFlight.abort(new Error('stop now')));
    const call = client(server.url).getJson('/a', { signal: inFlight.signal });
    await expect(call).rejects.toThrow('stop now');
    await server.close();
    server = await failing();
    const waiting = new AbortController();
    const { getJson } = client(server.url, { maxTries: 3, sleep: async () => waiting.abort(new Error('stop then')) });
    await expect(getJson('/a', { signal: waiting.signal })).rejects.toThrow('stop then');
    expect(server.requests).toHaveLength(1);
  });
});

describe('the breaker', () => {
  const breaker = { failures: 3, pauseMs: 20_000 };

  test('after repeated failures nothing is sent any more, and the error says for how long', async () => {
    server = await failing();
    vi.useFakeTimers({ toFake: ['Date'] });
    const { getJson } = client(server.url, { breaker, maxTries: 1 });
    for (let call = 0; call < 8; call++)
      await expect(getJson('/a')).rejects.toMatchObject({ name: 'Vendor.Unavailable' });
    expect(server.requests).toHaveLength(3);
    await expect(getJson('/a')).rejects.toMatchObject({
      retryAfterSeconds: 20,
      message: expect.stringContaining('left alone for 20 s'),
    });
  });

  test('after its pause one call may try, and a good answer closes it', async () => {
    server = await startLoopback((response, _, count) =>
      count <= 3 ? send(response, 502, '') : send(response, 200, { status: 'OK' }),
    );
    vi.useFakeTimers({ toFake: ['Date'] });
    const { getJson } = client(server.url, { breaker, maxTries: 1 });
    for (let call = 0; call < 4; call++) await expect(getJson('/a')).rejects.toThrow();
    vi.setSystemTime(Date.now() + 20_001);
    for (let call = 0; call < 2; call++) expect((await getJson('/a')).status).toBe(200);
    expect(server.requests).toHaveLength(5);
  });

  test('practice answers do not open it: their nights do not wait in real seconds', async () => {
    server = await startLoopback((response) => send(response, 502, '', { 'x-afterbell-practice': 'generated' }));
    const { getJson } = client(server.url, { breaker, maxTries: 1 });
    for (let call = 0; call < 8; call++) await expect(getJson('/a')).rejects.toThrow();
    expect(server.requests).toHaveLength(8);
  });

  test('refusals and rate limits do not open it', async () => {
    server = await startLoopback((response, _, count) => send(response, count % 2 ? 401 : 429, ''));
    const { getJson } = client(server.url, { breaker, maxTries: 1 });
    for (let call = 0; call < 8; call++) await expect(getJson('/a')).rejects.toThrow();
    expect(server.requests).toHaveLength(8);
  });
});

describe('what may be configured', () => {
  test.each([
    '',
    'api.massive.com',
    'ftp://api.massive.com',
    'https://user:pass-word@api.massive.com',
    'https://a/?k=1',
  ])('the base URL %j is refused without being quoted', (baseUrl) => {
    expect(() => client(baseUrl)).toThrowError(expect.objectContaining({ name: 'Config.Invalid' }));
    expect(() => client(baseUrl)).not.toThrowError(/pass-word/);
  });

  test('a key with a line break is refused without being quoted', () => {
    const headers = { authorization: 'Bearer pk-secret\n0123456789' };
    expect(() => client('https://api.massive.com', { headers })).toThrowError(
      expect.objectContaining({ name: 'Config.Invalid', message: expect.not.stringContaining('pk-secret') }),
    );
  });

  test('practice answers are marked as such', async () => {
    server = await startLoopback((response) =>
      send(response, 200, { status: 'OK' }, { 'x-afterbell-practice': 'generated' }),
    );
    expect((await client(server.url).getJson('/a')).practice).toBe(true);
  });
});
