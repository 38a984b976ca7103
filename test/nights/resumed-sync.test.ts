import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { jsonBytes, keys, listAll } from '../../src/lake/lake.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { MarketSource } from '../../src/local/market/source.ts';
import { MORNING, openMarket, openOn, openScene, SESSION, SYMBOLS, warmHome } from './scene.ts';

const LISTED = 2500;

/** As many tickers as take four pages, and few bars: the pages are what this is about. */
function longList(): MarketSource {
  const few = generateMarket({ symbols: SYMBOLS, seed: 1 });
  const many = generateMarket({ symbols: LISTED, seed: 1 });
  return { ...few, tickers: (market, asOf) => many.tickers(market, asOf) };
}

const pagesOf = (asked: string[]) => asked.filter((path) => path.startsWith('/v3/reference/tickers?'));
const pageCount = (output: unknown) => {
  const { Payload } = (output ?? {}) as { Payload?: { dataset?: string; pages?: number } };
  return Payload?.dataset === 'tickers' ? Payload.pages : undefined;
};

test('a sync killed after page 2 goes on with page 3 on the next laptop', async () => {
  const home = await warmHome();
  const market = await openMarket({ source: longList() });
  const first = await openOn(home, market, { env: { ENRICH_SYMBOLS: '10' } });
  const stop = new AbortController();
  const ended = first.run(MORNING, {
    signal: stop.signal,
    onEvent: ({ type, output }) => {
      if (type === 'TaskSucceeded' && pageCount(output) === 2) stop.abort();
    },
  });
  await expect(ended).rejects.toMatchObject({ name: 'Job.Interrupted' });
  const before = pagesOf(market.requests.map(({ path }) => path));
  expect(before).toHaveLength(2);
  await first.close();

  const second = await openOn(home, market, { env: { ENRICH_SYMBOLS: '10' } });
  const night = await second.run(MORNING);
  expect(night.outcome.reasons).toEqual([]);
  expect(night.outcome.status).toBe('Succeeded');
  const after = pagesOf(night.asked);
  expect(after[0]).toMatch(/\?cursor=/);
  const all = [...before, ...after];
  expect(new Set(all).size).toBe(all.length);

  const { tables, config, lake, runs, warehouse } = second.laptop.stores;
  const tickers = night.outcome.datasets.find(({ name }) => name === 'tickers')!;
  expect(tickers).toMatchObject({ status: 'success', pages: all.length, new: tickers.rows, rejected: 0 });
  const scanned = await tables.send(new ScanCommand({ TableName: config.TICKERS_TABLE, Select: 'COUNT' }));
  const active = (await longList().tickers(undefined, '2025-12-01')).filter((row) => row.active);
  expect(tickers.rows).toBe(active.length);
  expect(scanned.Count).toBe(active.length);
  expect(await runs.lastSync('tickers')).toMatchObject({ pages: all.length, rows: active.length });
  expect(await runs.cursor('tickers')).toBeUndefined();
  expect(await listAll(lake, 'staging/')).toEqual([]);
  const nights = await warehouse.query("SELECT status FROM nights WHERE kind = 'night' ORDER BY started_at");
  expect(nights.map(({ status }) => status)).toEqual(['Interrupted', 'Succeeded']);
});

test('a vendor that fails after page 1 costs the night its tickers only, and page 2 is asked for next', async () => {
  const scene = await openScene({ source: longList(), env: { ENRICH_SYMBOLS: '10' } });
  const { runs } = scene.laptop.stores;
  const partial = await scene.run(MORNING, {
    onEvent: ({ type, output }) => {
      if (type === 'TaskSucceeded' && pageCount(output) === 1) scene.market.misbehave(['server-error@tickers']);
    },
  });
  expect(partial.outcome.status).toBe('Partial');
  expect(partial.outcome.datasets.find(({ name }) => name === 'tickers')).toMatchObject({ status: 'failed', pages: 1 });
  expect(partial.outcome.datasets.find(({ name }) => name === 'prices')).toMatchObject({ status: 'success' });
  expect(await runs.lastSync('tickers')).toBeUndefined();
  expect(await runs.cursor('tickers')).toMatchObject({ page: 1, phase: 'fetch' });

  scene.market.misbehave([]);
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  const [first] = pagesOf(partial.asked);
  expect(pagesOf(night.asked)).not.toContain(first);
  expect(pagesOf(night.asked)[0]).toBe(pagesOf(partial.asked)[1]);
  expect((await runs.lastSync('tickers'))!.rows).toBeGreaterThan(2000);
});

test('a complete sync whose cursor a kill left behind is not taken up again', async () => {
  const scene = await openScene();
  const { runs, lake } = scene.laptop.stores;
  const syncId = 'night-killed-at-the-very-end';
  const cursor = { syncId, session: SESSION, phase: 'publish' as const, partition: 1, page: 1, seen: [] };
  await runs.saveCursor('assets', { ...cursor, rows: 1, rejected: 0 }, '2025-11-20T09:00:00.000Z');
  const old = new Date(Date.now() - 24 * 3_600_000).toISOString();
  await runs.saveLastSync('assets', { lastSyncTimestamp: old, pages: 1, rows: 1, syncId });
  await lake.write(keys.stagedPage('assets', syncId, 1), jsonBytes({ records: [], rejected: [] }));
  const night = await scene.run(MORNING);
  expect(night.outcome).toMatchObject({ status: 'Succeeded', reasons: [] });
  expect(night.asked.filter((path) => path.startsWith('/v2/assets'))).toHaveLength(1);
  expect(await runs.cursor('assets')).toBeUndefined();
  expect(await listAll(lake, 'staging/')).toEqual([]);
});
