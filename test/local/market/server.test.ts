import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { generateMarket } from '../../../src/local/market/generator.ts';
import { startMarket } from '../../../src/local/market/server.ts';
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

describe('practice market server', () => {
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
