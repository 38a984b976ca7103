import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keys, type Lake } from '../../src/lake/lake.ts';
import { decodeBars } from '../../src/lake/session-files.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { Bar } from '../../src/records/bar.ts';
import { logLines, MORNING, openScene, SESSION, scratch } from './scene.ts';

const statuses = (datasets: { name: string; status: string }[]) =>
  Object.fromEntries(datasets.map(({ name, status }) => [name, status]));

test('passing trouble is retried by its name; lasting trouble costs only the dataset it is about', async () => {
  const scene = await openScene({
    misbehave: ['rate-limit@tickers:2', 'truncated-json@assets:3', 'server-error@grouped:3'],
    timeScale: 1 / 3000,
  });
  const { runs } = scene.laptop.stores;
  const passing = await scene.run(MORNING);
  expect(passing.outcome).toMatchObject({ status: 'Succeeded', reasons: [] });
  const retried = passing.events
    .filter(({ type }) => type === 'TaskRetried')
    .map(({ error, state }) => `${state} ${error}`);
  expect(retried.sort()).toEqual([
    'Stage Session Vendor.Unavailable',
    'Sync Page Vendor.RateLimited',
    'Sync Page Vendor.RateLimited',
    'Sync Page Vendor.TruncatedBody',
  ]);

  const old = new Date(Date.now() - 24 * 3_600_000).toISOString();
  for (const dataset of ['tickers', 'assets'])
    await runs.saveLastSync(dataset, { ...(await runs.lastSync(dataset))!, lastSyncTimestamp: old });
  scene.market.misbehave(['truncated-json@tickers', 'server-error@assets']);
  const references = await scene.run({ session: SESSION });
  expect(references.outcome.status).toBe('Partial');
  expect(statuses(references.outcome.datasets)).toMatchObject({
    tickers: 'failed',
    assets: 'failed',
    prices: 'success',
  });
  expect(references.outcome.reasons.join('\n')).toMatch(/Vendor\.TruncatedBody[\s\S]*Vendor\.Unavailable/);
  expect((await runs.lastSync('tickers'))!.lastSyncTimestamp).toBe(old);

  scene.market.misbehave(['rate-limit@grouped']);
  const next = { session: '2025-11-20' };
  const prices = await scene.run(next, next);
  expect(prices.outcome.status).toBe('Failed');
  expect(prices.exitCode).toBe(1);
  expect(statuses(prices.outcome.datasets)).toMatchObject({ tickers: 'success', assets: 'success', prices: 'failed' });
  expect(prices.outcome.reasons.join('\n')).toContain('Vendor.RateLimited');
  expect(logLines(scene.home, 'notifications.jsonl').map(({ subject }) => subject)).toEqual([
    `afterbell Partial: session ${SESSION}`,
    `afterbell Failed: session ${next.session}`,
  ]);
});

test('a list that runs in a circle fails by name, and the next night reads it from its first page', async () => {
  const scene = await openScene({ misbehave: ['looping-cursor'] });
  const { runs } = scene.laptop.stores;
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Partial');
  expect(night.exitCode).toBe(3);
  expect(night.outcome.reasons.join('\n')).toContain('Pagination.CursorLoop');
  expect(statuses(night.outcome.datasets)).toMatchObject({ tickers: 'failed', assets: 'success', prices: 'success' });
  expect(await runs.cursor('tickers')).toBeUndefined();
  expect(await runs.lastSync('tickers')).toBeUndefined();

  scene.market.misbehave([]);
  const next = await scene.run(MORNING);
  expect(next.outcome.status).toBe('Succeeded');
  expect(next.asked[0]).toMatch(/^\/v3\/reference\/tickers\?(?!.*cursor=)/);
  expect(statuses(next.outcome.datasets)).toMatchObject({ tickers: 'success', prices: 'skipped' });
});

const sessionBars = async (lake: Lake) => {
  const bars = await decodeBars((await lake.read(keys.session(SESSION)))!, 'the session');
  return new Map<string, Bar>(bars.map((bar) => [bar.symbol, bar]));
};

test('rows of wrong types go to quarantine one by one, and a late correction changes only what it corrects', async () => {
  // Six spoilt rows are to be less than the share that holds a session back.
  const source = generateMarket({ symbols: 400, seed: 1 });
  const scene = await openScene({ home: join(scratch(), 'home'), source, misbehave: ['wrong-types'] });
  const { lake } = scene.laptop.stores;
  const quarantined = async (dataset: string) =>
    Buffer.from((await lake.read(keys.quarantine(SESSION))) ?? [])
      .toString('utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as { dataset: string; date: string; reason: string; row: object })
      .filter((line) => line.dataset === dataset);
  const served = (await source.bars(SESSION)).length;

  const spoilt = await scene.run(MORNING);
  expect(spoilt.outcome.status).toBe('Succeeded');
  const before = await sessionBars(lake);
  const lines = await quarantined('prices');
  expect(lines).toHaveLength(6);
  expect(before.size + lines.length).toBe(served);
  for (const line of lines) {
    expect(line.date).toBe(SESSION);
    expect(line.reason).not.toBe('');
    expect(line.row).toHaveProperty('T');
  }
  expect(spoilt.outcome.datasets.find(({ name }) => name === 'prices')).toMatchObject({
    rows: before.size,
    rejected: 6,
  });

  scene.market.misbehave(['late-correction']);
  const corrected = await scene.run({ session: SESSION });
  const prices = corrected.outcome.datasets.find(({ name }) => name === 'prices')!;
  expect(prices).toMatchObject({ status: 'success', rows: served, new: 6, rejected: 0 });
  expect(prices.changed).toBeGreaterThan(0);
  expect(await quarantined('prices')).toEqual([]);
  expect(await quarantined('assets')).not.toEqual([]);
  const after = await sessionBars(lake);
  const touched = [...before.values()].filter(({ symbol, ingestedAt }) => after.get(symbol)!.ingestedAt !== ingestedAt);
  expect(touched).toHaveLength(prices.changed);
  for (const { symbol, close } of touched) expect(after.get(symbol)!.close).not.toBe(close);
  const [stored] = await scene.laptop.stores.warehouse.query(
    `SELECT count(*)::int AS rows, count(DISTINCT ingested_at)::int AS runs FROM stock_prices WHERE date = '${SESSION}'`,
  );
  expect(stored).toEqual({ rows: served, runs: 2 });
});
