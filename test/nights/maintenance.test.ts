import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { encodeBars, readIngest } from '../../src/lake/session-files.ts';
import { storePrices } from '../../src/warehouse/prices.ts';
import { bar } from '../checks/bars.ts';
import { openScene, type Scene } from './scene.ts';

const OLD = '2015-11-18';

async function maintain({ laptop }: Scene) {
  return laptop.run({}, { machine: 'maintenance', name: 'maintenance' });
}
async function ledger({ laptop }: Scene) {
  const sql = `SELECT task_name, status, rows_updated, metadata->>'saved_to_lake' AS saved FROM sync_logs
    WHERE task_name IN ('vacuum', 'apply-retention') ORDER BY id`;
  const rows = await laptop.stores.warehouse.query(sql);
  return rows.map(({ task_name, status, rows_updated, saved }) => [task_name, status, rows_updated, saved]);
}
async function oldRows({ laptop }: Scene) {
  const sql = 'SELECT count(*)::int AS rows FROM stock_prices WHERE date = :date::date';
  return (await laptop.stores.warehouse.query(sql, { date: OLD }))[0]!.rows;
}

test('a month’s maintenance moves old prices into the lake, removes them, and says so in the ledger', async () => {
  const scene = await openScene();
  const { lake, warehouse } = scene.laptop.stores;
  await storePrices(warehouse, OLD, [bar('AAPL', OLD), bar('TRUE', OLD)]);
  const first = await maintain(scene);
  expect(first).toMatchObject({ status: 'SUCCEEDED', output: { sessions: 1, deleted: 2, savedToLake: 2 } });
  expect(await oldRows(scene)).toBe(0);
  expect(await readIngest(lake, OLD)).toMatchObject({ rows: 2 });
  const second = await maintain(scene);
  expect(second).toMatchObject({ status: 'SUCCEEDED', output: { sessions: 0, deleted: 0 } });
  expect(await ledger(scene)).toEqual([
    ['vacuum', 'success', 0, null],
    ['apply-retention', 'success', 2, '2'],
    ['vacuum', 'success', 0, null],
    ['apply-retention', 'success', 0, '0'],
  ]);
});

test('a damaged session keeps its warehouse rows; the run fails by name, is told, and vacuum is done all the same', async () => {
  const scene = await openScene();
  const { lake, warehouse } = scene.laptop.stores;
  await storePrices(warehouse, OLD, [bar('AAPL', OLD)]);
  await lake.write(keys.session(OLD), encodeBars([bar('AAPL', OLD)]).subarray(0, 40));
  const result = await maintain(scene);
  expect(result).toMatchObject({ status: 'FAILED', error: 'Maintenance.Failed' });
  expect(result.cause).toContain('apply-retention: Lake.Corrupt');
  expect(await oldRows(scene)).toBe(1);
  expect((await ledger(scene)).map(([task, status]) => [task, status])).toEqual([
    ['vacuum', 'success'],
    ['apply-retention', 'failed'],
  ]);
  const told = readFileSync(join(scene.home, 'logs', 'notifications.jsonl'), 'utf8');
  expect(told).toContain('npx afterbell run maintenance');
  expect(told).toContain('Done all the same: vacuum.');
});

test('maintenance waits for an execution that owns the lake', async () => {
  const scene = await openScene();
  const { runs } = scene.laptop.stores;
  const mine = { executionArn: 'arn:another', runId: 'backfill-1', session: OLD, kind: 'backfill', since: OLD };
  await runs.takeLock(mine);
  // The engine does not know that execution, so it has ended: its lock is passed over.
  expect(await maintain(scene)).toMatchObject({ status: 'SUCCEEDED' });
});

test('vacuum runs under the lake’s lock, which is free again afterwards', async () => {
  const scene = await openScene();
  const { runs } = scene.laptop.stores;
  const owners: Promise<string | undefined>[] = [];
  const result = await scene.laptop.run(
    {},
    {
      machine: 'maintenance',
      name: 'maintenance',
      onEvent: ({ type, state }) => {
        if (type === 'StateEntered' && state === 'Vacuum') owners.push(runs.lock().then((lock) => lock?.kind));
      },
    },
  );
  expect(result.status).toBe('SUCCEEDED');
  expect(await Promise.all(owners)).toEqual(['maintenance']);
  expect(await runs.lock()).toBeUndefined();
});
