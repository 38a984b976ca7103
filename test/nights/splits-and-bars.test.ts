import { expect, test } from 'vitest';
import { exitCodeOf } from '../../src/cli/outcome.ts';
import { listAll } from '../../src/lake/lake.ts';
import { readSplits } from '../../src/lake/splits-list.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { MarketSource, SplitRow } from '../../src/local/market/source.ts';
import { readSilver } from '../jobs/resample/read-silver.ts';
import { afterbell } from './command.ts';
import { lakeFiles, MORNING, openScene, type Scene, SESSION, SYMBOLS } from './scene.ts';

const base = generateMarket({ symbols: SYMBOLS, seed: 1 });
/** The generated market with these splits besides its own; the list may change between two nights. */
const marketWith = (splits: readonly SplitRow[]): MarketSource => ({
  ...base,
  splits: async () => [...(await base.splits()), ...splits],
});
const split = (ticker: string, execution_date: string, split_from: number, split_to: number): SplitRow => {
  return { id: `${ticker}${execution_date}${split_from}`, ticker, execution_date, split_from, split_to };
};
/** More than the twenty rows below which shares of a list say nothing. */
const crowd = Array.from({ length: 30 }, (_, i) => split(`X${i}`, '2020-01-02', 1, 2));

const task = (scene: Scene) => scene.run({ task: 'sync-splits', session: SESSION }, { kind: 'task' });
const silver = (home: string) => [...lakeFiles(home)].filter(([key]) => key.startsWith('silver/'));
const dataset = ({ outcome }: Awaited<ReturnType<typeof task>>, name: string) =>
  outcome.datasets.find((one) => one.name === name);

/** AAPL's highest price of the first window of three sessions held. */
async function highOf({ laptop: { stores } }: Scene): Promise<number> {
  return (await readSilver(stores.lake, 3)).find(({ symbol }) => symbol === 'AAPL')!.high;
}

test('a list of splits synced by hand adjusts the bars in the same run, and once', async () => {
  const splits: SplitRow[] = [];
  const scene = await openScene({ source: marketWith(splits) });
  await scene.run(MORNING);
  const raw = await highOf(scene);
  const before = silver(scene.home);

  splits.push(split('AAPL', '2025-11-14', 1, 4));
  const first = await task(scene);
  expect(first.outcome.status).toBe('Succeeded');
  expect(dataset(first, 'splits')).toMatchObject({ new: 1 });
  expect(dataset(first, 'resample')).toMatchObject({ status: 'success' });
  expect(await highOf(scene)).toBe(raw / 4);
  const rows = await scene.laptop.stores.warehouse.query(
    `SELECT count(*)::int AS rows FROM sync_logs WHERE task_name = 'resample' AND metadata->>'run_id' = '${first.runId}'`,
  );
  expect(rows).toEqual([{ rows: 1 }]);

  const again = await task(scene);
  expect([dataset(again, 'splits')?.new, dataset(again, 'resample')]).toEqual([0, undefined]);

  // A split announced for a day to come changes no bar yet.
  splits.push(split('MSFT', '2026-02-02', 1, 2));
  const announced = await task(scene);
  expect([dataset(announced, 'splits')?.new, dataset(announced, 'resample')]).toEqual([1, undefined]);

  splits.length = 0;
  expect(dataset(await task(scene), 'resample')).toMatchObject({ status: 'success' });
  expect(silver(scene.home).map(([key]) => key)).toEqual(before.map(([key]) => key));
  expect(await highOf(scene)).toBe(raw);
});

test('a released list of splits adjusts the bars in the release', async () => {
  const splits = [...crowd, split('AAPL', '2025-11-14', 1, 4)];
  const scene = await openScene({ source: marketWith(splits) });
  await scene.run(MORNING);
  const adjusted = await highOf(scene);

  splits.length = 0;
  const held = await task(scene);
  expect(dataset(held, 'splits')).toMatchObject({ status: 'held' });
  expect(dataset(held, 'resample')).toBeUndefined();
  expect(await highOf(scene)).toBe(adjusted);

  const release = await scene.run({ release: held.runId }, { kind: 'release' });
  expect(release.outcome.status).toBe('Succeeded');
  expect(dataset(release, 'resample')).toMatchObject({ status: 'success' });
  expect(await highOf(scene)).toBe(adjusted * 4);
});

test('a run killed between a new list of splits and its bars is made good by the next one', async () => {
  const splits: SplitRow[] = [];
  const scene = await openScene({ source: marketWith(splits), timeScale: 0 });
  await scene.run(MORNING);
  const raw = await highOf(scene);
  splits.push(split('AAPL', '2025-11-14', 1, 4));
  const stop = new AbortController();
  const killed = scene.run(
    { task: 'sync-splits', session: SESSION },
    {
      kind: 'task',
      signal: stop.signal,
      onEvent: ({ type, output }) => {
        const { Payload } = (output ?? {}) as { Payload?: { dataset?: string; done?: boolean } };
        if (type === 'TaskSucceeded' && Payload?.dataset === 'splits' && Payload.done) stop.abort();
      },
    },
  );
  await expect(killed).rejects.toMatchObject({ name: 'Job.Interrupted' });
  expect(await highOf(scene)).toBe(raw);
  // Its lists are fresh and its session is done: only the bars are behind.
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  expect(await highOf(scene)).toBe(raw / 4);
});

test('splits synced into a lake without bars ask for none', async () => {
  const scene = await openScene({ home: undefined, source: marketWith([]) });
  const { lake } = scene.laptop.stores;
  await lake.remove((await listAll(lake, 'processing_metadata/')).map(({ key }) => key));
  const night = await task(scene);
  expect(night.outcome.status).toBe('Succeeded');
  expect(dataset(night, 'resample')).toBeUndefined();
});

test('a lost list of splits fails the night by name, rewrites no bar, and is fetched again by its own command', async () => {
  const scene = await openScene({ source: marketWith([split('AAPL', '2025-11-14', 1, 4)]), timeScale: 0 });
  await scene.run(MORNING);
  const { lake } = scene.laptop.stores;
  await lake.remove((await listAll(lake, 'reference/splits/')).map(({ key }) => key));
  const before = silver(scene.home);
  scene.market.misbehave(['server-error@splits']);

  const night = await scene.run({ session: '2025-11-20' }, { session: '2025-11-20' });
  expect(silver(scene.home)).toEqual(before);
  expect([night.outcome.status, exitCodeOf(night.outcome.status)]).toEqual(['Failed', 1]);
  expect(dataset(night, 'resample')!.reasons.join()).toMatch(/Lake\.Corrupt: the splits of .* are gone.*sync-splits/);

  scene.market.misbehave([]);
  const healed = await task(scene);
  expect(healed.outcome.status).toBe('Succeeded');
  expect(dataset(healed, 'resample')).toMatchObject({ status: 'success' });
  await scene.close();
  const verified = await afterbell(['verify'], { AFTERBELL_HOME: scene.home });
  expect(verified.code, verified.stdout).toBe(0);
});

test('two splits of one day both count everywhere, and a factor of the vendor that differs from ours is named', async () => {
  const day = '2025-11-14';
  const dividend: SplitRow = { ...split('AAPL', day, 20, 21), adjustment_type: 'stock_dividend' };
  const splits = [split('AAPL', day, 1, 3), dividend];
  const plain = await openScene();
  await plain.run(MORNING);
  const raw = await highOf(plain);
  const scene = await openScene({ source: marketWith(splits) });
  const night = await scene.run(MORNING);
  expect(night.outcome.status).toBe('Succeeded');
  expect(await highOf(scene)).toBeCloseTo((raw * 20) / 63, 9);
  expect(night.outcome.notes?.filter((note) => note.startsWith('splits:'))).toEqual([]);
  const { lake, warehouse } = scene.laptop.stores;
  const stored = await warehouse.query(
    `SELECT split_from::text || ':' || split_to::text AS ratio, adjustment_type AS type,
       historical_adjustment_factor AS factor FROM splits WHERE symbol = 'AAPL' AND execution_date = '${day}'
     ORDER BY splits.split_from`,
  );
  expect(stored).toEqual([
    { ratio: '1:3', type: 'forward_split', factor: 0.31746 },
    { ratio: '20:21', type: 'stock_dividend', factor: 0.31746 },
  ]);
  const listed = (await readSplits(lake)).filter(({ symbol, execution_date: on }) => symbol === 'AAPL' && on === day);
  expect(listed.map(({ split_to }) => split_to)).toEqual([3, 21]);

  // The vendor knows of a third one that its list lacks.
  splits.splice(
    0,
    2,
    { ...splits[0]!, historical_adjustment_factor: 0.15873 },
    { ...dividend, historical_adjustment_factor: 0.15873 },
  );
  const again = await task(scene);
  expect(again.outcome.notes).toContain(
    "splits: AAPL 2025-11-14: our splits multiply earlier prices by 0.31746, the vendor's factor is 0.15873",
  );
  await scene.close();
  const verified = await afterbell(['verify'], { AFTERBELL_HOME: scene.home });
  expect(verified.code, verified.stdout).toBe(0);
});
