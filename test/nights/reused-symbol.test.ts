import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { keys, listAll } from '../../src/lake/lake.ts';
import { decodeRows } from '../../src/lake/parquet.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { MarketSource, TickerRow } from '../../src/local/market/source.ts';
import { importPortfolios } from '../../src/local/portfolio-service.ts';
import { afterbell } from './command.ts';
import {
  MORNING,
  openMarket,
  openOn,
  openScene,
  type Scene,
  SESSION,
  SYMBOLS,
  THAT_MORNING,
  warmHome,
} from './scene.ts';

const NEXT = '2025-11-20';
/** Lists are dated by the morning they are fetched on. */
const NEXT_MORNING = { scheduledTime: '2025-11-21T09:00:00Z' };
/** The new company trades at prices no bar of the old one comes near. */
const PRICE = 5000;

const plain = generateMarket({ symbols: SYMBOLS, seed: 1 });

/** The same market in which one symbol is another company's from NEXT on: a fund that has no sector and no market cap. */
function reusedFrom(symbol: string): MarketSource {
  const fund = ({ cik: _, ...row }: TickerRow): TickerRow => ({
    ...row,
    name: 'Second Company ETF',
    type: 'ETF',
    composite_figi: 'BBG0SECOND00',
    share_class_figi: 'BBG1SECOND00',
  });
  return {
    ...plain,
    tickers: async (market, asOf) =>
      (await plain.tickers(market, asOf)).map((row) => (row.ticker === symbol && asOf >= NEXT ? fund(row) : row)),
    bars: async (date) =>
      (await plain.bars(date)).map((row) =>
        row.T === symbol && date >= NEXT ? { ...row, o: PRICE, h: PRICE + 1, l: PRICE - 1, c: PRICE, vw: PRICE } : row,
      ),
  };
}

/** A company with FIGIs that traded on both sessions and that everything is known of. */
async function knownCompany(): Promise<string> {
  const traded = async (date: string) => new Set((await plain.bars(date)).map(({ T }) => T));
  const [before, after] = [await traded(SESSION), await traded(NEXT)];
  const rows = await plain.tickers('stocks', SESSION);
  const one = rows.find(
    ({ ticker, type, composite_figi, share_class_figi }) =>
      type === 'CS' && composite_figi && share_class_figi && before.has(ticker) && after.has(ticker),
  );
  return one!.ticker;
}

/** Everything was last asked for so long ago that it is due. */
async function longAgo({ laptop }: Scene): Promise<void> {
  const { runs, warehouse } = laptop.stores;
  for (const dataset of ['tickers', 'splits', 'dividends', 'assets', 'index_members', 'metadata', 'valuations']) {
    const last = await runs.lastSync(dataset);
    if (last) await runs.saveLastSync(dataset, { ...last, lastSyncTimestamp: '2025-11-01T09:00:00.000Z' });
  }
  await warehouse.query("UPDATE enrichment_attempts SET attempted_at = '2025-11-01'");
}

async function windowsOf({ laptop: { stores } }: Scene, symbol: string, interval: number) {
  const rows: Record<string, unknown>[] = [];
  for (const { key } of await listAll(stores.lake, keys.silverOf(interval))) {
    rows.push(...(await decodeRows((await stores.lake.read(key))!, key, ['symbol', 'date', 'bars'])));
  }
  return rows.filter((row) => row.symbol === symbol).sort((a, b) => (String(a.date) < String(b.date) ? -1 : 1));
}

test('a symbol that another company takes over shares no metadata, window or indicator with the old one', async () => {
  const symbol = await knownCompany();
  const home = await warmHome();
  const first = await openOn(home, await openMarket({ source: plain }));
  const held = [{ symbol, quantity: 5 }];
  await importPortfolios(first.laptop.stores.tables, first.laptop.stores.config, [
    { portfolio: 'core', positions: held },
  ]);
  const one = await first.run(MORNING);
  expect(one.outcome.status, one.outcome.reasons.join('\n')).toBe('Succeeded');
  const metadata = (scene: Scene) =>
    scene.laptop.stores.warehouse.query(
      `SELECT m.*, m.valid_from::text AS since FROM symbol_metadata m WHERE symbol = '${symbol}'`,
    );
  const [old] = await first.laptop.stores.warehouse.query(`SELECT * FROM symbol_metadata WHERE symbol = '${symbol}'`);
  expect(old).toMatchObject({ sector: expect.any(String), market_cap: expect.anything() });
  const before = await windowsOf(first, symbol, 34);
  await longAgo(first);
  await first.close();

  const second = await openOn(home, await openMarket({ source: reusedFrom(symbol) }));
  const two = await second.run(NEXT_MORNING, { session: NEXT });
  expect(two.outcome.status, two.outcome.reasons.join('\n')).toBe('Succeeded');
  const { warehouse, tables, config } = second.laptop.stores;

  const windows = [3, 5, 8, 13, 21, 34].map((interval) => windowsOf(second, symbol, interval));
  for (const rows of await Promise.all(windows)) {
    expect(rows.at(-1)).toMatchObject({ open: PRICE, low: PRICE - 1, high: PRICE + 1, close: PRICE, bars: 1 });
    for (const row of rows.slice(0, -1)) expect(row.high).toBeLessThan(PRICE / 2);
  }
  expect((await windowsOf(second, symbol, 34)).map(({ date }) => date)).toEqual(before.map(({ date }) => date));

  const [row] = await warehouse.query(`SELECT * FROM symbol_metadata WHERE symbol = '${symbol}'`);
  expect(row).toMatchObject({ name: 'Second Company ETF', sector: null, industry: null, sic_code: null, type: 'ETF' });
  expect(row).toMatchObject({ market_cap: null });
  expect(await metadata(second)).toEqual([expect.objectContaining({ figi: 'BBG0SECOND00', since: NEXT })]);
  expect(await warehouse.query(`SELECT symbol FROM dcf_valuations WHERE symbol = '${symbol}'`)).toEqual([]);

  await second.laptop.settled();
  const items = (await tables.send(new ScanCommand({ TableName: config.TICKER_DATA_TABLE }))).Items ?? [];
  expect(items.find(({ timestamp }) => String(timestamp).startsWith(NEXT))).toMatchObject({
    price: PRICE,
    bars: 1,
    barsFrom: NEXT,
    barsFromReason: expect.stringContaining('another company'),
  });

  await second.close();
  const env = { AFTERBELL_HOME: home, ...THAT_MORNING, AFTERBELL_NOW: '2025-11-21T13:00:00Z' };
  const verified = await afterbell(['verify', '--json'], env);
  expect(verified.code, verified.stdout).toBe(0);
});

test('a list of tickers synced by hand rebuilds the bars of a symbol that changed hands in the same run, and once', async () => {
  const symbol = await knownCompany();
  const reused = reusedFrom(symbol);
  let listed: MarketSource = plain;
  const source: MarketSource = { ...reused, tickers: (market, asOf) => listed.tickers(market, asOf) };
  const scene = await openScene({ source });
  expect((await scene.run(MORNING)).outcome.status).toBe('Succeeded');
  await longAgo(scene);
  // The list is a day late.
  expect((await scene.run(NEXT_MORNING, { session: NEXT })).outcome.status).toBe('Succeeded');
  const last = async () => (await windowsOf(scene, symbol, 34)).at(-1);
  expect(await last()).toMatchObject({ close: PRICE, bars: 10 });

  listed = reused;
  const task = () => scene.run({ task: 'sync-tickers', ...NEXT_MORNING }, { kind: 'task', session: NEXT });
  const names = ({ outcome }: Awaited<ReturnType<typeof task>>) => outcome.datasets.map(({ name }) => name);
  expect(names(await task())).toContain('resample');
  expect(await last()).toMatchObject({ open: PRICE, close: PRICE, bars: 1 });
  expect(names(await task())).not.toContain('resample');
});
