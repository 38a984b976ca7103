import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { keys, lakeKind } from '../../src/lake/lake.ts';
import { replayMarket } from '../../src/local/market/replay.ts';
import { startMarket } from '../../src/local/market/start-market.ts';
import { afterbell } from './command.ts';
import { lakeFiles, openScene, SESSION, scratch } from './scene.ts';

const BARS = fileURLToPath(new URL('../../../shared/data/real-bars', import.meta.url));
const REPLAYED = '2015-06-30';

/** Whether the real days lie beside the repository; their absence is said, or an error with REQUIRE_ALL=1. */
function haveRealDays(): boolean {
  if (existsSync(BARS)) return true;
  if (process.env.REQUIRE_ALL === '1') throw new Error('REQUIRE_ALL=1, and ../shared/data/real-bars is absent');
  console.log('SKIPPED: the replayed night, because ../shared/data/real-bars is absent');
  return false;
}

const withRealDays = test.runIf(haveRealDays());

withRealDays('real days replayed through the wire are practice data, and every row is accounted for', async () => {
  const file = join(BARS, 'us_stocks_sip', 'day_aggs_v1', '2015', '06', `${REPLAYED}.csv.gz`);
  const rows = gunzipSync(readFileSync(file)).toString('utf8').trim().split('\n').length - 1;
  const scene = await openScene({ home: join(scratch(), 'wire'), source: await replayMarket(BARS) });
  const { lake, warehouse } = scene.laptop.stores;
  const night = await scene.run({ session: REPLAYED }, { session: REPLAYED });
  expect(night.outcome.reasons).toEqual([]);
  expect(night.outcome).toMatchObject({ status: 'Succeeded', practice: true });
  expect(await lakeKind(lake)).toBe('practice');
  const prices = night.outcome.datasets.find(({ name }) => name === 'prices')!;
  const quarantine = Buffer.from((await lake.read(keys.quarantine(REPLAYED))) ?? []).toString('utf8');
  const rejected = quarantine.split('\n').filter((line) => line.includes('"dataset":"prices"'));
  expect(rejected).toHaveLength(prices.rejected);
  expect(prices.rows + rejected.length).toBe(rows);
  const [stored] = await warehouse.query('SELECT count(*)::int AS rows, min(source) AS source FROM stock_prices');
  expect(stored).toEqual({ rows: prices.rows, source: 'practice' });
  await scene.close();
  const verified = await afterbell(['verify'], { AFTERBELL_HOME: scene.home });
  expect(verified.code, verified.stdout).toBe(0);
  const status = await afterbell(['status'], { AFTERBELL_HOME: scene.home });
  expect(status.stdout).toMatch(/^home: \S+, real bars replayed by a practice market, /);
  expect(status.stdout).toContain('1 session of replayed data, ');
  const json = await afterbell(['status', '--json'], { AFTERBELL_HOME: scene.home });
  expect(JSON.parse(json.stdout)).toMatchObject({ kind: 'practice', replayed: true });
  // Prices that are made up would stand among them.
  const mixed = await afterbell(['night'], { AFTERBELL_HOME: scene.home });
  expect(mixed.code).toBe(1);
  expect(mixed.stderr).toContain('holds real bars that a practice market replayed');
});

withRealDays('a data directory of made-up bars takes none of a replay', async () => {
  const home = scratch();
  const made = await afterbell(['night', '--session', SESSION], { AFTERBELL_HOME: home });
  expect(made.code, made.stderr).toBe(0);
  const before = lakeFiles(home);
  const market = await startMarket({ source: await replayMarket(BARS) });
  onTestFinished(() => market.close());
  const replay = { AFTERBELL_HOME: home, POLYGON_BASE_URL: market.url, POLYGON_API_KEY: 'any' };
  const mixed = await afterbell(['night', '--session', SESSION], replay);
  expect([mixed.code, mixed.stderr]).toEqual([1, expect.stringContaining('holds made-up bars of the practice market')]);
  expect(lakeFiles(home)).toEqual(before);
});
