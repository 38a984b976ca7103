import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { decodeRows } from '../../src/lake/parquet.ts';
import { readStored } from '../../src/tables/reference-table.ts';
import { MORNING, type Night, openScene, type Scene, SESSION } from './scene.ts';

const MORNINGS = ['2025-11-21T09:00:00Z', '2025-11-22T09:00:00Z'] as const;
const assets = ({ outcome }: Night) => outcome.datasets.find(({ name }) => name === 'assets')!;
const notesOf = ({ outcome }: Night) => (outcome.notes ?? []).filter((note) => /^(assets|tickers): /.test(note));

async function makeDue({ laptop: { stores } }: Scene): Promise<void> {
  for (const dataset of ['assets', 'tickers'])
    await stores.runs.saveLastSync(dataset, {
      ...(await stores.runs.lastSync(dataset))!,
      lastSyncTimestamp: '2025-11-19T09:00:00.000Z',
    });
}

async function values({ laptop: { stores } }: Scene, field: string): Promise<unknown[]> {
  const rows = await readStored(stores.tables, stores.config.ASSETS_TABLE);
  return [...rows.values()].map((row) => row.values[field]).filter((value) => value !== undefined);
}

test('a field that the vendor ceases to send is published, and reported by name in the first night only', async () => {
  const scene = await openScene();
  await scene.run(MORNING);
  expect((await values(scene, 'easyToBorrow')).length).toBeGreaterThan(20);
  scene.market.misbehave(['field-removed']);
  await makeDue(scene);
  const first = await scene.run({ scheduledTime: MORNINGS[0] }, { session: '2025-11-20' });
  expect(first.outcome, first.outcome.reasons.join('\n')).toMatchObject({ status: 'Succeeded' });
  const { rows, changed, status } = assets(first);
  expect({ status, changed }).toEqual({ status: 'success', changed: rows });
  const gone = (field: string) => expect.stringContaining(`assets: the vendor no longer sends ${field} (gone from `);
  expect(notesOf(first).sort()).toEqual([gone('easy_to_borrow'), gone('maintenance_margin_requirement')]);
  expect(await values(scene, 'easyToBorrow')).toEqual([]);

  await makeDue(scene);
  const second = await scene.run({ scheduledTime: MORNINGS[1] }, { session: '2025-11-21' });
  expect(assets(second)).toMatchObject({ status: 'success', new: 0, changed: 0 });
  expect(notesOf(second)).toEqual([]);
});

test('a field that the vendor begins to send is reported once: kept when it is known, else named as not kept', async () => {
  const scene = await openScene();
  const { lake } = scene.laptop.stores;
  await scene.run(MORNING);
  scene.market.misbehave(['field-added@assets', 'field-added@tickers']);
  await makeDue(scene);
  const first = await scene.run({ scheduledTime: MORNINGS[0] }, { session: '2025-11-20' });
  expect(first.outcome, first.outcome.reasons.join('\n')).toMatchObject({ status: 'Succeeded' });
  const { rows } = assets(first);
  expect(notesOf(first).sort()).toEqual([
    `assets: the vendor now sends borrow_status (new in ${rows} of ${rows} rows)`,
    'tickers: the vendor now sends a field that is not kept: round_lot',
  ]);
  expect(new Set(await values(scene, 'borrowStatus'))).toEqual(new Set(['easy_to_borrow', 'hard_to_borrow']));
  const key = keys.snapshot('assets', '2025-11-20');
  const stored = await decodeRows((await lake.read(key))!, key, ['borrow_status']);
  expect(stored.filter(({ borrow_status }) => borrow_status)).toHaveLength(rows);
  const before = keys.snapshot('assets', SESSION);
  const older = await decodeRows((await lake.read(before))!, before, ['borrow_status']);
  expect(older.filter(({ borrow_status }) => borrow_status)).toEqual([]);

  await makeDue(scene);
  const second = await scene.run({ scheduledTime: MORNINGS[1] }, { session: '2025-11-21' });
  expect(assets(second)).toMatchObject({ status: 'success', new: 0, changed: 0 });
  expect(notesOf(second)).toEqual([]);
});
