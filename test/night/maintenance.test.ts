import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { decodeBars, encodeBars, readIngest } from '../../src/lake/session-files.ts';
import { applyRetention, retentionCutoff } from '../../src/night/maintenance.ts';
import type { Bar } from '../../src/records/bar.ts';
import { migrate } from '../../src/warehouse/client.ts';
import { storePrices } from '../../src/warehouse/prices.ts';
import { bar } from '../checks/bars.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { type LocalWarehouse, openLocalWarehouse } from '../warehouse/local-warehouse.ts';

const RUN = { runId: 'maintenance-1', openedAt: '2026-11-20T09:00:00.000Z', years: 5 };
const OLD = '2021-11-18';
const EDGE = '2021-11-22';
const NEW = '2026-11-19';

let warehouse: LocalWarehouse;
let lake: MemoryLake;
beforeAll(async () => {
  warehouse = await openLocalWarehouse();
  await migrate(warehouse);
});
beforeEach(async () => {
  await warehouse.query('TRUNCATE stock_prices, ingestion_watermarks');
  lake = new MemoryLake();
});
afterAll(() => warehouse.close());

const session = (date: string, ...symbols: string[]): Bar[] => symbols.map((symbol) => bar(symbol, date));
const left = async () => {
  const rows = await warehouse.query('SELECT date::text AS date, symbol FROM stock_prices ORDER BY 1, 2');
  return rows.map(({ date, symbol }) => `${date} ${symbol}`);
};
const served = async (date: string) => {
  const bytes = await lake.read(keys.session(date));
  return bytes ? await decodeBars(bytes, date) : [];
};

test('the cutoff lies whole years back, and keeps a day more after 29 February', () => {
  expect(retentionCutoff('2026-11-20T09:00:00.000Z', 5)).toBe('2021-11-20');
  expect(retentionCutoff('2028-02-29T09:00:00.000Z', 5)).toBe('2023-03-01');
});

test('rows older than the retention go, younger ones stay', async () => {
  for (const date of [OLD, EDGE, NEW]) await storePrices(warehouse, date, session(date, 'A', 'B'));
  await lake.write(keys.session(OLD), encodeBars(session(OLD, 'A', 'B')));
  const result = await applyRetention(RUN, { lake, warehouse });
  expect(result).toEqual({ done: true, cutoff: '2021-11-20', sessions: 1, deleted: 2, savedToLake: 0 });
  expect(await left()).toEqual([`${EDGE} A`, `${EDGE} B`, `${NEW} A`, `${NEW} B`]);
});

test('rows the lake does not have are written there first, beside those it has, with their own values', async () => {
  const rows = session(OLD, 'A', 'BRK.B', 'TRUE').map((one) => ({ ...one, close: 11.25, vwap: null }));
  await storePrices(warehouse, OLD, rows);
  await lake.write(keys.session(OLD), encodeBars(session(OLD, 'BRK.B')));
  const result = await applyRetention(RUN, { lake, warehouse });
  expect(result).toMatchObject({ deleted: 3, savedToLake: 2 });
  const bars = await served(OLD);
  expect(bars.map(({ symbol }) => symbol)).toEqual(['A', 'BRK.B', 'TRUE']);
  expect(bars[0]).toEqual({ ...rows[0], transactions: null });
  expect(bars[1]).toEqual(session(OLD, 'BRK.B')[0]);
  expect(await readIngest(lake, OLD)).toMatchObject({ rows: 3, removed: [] });
});

test('a session the lake never had becomes one it holds', async () => {
  await storePrices(warehouse, OLD, session(OLD, 'A'));
  await applyRetention(RUN, { lake, warehouse });
  expect((await served(OLD)).length).toBe(1);
  expect(await readIngest(lake, OLD)).toMatchObject({ rows: 1, runId: 'maintenance-1' });
});

test('a second call changes nothing', async () => {
  await storePrices(warehouse, OLD, session(OLD, 'A'));
  await applyRetention(RUN, { lake, warehouse });
  const before = await lake.read(keys.session(OLD));
  expect(await applyRetention(RUN, { lake, warehouse })).toMatchObject({ done: true, sessions: 0, deleted: 0 });
  expect(await lake.read(keys.session(OLD))).toEqual(before);
});

test('a damaged session file keeps its rows in the warehouse, and the error names the file', async () => {
  await storePrices(warehouse, OLD, session(OLD, 'A'));
  await lake.write(keys.session(OLD), Buffer.from('PAR1 torn'));
  await expect(applyRetention(RUN, { lake, warehouse })).rejects.toMatchObject({
    name: 'Lake.Corrupt',
    message: expect.stringContaining(OLD),
  });
  expect(await left()).toEqual([`${OLD} A`]);
});

test('a write that does not arrive removes nothing', async () => {
  await storePrices(warehouse, OLD, session(OLD, 'A', 'B'));
  await lake.write(keys.session(OLD), encodeBars(session(OLD, 'B')));
  const forgetful = Object.assign(Object.create(lake) as MemoryLake, { write: async () => {} });
  await expect(applyRetention(RUN, { lake: forgetful, warehouse })).rejects.toMatchObject({ name: 'Lake.Corrupt' });
  expect(await left()).toHaveLength(2);
});

test('killed after any write, the next call ends as an undisturbed one', async () => {
  const rows = session(OLD, 'A', 'B');
  for (let kill = 0; kill < 3; kill += 1) {
    lake = new MemoryLake();
    await lake.write(keys.session(OLD), encodeBars(session(OLD, 'B')));
    await storePrices(warehouse, OLD, rows);
    let writes = 0;
    const mortal = Object.assign(Object.create(lake) as MemoryLake, {
      write: async (key: string, bytes: Uint8Array) => {
        if (writes++ === kill) throw new Error('killed');
        await lake.write(key, bytes);
      },
    });
    await applyRetention(RUN, { lake: mortal, warehouse }).catch((error: Error) =>
      expect(error.message).toBe('killed'),
    );
    await applyRetention(RUN, { lake, warehouse });
    expect((await served(OLD)).map(({ symbol }) => symbol)).toEqual(['A', 'B']);
    expect(await readIngest(lake, OLD)).toMatchObject({ rows: 2 });
    expect(await left()).toEqual([]);
  }
});

test('without time left it stops between two sessions and says there is more', async () => {
  for (const date of ['2021-11-17', OLD]) await storePrices(warehouse, date, session(date, 'A'));
  let calls = 0;
  const result = await applyRetention(RUN, { lake, warehouse }, () => calls++ < 1);
  expect(result).toMatchObject({ done: false, sessions: 1, deleted: 1 });
  expect(await left()).toEqual([`${OLD} A`]);
});
