import { expect, test } from 'vitest';
import { dateOfKey, keys, listAll } from '../../src/lake/lake.ts';
import { readSplits } from '../../src/lake/splits-list.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { MarketSource, SplitRow, TickerRow } from '../../src/local/market/source.ts';
import { MORNING, openScene, type Scene, SESSION, SYMBOLS } from './scene.ts';

const LISTS = ['tickers', 'assets', 'splits'];
/** The morning after SESSION's next session, on which an older session is fetched again. */
const TODAY = '2025-11-20';
const REPAIR = { session: '2025-11-18', scheduledTime: '2025-11-21T09:00:00Z' };
const SPLIT: SplitRow = { id: 'new', ticker: 'AAPL', execution_date: TODAY, split_from: 1, split_to: 3 };

async function age({ laptop: { stores } }: Scene, datasets: readonly string[]): Promise<void> {
  for (const dataset of datasets)
    await stores.runs.saveLastSync(dataset, {
      ...(await stores.runs.lastSync(dataset))!,
      lastSyncTimestamp: '2025-11-19T09:00:00.000Z',
    });
}

test('the repair of an old session dates the lists it fetches by today and leaves those of the past as they were', async () => {
  const plain = generateMarket({ symbols: SYMBOLS, seed: 1 });
  let added: { tickers: Partial<TickerRow>[]; splits: SplitRow[] } = { tickers: [], splits: [] };
  const source: MarketSource = {
    ...plain,
    tickers: async (market, asOf) => {
      const rows = await plain.tickers(market, asOf);
      return market === 'stocks' ? [...rows, ...added.tickers.map((row) => ({ ...rows[0]!, ...row }))] : rows;
    },
    splits: async () => [...(await plain.splits()), ...added.splits],
  };
  const scene = await openScene({ source });
  const { lake, warehouse } = scene.laptop.stores;
  const snapshots = async () => {
    const found: Record<string, (string | undefined)[]> = {};
    for (const name of LISTS)
      found[name] = (await listAll(lake, `reference/${name}/date=`)).map(({ key }) => dateOfKey(key));
    return found;
  };
  const bytes = () => Promise.all(LISTS.map((name) => lake.read(keys.snapshot(name, SESSION))));

  const { outcome } = await scene.run(MORNING);
  expect(outcome.status, outcome.reasons.join('\n')).toBe('Succeeded');
  const before = await bytes();
  await age(scene, LISTS);
  const figis = { composite_figi: 'BBG0NEW', share_class_figi: 'BBG0NEWCLASS' };
  added = { tickers: [{ ticker: 'BRANDNEW', ...figis }, { ticker: '' }], splits: [SPLIT] };
  const repair = await scene.run(REPAIR, { session: REPAIR.session });
  expect(repair.outcome, repair.outcome.reasons.join('\n')).toMatchObject({ session: REPAIR.session });
  for (const name of LISTS)
    expect(repair.outcome.datasets.find((set) => set.name === name)).toMatchObject({ status: 'success' });

  expect(await snapshots()).toEqual(Object.fromEntries(LISTS.map((name) => [name, [SESSION, TODAY]])));
  expect(await bytes()).toEqual(before);
  // What the resampler, the indicators and the gates adjust by.
  expect(await readSplits(lake)).toContainEqual({
    symbol: 'AAPL',
    execution_date: TODAY,
    split_from: 1,
    split_to: 3,
  });
  const [split] = await warehouse.query(
    `SELECT first_seen::text AS day FROM splits WHERE symbol = 'AAPL' AND execution_date = '${TODAY}'`,
  );
  expect(split).toEqual({ day: TODAY });
  const [listed] = await warehouse.query(
    "SELECT valid_from::text AS day FROM symbol_history WHERE dataset = 'tickers' AND symbol = 'BRANDNEW'",
  );
  expect(listed).toEqual({ day: TODAY });
  const changes = (await listAll(lake, keys.symbolChangesOf('tickers'))).map(({ key }) => dateOfKey(key));
  expect(changes).toEqual([TODAY]);
  const refused = Buffer.from((await lake.read(keys.quarantine(TODAY))) ?? '').toString();
  expect(refused).toContain('"dataset":"tickers"');
});
