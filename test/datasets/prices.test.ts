import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { barSource } from '../../src/datasets/prices.ts';
import { temporaryFolder } from '../local/programs.ts';
import { send, startLoopback } from '../vendors/loopback.ts';

const signal = new AbortController().signal;
const DATE = '2025-11-19';

test('the vendor is asked once for the whole market, unadjusted, over-the-counter as configured', async () => {
  const vendor = await startLoopback((response) =>
    send(response, 200, { status: 'OK', adjusted: false, queryCount: 0, resultsCount: 0, results: [] }),
  );
  for (const markets of ['stocks,otc', 'stocks']) {
    const config = loadConfig({
      POLYGON_BASE_URL: vendor.url,
      POLYGON_MARKETS: markets,
      POLYGON_CALLS_PER_MINUTE: '0',
    });
    const source = barSource('api', { config, secrets: { polygon: { apiKey: 'the-key' } }, signal });
    expect(source.name).toBe('polygon');
    expect((await source.session(DATE)).rows).toEqual([]);
  }
  const path = `/v2/aggs/grouped/locale/us/market/stocks/${DATE}?adjusted=false`;
  expect(vendor.requests.map((request) => request.path)).toEqual([
    `${path}&include_otc=true`,
    `${path}&include_otc=false`,
  ]);
  await vendor.close();
});

test('without a key nobody is asked', () => {
  const call = { config: loadConfig({}), secrets: { polygon: undefined }, signal };
  expect(() => barSource('api', call)).toThrowError(expect.objectContaining({ name: 'Vendor.KeyMissing' }));
});

test('flat files need a folder, and are real data', async () => {
  const call = (settings: Record<string, string>) => ({ config: loadConfig(settings), secrets: {}, signal });
  expect(() => barSource('flat-files', call({}))).toThrow(/Give --flat-files/);
  const folder = temporaryFolder();
  mkdirSync(join(folder, '2025', '11'), { recursive: true });
  const lines = [
    'ticker,volume,open,close,high,low,window_start,transactions',
    'A,1000,10,11,12,9,1763528400000000000,42',
  ];
  writeFileSync(join(folder, '2025', '11', `${DATE}.csv.gz`), gzipSync(lines.join('\n')));
  const answer = await barSource('flat-files', call({ FLAT_FILES_URI: folder })).session(DATE);
  expect(answer).toMatchObject({ practice: false, waitSeconds: 0 });
  expect(answer.rows).toMatchObject([{ T: 'A', o: 10, h: 12, l: 9, c: 11, v: 1000, n: 42 }]);
});
