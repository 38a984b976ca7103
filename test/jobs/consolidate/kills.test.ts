import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sessionAt } from '../../../src/calendar/calendar.ts';
import { consolidate } from '../../../src/jobs/consolidate/consolidate.ts';
import { readConsolidated } from '../../../src/jobs/consolidate/consolidation-state.ts';
import { vacuum } from '../../../src/jobs/vacuum.ts';
import { keys, type Lake } from '../../../src/lake/lake.ts';
import { KillLake } from '../../lake/kill-lake.ts';
import { bar, originalFile, publish } from '../../lake/published.ts';
import { contentsOf, STORES, type Store } from '../../lake/stores.ts';

const DATES = Array.from({ length: 6 }, (_, i) => sessionAt(9000 + i));
const SYMBOLS = ['AAPL', 'BRK.B', 'KIMpL', 'A/B'];
const NOW = new Date(Date.parse(DATES[5]!) + 86_400_000);
const options = {
  mode: 'incremental',
  maxWorkers: 2,
  runId: 'kill',
  retentionDays: 3,
  now: NOW,
  adoptedPrices: 'unadjusted',
} as const;
const job = (lake: Lake) => consolidate(lake, options);
const shards = async (lake: Lake) => {
  for (const index of [0, 1, 2]) await consolidate(lake, { ...options, shard: { index, size: 3, submission: 'one' } });
};
const clean = (lake: Lake) => vacuum(lake, { ...options, retentionDays: 0 });

/** Sessions, a correction, a late one and old date files on top of a consolidated lake. */
async function prepare(lake: Lake): Promise<Lake> {
  for (const date of DATES.slice(1, 4))
    await publish(
      lake,
      date,
      SYMBOLS.map((s) => bar(s, date)),
    );
  await consolidate(lake, { ...options, retentionDays: undefined });
  await publish(lake, DATES[2]!, [bar('AAPL', DATES[2]!, 1), bar('BRK.B', DATES[2]!)], '2031-01-01T00:00:00.000Z');
  await publish(
    lake,
    DATES[0]!,
    SYMBOLS.map((s) => bar(s, DATES[0]!)),
  );
  for (const date of DATES.slice(0, 5)) await originalFile(lake, bar('OLD', date));
  for (const date of DATES.slice(3)) await originalFile(lake, bar('BRK.B', date));
  return lake;
}

async function prepareAll(lake: Lake): Promise<Lake> {
  await consolidate(await prepare(lake), { ...options, retentionDays: undefined });
  return lake;
}

const stateOf = async (lake: Lake) => ({
  ...(await contentsOf(lake, 'bronze/', keys.manifest, keys.cleanups)),
  outside: Object.keys((await readConsolidated(lake))!.outside),
});

describe.each(Object.keys(STORES))('on the %s adapter', (name) => {
  let store: Store;
  beforeAll(async () => {
    store = await STORES[name]!();
  });
  afterAll(() => store.close());

  test.each([
    ['consolidate', job, prepare, 22],
    ['three shards of it', shards, prepare, 36],
    ['vacuum', clean, prepareAll, 14],
  ] as const)(
    '%s, killed before or after every write and deletion, is repaired by running again',
    async (_, run, lakeOf, least) => {
      const prepared = await lakeOf(store.lake());
      const undisturbed = store.copy(prepared);
      const counting = new KillLake(undisturbed);
      await run(counting);
      const wanted = await stateOf(undisturbed);
      expect(2 * counting.changes).toBeGreaterThanOrEqual(least);
      for (let n = 0; n < counting.changes; n++) {
        for (const kill of [{ before: n }, { after: n + 1 }]) {
          const lake = store.copy(prepared);
          await expect(run(new KillLake(lake, kill))).rejects.toThrow('killed');
          await run(lake);
          expect(await stateOf(lake)).toEqual(wanted);
        }
      }
    },
  );
});
