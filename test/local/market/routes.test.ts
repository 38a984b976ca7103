import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { generateMarket } from '../../../src/local/market/generator.ts';
import { parseMisbehaviours } from '../../../src/local/market/routes.ts';
import { ask, grouped, withMarket } from './ask.ts';

const source = generateMarket({ symbols: 300, seed: 1 });
const DATE = '2026-11-20';
const TICKERS = '/v3/reference/tickers?market=stocks&limit=1000';
const ASSETS = '/v2/assets?status=active';

describe('parseMisbehaviours', () => {
  it('reads names, counts and limits in either order, commas too', () => {
    expect(parseMisbehaviours(['half-missing', 'server-error:3', 'unauthorized@alpaca,rate-limit@tickers:2'])).toEqual([
      { name: 'half-missing', routes: ['grouped'], times: Number.POSITIVE_INFINITY },
      { name: 'server-error', routes: expect.arrayContaining(['tickers', 'assets', 'members']), times: 3 },
      { name: 'unauthorized', routes: ['assets'], times: Number.POSITIVE_INFINITY },
      { name: 'rate-limit', routes: ['tickers'], times: 2 },
    ]);
    expect(parseMisbehaviours(['rate-limit:2@tickers'])).toEqual(parseMisbehaviours(['rate-limit@tickers:2']));
    expect(parseMisbehaviours(['half-missing@polygon'])[0]!.routes).toEqual([
      'tickers',
      'grouped',
      'splits',
      'dividends',
    ]);
    expect(parseMisbehaviours([])).toEqual([]);
  });

  it('refuses anything else by name, and says what is wanted and where all names are', () => {
    for (const text of [
      'half',
      '',
      'server-error:0',
      'server-error:x',
      'rate-limit@nasdaq',
      'late-correction@assets',
      'slow-body:1@grouped:2',
    ])
      expect(() => parseMisbehaviours([text]), text).toThrow(
        expect.objectContaining({
          name: 'Usage.Invalid',
          message: expect.stringMatching(/does not know this misbehaviour: ".*\nWanted .*npx afterbell market --help$/),
        }),
      );
  });
});

describe('misbehaviours', () => {
  it('rate-limit: 429 without Retry-After, every second one with an empty body', async () => {
    await withMarket({ source, misbehave: ['rate-limit'] }, async (market) => {
      const answers = [];
      for (let i = 0; i < 4; i++) answers.push(await ask(market, grouped(DATE)));
      for (const { status, headers } of answers) expect([status, headers.get('retry-after')]).toEqual([429, null]);
      expect(answers.map(({ text }) => text === '')).toEqual([false, true, false, true]);
      expect(answers[0]!.json).toMatchObject({
        status: 'ERROR',
        error: expect.stringContaining('exceeded the maximum requests'),
      });
      const alpaca = await ask(market, ASSETS);
      expect(alpaca).toMatchObject({ status: 429, json: { message: 'rate limit exceeded' } });
      expect(Number(alpaca.headers.get('x-ratelimit-reset'))).toBeGreaterThan(1.7e9);
    });
  });

  it('acts for the first k requests of its routes only, and refusals follow one another', async () => {
    await withMarket({ source, misbehave: ['rate-limit@grouped:2', 'server-error@grouped:1'] }, async (market) => {
      const statuses = [];
      for (let i = 0; i < 5; i++) {
        statuses.push((await ask(market, grouped(DATE))).status);
        expect((await ask(market, TICKERS)).status).toBe(200);
      }
      expect(statuses).toEqual([429, 429, 502, 200, 200]);
      market.misbehave(['unauthorized:1']);
      expect([(await ask(market, ASSETS)).status, (await ask(market, ASSETS)).status]).toEqual([401, 200]);
      expect(() => market.misbehave(['nonsense'])).toThrow(expect.objectContaining({ name: 'Usage.Invalid' }));
    });
  });

  it('unauthorized: 401 for the vendor it is limited to', async () => {
    await withMarket({ source, misbehave: ['unauthorized@polygon'] }, async (market) => {
      for (const path of [TICKERS, grouped(DATE), '/v3/reference/splits'])
        expect(await ask(market, path)).toMatchObject({ status: 401, json: { error: 'Unknown API Key' } });
      expect((await ask(market, ASSETS)).status).toBe(200);
    });
  });

  it('before-end-of-day: 403 for prices only', async () => {
    await withMarket({ source, misbehave: ['before-end-of-day'] }, async (market) => {
      expect(await ask(market, grouped(DATE))).toMatchObject({
        status: 403,
        json: { status: 'NOT_AUTHORIZED', message: expect.stringContaining("today's data before end of day") },
      });
      expect((await ask(market, TICKERS)).status).toBe(200);
    });
  });

  it('server-error: an HTML 502', async () => {
    await withMarket({ source, misbehave: ['server-error'] }, async (market) => {
      const { status, text, headers } = await ask(market, ASSETS);
      expect([status, headers.get('content-type')]).toEqual([502, 'text/html']);
      expect(text).toContain('<html>');
    });
  });

  it('truncated-json: a complete HTTP 200 whose JSON breaks off', async () => {
    await withMarket({ source }, async (market) => {
      for (const path of [grouped(DATE), TICKERS, ASSETS]) {
        market.misbehave(['truncated-json:1']);
        const cut = await ask(market, path);
        const whole = await ask(market, path);
        expect([cut.status, cut.json]).toEqual([200, undefined]);
        expect(cut.text.length).toBeGreaterThan(whole.text.length / 3);
        expect(whole.text.startsWith(cut.text)).toBe(true);
        expect(whole.json).toBeDefined();
      }
    });
  });

  it('looping-cursor: the next page leads to itself', async () => {
    await withMarket({ source, misbehave: ['looping-cursor'] }, async (market) => {
      for (const limit of [50, 1000]) {
        const urls: string[] = [];
        let path = `/v3/reference/tickers?market=stocks&limit=${limit}`;
        for (let i = 0; i < 4; i++) {
          const url = (await ask(market, path)).json.next_url as unknown as string;
          urls.push(url);
          path = new URL(url).pathname + new URL(url).search;
        }
        expect(new Set(urls).size).toBe(1);
      }
    });
  });

  it('late-correction: about one symbol in a hundred has another close and volume, always the same ones', async () => {
    await withMarket({ source }, async (market) => {
      const before = (await ask(market, grouped(DATE))).json.results!;
      market.misbehave(['late-correction']);
      const after = await ask(market, grouped(DATE));
      expect((await ask(market, grouped(DATE))).text).toBe(after.text);
      const rows = after.json.results!;
      const changed = rows.filter((row, i) => JSON.stringify(row) !== JSON.stringify(before[i]));
      expect(changed).toHaveLength(Math.round(before.length / 100));
      for (const row of changed) {
        const old = before.find(({ T }) => T === row.T)!;
        expect(row.v).not.toBe(old.v);
        expect(row.c).not.toBe(old.c);
        expect(Number(row.c)).toBeGreaterThanOrEqual(Number(row.l));
        expect(Number(row.c)).toBeLessThanOrEqual(Number(row.h));
      }
    });
  });

  it('half-missing: half of the bars, with counts that agree, and of listings when so limited', async () => {
    await withMarket({ source }, async (market) => {
      const count = async (path: string) => {
        const { json } = await ask(market, path);
        return Array.isArray(json) ? json.length : json.results!.length;
      };
      const whole = [await count(grouped(DATE)), await count(TICKERS), await count(ASSETS)];
      market.misbehave(['half-missing']);
      expect(await count(grouped(DATE))).toBe(Math.ceil(whole[0]! / 2));
      expect(await count(TICKERS)).toBe(whole[1]);
      expect((await ask(market, grouped(DATE))).json).toMatchObject({ resultsCount: Math.ceil(whole[0]! / 2) });
      market.misbehave(['half-missing@tickers', 'half-missing@assets']);
      expect(await count(TICKERS)).toBe(Math.ceil(whole[1]! / 2));
      expect(await count(ASSETS)).toBe(Math.ceil(whole[2]! / 2));
    });
  });

  it('wrong-types: six spoilt bars among good ones, spoilt listings when so limited', async () => {
    await withMarket({ source }, async (market) => {
      const before = (await ask(market, grouped(DATE))).json.results!;
      market.misbehave(['wrong-types', 'wrong-types@assets']);
      const after = (await ask(market, grouped(DATE))).json.results!;
      const spoilt = after.filter((row, i) => JSON.stringify(row) !== JSON.stringify(before[i]));
      expect(spoilt).toHaveLength(6);
      expect(spoilt.some((row) => row.c === null)).toBe(true);
      expect(spoilt.some((row) => typeof row.o === 'string')).toBe(true);
      expect(spoilt.some((row) => Number(row.l) < 0)).toBe(true);
      expect(spoilt.some((row) => Number(row.h) < Number(row.l))).toBe(true);
      expect(spoilt.some((row) => typeof row.T === 'number')).toBe(true);
      const assets = (await ask(market, ASSETS)).json as unknown as Record<string, unknown>[];
      expect(assets.filter((row) => typeof row.symbol !== 'string' || row.name === null)).toHaveLength(3);
    });
  });

  it('slow-body: headers at once, then single bytes and no end', async () => {
    await withMarket({ source, misbehave: ['slow-body'] }, async (market) => {
      const bytes = await new Promise<number>((resolve, reject) => {
        const headers = { authorization: 'Bearer k', 'accept-encoding': 'gzip' };
        const asked = request(market.url + grouped(DATE), { headers }, (response) => {
          let seen = 0;
          expect(response.statusCode).toBe(200);
          response.on('data', (chunk: Buffer) => {
            seen += chunk.length;
            if (seen >= 2) {
              resolve(seen);
              asked.destroy();
            }
          });
          response.on('end', () => reject(new Error('the body came to an end')));
        }).on('error', reject);
        asked.end();
      });
      expect(bytes).toBe(2);
    });
  });
});
