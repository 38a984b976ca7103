import { request } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { generateMarket } from '../../../src/local/market/generator.ts';
import { KEPT_REQUESTS } from '../../../src/local/market/open-market.ts';
import { startMarket } from '../../../src/local/market/start-market.ts';
import { KEPT_ANSWERS } from '../../../src/local/market/xai.ts';
import { ask, grouped, withMarket } from './ask.ts';

const source = generateMarket({ symbols: 60, seed: 1 });

/** Raw bytes and headers of one answer; fetch would unzip them. */
function raw(url: string, headers: Record<string, string>): Promise<{ bytes: number; encoding: string | undefined }> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('end', () => resolve({ bytes, encoding: response.headers['content-encoding'] }));
    })
      .on('error', reject)
      .end();
  });
}

/** Sends so many requests over one connection, without waiting for answers, and counts the answers. */
function pipelined(url: string, requests: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let answers = 0;
    let rest = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('HTTP/1.1 ');
      answers += parts.length - 1;
      rest = parts.at(-1)!.slice(-'HTTP/1.1 '.length);
      if (answers >= requests.length) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answers));
    socket.write(requests.join(''));
  });
}

describe('practice market server', () => {
  it('remembers the newest 10,000 of 12,000 requests', async () => {
    await withMarket({ source }, async (market) => {
      const sent = Array.from(
        { length: 12_000 },
        (_, number) => `GET /nowhere/${number} HTTP/1.1\r\nhost: ${new URL(market.url).host}\r\n\r\n`,
      );
      expect(await pipelined(market.url, sent)).toBe(sent.length);
      expect(market.requests).toHaveLength(KEPT_REQUESTS);
      expect(market.requests[0]?.path).toBe('/nowhere/2000');
      expect(market.requests.at(-1)?.path).toBe('/nowhere/11999');
    });
  });

  it('keeps the newest 1,000 answers that nobody fetches', async () => {
    await withMarket({ source }, async (market) => {
      const headers = { authorization: 'Bearer any' };
      const body = JSON.stringify({ deferred: true, messages: [{ role: 'user', content: 'x' }] });
      const ids: string[] = [];
      for (let asked = 0; asked < KEPT_ANSWERS + 5; asked += 1) {
        const answer = await fetch(`${market.url}/v1/chat/completions`, { method: 'POST', headers, body });
        ids.push(((await answer.json()) as { request_id: string }).request_id);
      }
      const found = [];
      for (const id of [ids[4], ids[5], ids.at(-1)])
        found.push((await ask(market, `/v1/chat/deferred-completion/${id}`)).status);
      expect(found).toEqual([404, 202, 202]);
    });
  });

  it('tells what it is at its root, without credentials', async () => {
    await withMarket({ source }, async (market) => {
      expect(market.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      const active = (await source.tickers(undefined, '2026-11-20')).filter((row) => row.active).length;
      expect((await ask(market, '/', {})).json).toEqual({
        practice: true,
        source: 'generated',
        symbols: active,
        from: '1990-01-02',
        to: '2026-11-20',
      });
    });
  });

  it('refuses requests without credentials as each vendor does', async () => {
    await withMarket({ source }, async (market) => {
      for (const path of ['/v3/reference/tickers', `${grouped('2026-11-20')}&apiKey=inurl`, '/v3/reference/splits'])
        for (const headers of [{}, { authorization: 'Bearer ' }] as Record<string, string>[])
          expect(await ask(market, path, headers)).toMatchObject({
            status: 401,
            json: { status: 'ERROR', request_id: expect.any(String), error: 'Unknown API Key' },
          });
      expect(await ask(market, '/v2/assets', { 'apca-api-key-id': 'id' })).toMatchObject({
        status: 401,
        json: { message: 'unauthorized' },
      });
    });
  });

  it('marks every answer as practice data, refusals included', async () => {
    await withMarket({ source, misbehave: ['server-error:1'] }, async (market) => {
      const paths = [
        '/v2/assets',
        '/',
        '/nowhere',
        '/v2/assets',
        grouped('2026-11-20'),
        '/v3/reference/tickers?limit=x',
      ];
      const answers = [];
      for (const path of paths) answers.push(await ask(market, path));
      expect(answers.map((answer) => answer.status)).toEqual([502, 200, 404, 200, 200, 400]);
      answers.push(await ask(market, '/v2/assets', {}));
      for (const answer of answers) expect(answer.headers.get('x-afterbell-practice')).toBe('generated');
    });
  });

  it('records method and path with query of every request, and no header', async () => {
    await withMarket({ source }, async (market) => {
      await ask(market, '/v2/assets?status=active');
      await ask(market, grouped('2026-11-20'));
      expect(market.requests).toEqual([
        { method: 'GET', path: '/v2/assets?status=active', at: expect.any(Number) },
        { method: 'GET', path: grouped('2026-11-20'), at: expect.any(Number) },
      ]);
    });
  });

  it('gzips for clients that take it', async () => {
    await withMarket({ source }, async (market) => {
      const url = market.url + grouped('2026-11-20');
      const plain = await raw(url, { authorization: 'Bearer k' });
      const zipped = await raw(url, { authorization: 'Bearer k', 'accept-encoding': 'gzip, br' });
      expect(plain.encoding).toBeUndefined();
      expect(zipped.encoding).toBe('gzip');
      expect(zipped.bytes).toBeLessThan(plain.bytes / 2);
    });
  });

  it('serves a whole market in one answer', async () => {
    await withMarket({ source: generateMarket({ symbols: 5400, seed: 1 }) }, async (market) => {
      const { results } = (await ask(market, grouped('2026-11-20', 'adjusted=false&include_otc=true'))).json;
      expect(results!.length).toBeGreaterThan(5200);
    });
  });

  it('says by name that a port is taken', async () => {
    await withMarket({ source }, async (market) => {
      const port = Number(new URL(market.url).port);
      await expect(startMarket({ source, port })).rejects.toMatchObject({
        name: 'Usage.Invalid',
        message: expect.stringContaining(`port ${port}: EADDRINUSE`),
      });
    });
  });
});
