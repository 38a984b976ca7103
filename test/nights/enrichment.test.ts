import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { MarketSource } from '../../src/local/market/source.ts';
import {
  HELD,
  lakeFiles,
  MORNING,
  type Night,
  openMarket,
  openOn,
  openScene,
  type Scene,
  SESSION,
  SYMBOLS,
  scratch,
  warmHome,
} from './scene.ts';

const setOf = ({ outcome }: Night, name: string) => outcome.datasets.find((set) => set.name === name);
const statusOf = (night: Night, name: string) => setOf(night, name)?.status;
const details = ({ asked }: Night) => asked.filter((path) => /^\/v3\/reference\/tickers\/[^?]/.test(path));
const fmp = ({ asked }: Night, route: string) => asked.filter((path) => path.startsWith(`/stable/${route}?`));
const many = (sql: string, scene: Scene) => scene.laptop.stores.warehouse.query(sql);
const countOf = async (table: string, scene: Scene) =>
  Number((await many(`SELECT count(*)::int AS rows FROM ${table}`, scene))[0]!.rows);
const old = () => new Date(Date.now() - 24 * 3_600_000).toISOString();

/** As if a day had passed since the last enrichment. */
async function aDayLater({ laptop }: Scene): Promise<void> {
  const { runs, warehouse } = laptop.stores;
  for (const dataset of ['metadata', 'valuations']) {
    await runs.saveLastSync(dataset, { lastSyncTimestamp: old(), pages: 1, rows: 1 });
  }
  await warehouse.query("UPDATE enrichment_attempts SET attempted_at = attempted_at - INTERVAL '24 hours'");
}

test('a night brings company details and valuations, and a second one writes nothing', async () => {
  const scene = await openScene();
  const first = await scene.run(MORNING);
  expect(first.outcome.reasons).toEqual([]);
  expect([statusOf(first, 'metadata'), statusOf(first, 'valuations')]).toEqual(['success', 'success']);
  expect(setOf(first, 'metadata')).toMatchObject({ new: await countOf('symbol_metadata', scene) });
  expect(setOf(first, 'valuations')).toMatchObject({ new: await countOf('dcf_valuations', scene) });
  expect(await countOf('dcf_valuations', scene)).toBeGreaterThan(5);
  expect(new Set(first.asked).size).toBe(first.asked.length);

  const [apple] = await many("SELECT * FROM symbol_metadata WHERE symbol = 'AAPL'", scene);
  expect(apple).toMatchObject({ exchange: 'XNAS', type: 'CS', source: 'fmp' });
  expect(apple!.sector).not.toBe('');
  const [fund] = await many("SELECT * FROM symbol_metadata WHERE symbol = 'SPY'", scene);
  expect(fund).toMatchObject({ sector: null, sic_code: null, source: 'polygon' });
  expect(await many("SELECT symbol FROM symbol_metadata WHERE type = 'WARRANT'", scene)).toEqual([]);

  const [rows, files] = [await many('SELECT * FROM symbol_metadata ORDER BY symbol', scene), lakeFiles(scene.home)];
  const valuations = await many('SELECT * FROM dcf_valuations ORDER BY symbol', scene);
  await aDayLater(scene);
  const second = await scene.run(MORNING);
  expect(details(second)).toEqual([]);
  expect(fmp(second, 'discounted-cash-flow').length).toBeGreaterThan(5);
  expect(setOf(second, 'valuations')).toMatchObject({ status: 'success', new: 0, changed: 0 });
  expect(setOf(second, 'metadata')).toMatchObject({ status: 'success', rows: 0, new: 0, changed: 0 });
  expect(await many('SELECT * FROM symbol_metadata ORDER BY symbol', scene)).toEqual(rows);
  expect(await many('SELECT * FROM dcf_valuations ORDER BY symbol', scene)).toEqual(valuations);
  const after = lakeFiles(scene.home);
  // What had no value lately is not asked for again, so its lines are those of the first night no more.
  after.delete(keys.quarantine(SESSION));
  files.delete(keys.quarantine(SESSION));
  expect(after).toEqual(files);

  const third = await scene.run(MORNING);
  expect(third.outcome).toMatchObject({ status: 'Skipped', datasets: [] });
  expect(third.asked).toEqual([]);
});

test('a refused Polygon key costs metadata only what Polygon knows, and valuations nothing', async () => {
  const scene = await openScene({ env: { VALUATION_UNIVERSE: 'AAPL,BRK.B,SPY' } });
  await scene.run({ task: 'sync-tickers', session: SESSION }, { kind: 'task' });
  scene.market.misbehave(['unauthorized@polygon']);
  await scene.laptop.stores.runs.saveLastSync('tickers', { lastSyncTimestamp: old(), pages: 1, rows: 1 });
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Failed');
  expect(statusOf(night, 'prices')).toBe('failed');
  expect(details(night)).toEqual([]);
  expect(setOf(night, 'metadata')).toMatchObject({ status: 'partial' });
  expect(setOf(night, 'metadata')!.reasons[0]).toMatch(/^polygon: Vendor\.AuthFailed: POLYGON_API_KEY was refused/);
  expect(setOf(night, 'valuations')).toMatchObject({ status: 'success', rows: 2, rejected: 1, new: 2 });
  expect(await many('SELECT symbol FROM dcf_valuations ORDER BY symbol', scene)).toEqual([
    { symbol: 'AAPL' },
    { symbol: 'BRK.B' },
  ]);
  const ledger = `SELECT task_name, status FROM sync_logs WHERE metadata ->> 'run_id' = '${night.runId}'
    AND task_name IN ('sync-metadata', 'sync-valuations') ORDER BY 1`;
  expect(await many(ledger, scene)).toEqual([
    { task_name: 'sync-metadata', status: 'partial' },
    { task_name: 'sync-valuations', status: 'success' },
  ]);
  expect(night.execution.cause).toContain('POLYGON_API_KEY was refused');
});

test('a held night is enriched all the same', async () => {
  const scene = await openScene({ misbehave: ['half-missing@grouped'], env: { VALUATION_UNIVERSE: 'AAPL' } });
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Held');
  expect(statusOf(night, 'metadata')).toBe('success');
  expect(setOf(night, 'valuations')).toMatchObject({ status: 'success', new: 1 });
});

test('a night whose job failed is enriched all the same', async () => {
  const scene = await openScene({ env: { VALUATION_UNIVERSE: 'AAPL' } });
  const { lake } = scene.laptop.stores;
  await lake.write(keys.manifest, Buffer.from('no parquet'));
  for (const date of [HELD.first, HELD.last]) await lake.write(keys.session(date), Buffer.from('no parquet'));
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Failed');
  expect(night.outcome.datasets.filter(({ status }) => status === 'failed').map(({ name }) => name)).toContain(
    'consolidate',
  );
  expect(statusOf(night, 'metadata')).toBe('success');
  expect(statusOf(night, 'valuations')).toBe('success');
});

test('a refused FMP key stops FMP after its first calls; details and SIC sectors are kept', async () => {
  const scene = await openScene({ misbehave: ['unauthorized@fmp'] });
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Partial');
  expect(statusOf(night, 'prices')).toBe('success');
  expect(fmp(night, 'profile').length).toBeLessThanOrEqual(10);
  expect(fmp(night, 'discounted-cash-flow').length).toBeLessThanOrEqual(10);
  expect(setOf(night, 'metadata')).toMatchObject({ status: 'partial', new: await countOf('symbol_metadata', scene) });
  expect(setOf(night, 'valuations')).toMatchObject({ status: 'failed', rows: 0 });
  expect(night.outcome.reasons.join('\n')).toContain('FMP_API_KEY was refused');
  const sectors = await many('SELECT DISTINCT source FROM symbol_metadata WHERE sector IS NOT NULL', scene);
  expect(sectors).toEqual([{ source: 'polygon' }]);
});

test('without an FMP key valuations are skipped and said, and the night is good', async () => {
  const scene = await openScene({ env: { FMP_API_KEY: undefined } });
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  expect(night.outcome.reasons).toEqual(['sync-valuations: FMP_API_KEY is not set']);
  expect([statusOf(night, 'metadata'), statusOf(night, 'valuations')]).toEqual(['success', 'skipped']);
});

test.each([
  ['rate-limit@dcf:2', 'success', /^$/],
  ['rate-limit@dcf', 'failed', /Vendor\.RateLimited.*Limit Reach/],
  ['server-error@dcf', 'failed', /Vendor\.Unavailable/],
  ['truncated-json@dcf', 'failed', /Vendor\.TruncatedBody/],
  ['payment-required@dcf', 'success', /^$/],
  ['wrong-types@dcf', 'partial', /3 of 3 symbols could not be taken, first AAPL: dcf/],
  ['empty@dcf', 'success', /^$/],
])('%s: valuations end as %s, the row that was there stays', async (misbehaviour, status, reason) => {
  const scene = await openScene({ env: { VALUATION_UNIVERSE: 'AAPL,MSFT,T' } });
  await scene.run({ task: 'sync-valuations', session: SESSION }, { kind: 'task' });
  const rows = await many('SELECT * FROM dcf_valuations ORDER BY symbol', scene);
  expect(rows).toHaveLength(3);
  await aDayLater(scene);
  scene.market.misbehave([misbehaviour]);
  const run = await scene.run({ task: 'sync-valuations', session: SESSION }, { kind: 'task' });
  expect(setOf(run, 'valuations')).toMatchObject({ status, new: 0, changed: 0 });
  expect(setOf(run, 'valuations')!.reasons.join('\n')).toMatch(reason);
  expect(await many('SELECT * FROM dcf_valuations ORDER BY symbol', scene)).toEqual(rows);
});

test('with enough symbols due, bulk answers save the single calls; a plan without them makes these', async () => {
  const source: MarketSource = generateMarket({ symbols: 300, seed: 1 });
  const env = { VALUATION_UNIVERSE: 'all', ENRICH_SYMBOLS: '120' };
  const scene = await openScene({ source, env });
  await scene.run({ task: 'sync-tickers', session: SESSION }, { kind: 'task' });
  const bulk = await scene.run({ task: 'sync-valuations', session: SESSION }, { kind: 'task' });
  expect(bulk.asked.filter((path) => path === '/stable/dcf-bulk')).toHaveLength(1);
  // Only what has no valuation, and so is not in the bulk answer, is asked for by itself.
  expect(fmp(bulk, 'discounted-cash-flow')).toHaveLength(setOf(bulk, 'valuations')!.rejected);
  expect(setOf(bulk, 'valuations')).toMatchObject({ status: 'success', new: await countOf('dcf_valuations', scene) });
  const metadata = await scene.run({ task: 'sync-metadata', session: SESSION }, { kind: 'task' });
  expect([fmp(metadata, 'profile').length, details(metadata).length]).toEqual([0, 120]);
  expect(await countOf('symbol_metadata', scene)).toBeGreaterThan(120);

  scene.market.misbehave(['payment-required@dcf-bulk']);
  await aDayLater(scene);
  const single = await scene.run({ task: 'sync-valuations', session: SESSION }, { kind: 'task' });
  expect(setOf(single, 'valuations')).toMatchObject({ status: 'success', new: 0, changed: 0 });
  expect(fmp(single, 'discounted-cash-flow')).toHaveLength(120);
});

describe('a bulk answer that is not whole', () => {
  const env = { VALUATION_UNIVERSE: 'all', ENRICH_SYMBOLS: '20' };
  const task = { task: 'sync-valuations', session: SESSION };
  const valuations = (scene: Scene) =>
    many('SELECT symbol, dcf::float8, stock_price::float8 FROM dcf_valuations ORDER BY symbol', scene);
  const source = generateMarket({ symbols: 300, seed: 1 });
  const open = async () => {
    const scene = await openScene({ source, env });
    await scene.run({ task: 'sync-tickers', session: SESSION }, { kind: 'task' });
    return scene;
  };

  test('is asked for again, and then every value is right', async () => {
    const [good, cut] = [await open(), await open()];
    await good.run(task, { kind: 'task' });
    cut.market.misbehave(['truncated-csv@dcf-bulk:1', 'empty@dcf-bulk:2']);
    const run = await cut.run(task, { kind: 'task' });
    expect(run.asked.filter((path) => path === '/stable/dcf-bulk')).toHaveLength(3);
    expect(setOf(run, 'valuations')).toMatchObject({ status: 'success', reasons: [] });
    expect(await valuations(cut)).toEqual(await valuations(good));
  });

  test.each(['truncated-csv@dcf-bulk', 'empty@dcf-bulk'])(
    '%s: the night is Partial and says so, and the next one asks for what is missing',
    async (misbehaviour) => {
      const scene = await openScene({ home: join(scratch(), 'home'), source, env, misbehave: [misbehaviour] });
      const night = await scene.run(MORNING);
      expect([night.outcome.status, statusOf(night, 'prices')]).toEqual(['Partial', 'success']);
      expect(setOf(night, 'valuations')).toMatchObject({ status: 'partial' });
      expect(setOf(night, 'valuations')!.reasons.join('\n')).toMatch(
        /^valuations: \d{3} symbols wait for a later night; FMP's bulk answer: Vendor\.TruncatedBody: /,
      );
      expect(fmp(night, 'discounted-cash-flow')).toHaveLength(20);
      expect(await countOf("enrichment_attempts WHERE dataset = 'valuations'", scene)).toBe(20);

      scene.market.misbehave([]);
      await aDayLater(scene);
      const next = await scene.run(task, { kind: 'task' });
      expect(setOf(next, 'valuations')).toMatchObject({ status: 'success' });
      const good = await open();
      await good.run(task, { kind: 'task' });
      expect(await valuations(scene)).toEqual(await valuations(good));
    },
  );

  test('a symbol that is not in it was not asked for: it is asked for by itself', async () => {
    const scene = await open();
    scene.market.misbehave(['half-missing@dcf-bulk']);
    const run = await scene.run(task, { kind: 'task' });
    const missing = fmp(run, 'discounted-cash-flow').map((path) =>
      new URLSearchParams(path.split('?')[1]).get('symbol'),
    );
    expect(missing).toHaveLength(20);
    const attempts = await many("SELECT symbol FROM enrichment_attempts WHERE dataset = 'valuations'", scene);
    expect(attempts).toHaveLength(setOf(run, 'valuations')!.rows + setOf(run, 'valuations')!.rejected);
    // Night after night the others follow, until every one is answered for.
    const empty = "enrichment_attempts WHERE dataset = 'valuations' AND ending = 'empty'";
    const before = await countOf(empty, scene);
    scene.market.misbehave([]);
    await aDayLater(scene);
    await scene.run(task, { kind: 'task' });
    expect(await countOf(empty, scene)).toBeGreaterThan(before);
    const good = await open();
    await good.run(task, { kind: 'task' });
    expect(await valuations(scene)).toEqual(await valuations(good));
  });

  test('many missing values that were there the night before are said', async () => {
    const scene = await open();
    await scene.run(task, { kind: 'task' });
    await aDayLater(scene);
    scene.market.misbehave(['half-missing@dcf-bulk']);
    const run = await scene.run(task, { kind: 'task' });
    expect(setOf(run, 'valuations')).toMatchObject({ status: 'partial' });
    expect(setOf(run, 'valuations')!.reasons.join('\n')).toMatch(
      /^valuations: \d+ symbols wait for a later night; FMP's bulk answer lacks \d+ of \d+ symbols that had a value/,
    );
  });

  test('profiles that a bulk answer lacks are asked for by themselves', async () => {
    const source = generateMarket({ symbols: 150, seed: 1 });
    const scene = await openScene({ source, env: { ENRICH_SYMBOLS: '500' } });
    await scene.run({ task: 'sync-tickers', session: SESSION }, { kind: 'task' });
    scene.market.misbehave(['half-missing@profile-bulk']);
    const run = await scene.run({ task: 'sync-metadata', session: SESSION }, { kind: 'task' });
    const symbols = await countOf("enrichment_attempts WHERE dataset = 'metadata'", scene);
    expect(fmp(run, 'profile').length).toBeGreaterThan(symbols / 3);
    expect(fmp(run, 'profile').length).toBeLessThan(symbols);
    expect(setOf(run, 'metadata')).toMatchObject({ status: 'success' });
    const [without] = await many(
      "SELECT count(*)::int AS rows FROM symbol_metadata WHERE type = 'CS' AND source <> 'fmp'",
      scene,
    );
    expect(without).toEqual({ rows: 0 });
  });
});

test('a night killed after a chunk goes on with the next one on another laptop', async () => {
  const home = await warmHome();
  const market = await openMarket({
    source: generateMarket({ symbols: 3 * SYMBOLS, seed: 1 }),
    misbehave: ['payment-required@profile-bulk'],
  });
  const first = await openOn(home, market);
  const stop = new AbortController();
  const ended = first.run(MORNING, {
    signal: stop.signal,
    onEvent: ({ type, state }) => {
      // The market is three times the home's, so nothing is published; enrichment follows the gates all the same.
      if (type === 'TaskSucceeded' && state === 'Check Night') {
        const timer = setInterval(() => {
          if (market.requests.filter(({ path }) => path.startsWith('/stable/profile?')).length > 70) stop.abort();
        }, 1);
        stop.signal.addEventListener('abort', () => clearInterval(timer));
      }
    },
  });
  await expect(ended).rejects.toMatchObject({ name: 'Job.Interrupted' });
  const before = market.requests.filter(({ path }) => path.startsWith('/stable/profile?')).map(({ path }) => path);
  await first.close();
  const second = await openOn(home, market);
  const night = await second.run(MORNING);
  expect(setOf(night, 'metadata')).toMatchObject({ status: 'success' });
  const again = fmp(night, 'profile').filter((path) => before.includes(path));
  expect(again.length).toBeLessThanOrEqual(50);
  expect(new Set([...before, ...fmp(night, 'profile')]).size).toBe(
    await countOf("enrichment_attempts WHERE dataset = 'metadata'", second),
  );
});
