import { describe, expect, test } from 'vitest';
import { sessionAt } from '../../../src/calendar/calendar.ts';
import { consolidate } from '../../../src/jobs/consolidate/consolidate.ts';
import { readConsolidated } from '../../../src/jobs/consolidate/consolidation-state.ts';
import { keys } from '../../../src/lake/lake.ts';
import { decodeBars, encodeBars } from '../../../src/lake/session-files.ts';
import { MemoryLake } from '../../lake/memory-lake.ts';
import { bar, originalBytes, publish } from '../../lake/published.ts';

const DATES = Array.from({ length: 4 }, (_, i) => sessionAt(9000 + i));
const SYMBOLS = Array.from({ length: 50 }, (_, i) => `S${i}`);
const options = { mode: 'incremental', maxWorkers: 4, runId: 'test', adoptedPrices: 'unadjusted' } as const;

async function published(): Promise<MemoryLake> {
  const lake = new MemoryLake();
  for (const date of DATES.slice(0, 2)) {
    await publish(
      lake,
      date,
      SYMBOLS.map((s) => bar(s, date)),
    );
    if (date === DATES[0]) await consolidate(lake, options);
  }
  return lake;
}

describe('two writers', () => {
  test('a data.parquet that another job wrote is left as it is, reported, and merged by the next run', async () => {
    const lake = await published();
    const other = encodeBars([bar('S3', sessionAt(8000)), bar('S3', DATES[0]!)]);
    const open = lake.open.bind(lake);
    lake.open = async (key) => {
      const found = await open(key);
      if (key === keys.symbol('S3')) {
        lake.open = open;
        await lake.write(key, other);
      }
      return found;
    };
    const summary = await consolidate(lake, options);
    expect(summary).toMatchObject({ status: 'failed', symbols: 49, errors: [{ name: 'Lake.Conflict', symbol: 'S3' }] });
    expect(Buffer.compare(lake.objects.get(keys.symbol('S3'))!.bytes, other)).toBe(0);
    expect((await readConsolidated(lake))!.failed).toEqual({ S3: [DATES[1]] });
    expect(await consolidate(lake, options)).toMatchObject({ status: 'success', symbols: 1 });
    const rows = await decodeBars(lake.objects.get(keys.symbol('S3'))!.bytes, 'k');
    expect(rows.map(({ date }) => date)).toEqual([sessionAt(8000), DATES[0], DATES[1]]);
  });

  test.each([keys.manifest, keys.consolidated])(
    'a run that finds %s settled by another ends with Lake.Conflict',
    async (key) => {
      const lake = await published();
      const write = lake.write.bind(lake);
      lake.write = async (at, bytes, condition) => {
        if (at === key) {
          lake.write = write;
          await consolidate(lake, options);
        }
        return write(at, bytes, condition);
      };
      await expect(consolidate(lake, options)).rejects.toMatchObject({ name: 'Lake.Conflict' });
      const undisturbed = await published();
      await consolidate(undisturbed, options);
      await consolidate(lake, options);
      expect(lake.contents('bronze/')).toEqual(undisturbed.contents('bronze/'));
      expect(lake.contents(keys.manifest)).toEqual(undisturbed.contents(keys.manifest));
    },
  );
});

describe('damaged symbols', () => {
  const damaged: [string, (sound: Uint8Array) => Uint8Array][] = [
    ['empty', () => new Uint8Array()],
    ['truncated', (sound) => sound.subarray(0, sound.length >> 1)],
    ['without its end', (sound) => sound.subarray(0, sound.length - 4)],
    ['no Parquet', () => Buffer.from('no parquet at all')],
    ['with a flipped bit', (sound) => Buffer.from(sound).fill(0x5a, 900, 901)],
    ['of another symbol', () => encodeBars([bar('OTHER', DATES[0]!)])],
    ['of another symbol in the original layout', () => originalBytes([bar('OTHER', DATES[0]!)])],
    ['with dates that fall', () => encodeBars([bar('S7', DATES[1]!), bar('S7', DATES[0]!)])],
  ];

  test.each(damaged)(
    'a data.parquet that is %s is reported and stays as it is, the others are done',
    async (_, damage) => {
      const lake = await published();
      const key = keys.symbol('S7');
      await lake.write(key, damage(lake.objects.get(key)!.bytes));
      const before = lake.contents(key);
      const summary = await consolidate(lake, options);
      expect(summary).toMatchObject({
        status: 'failed',
        symbols: 49,
        errors: [{ name: 'Lake.Corrupt', symbol: 'S7' }],
      });
      expect(lake.contents(key)).toEqual(before);
    },
  );

  test.each(damaged)('a date file that is %s leaves its symbol untouched', async (_, damage) => {
    const lake = await published();
    const bytes = damage(encodeBars([bar('S7', DATES[3]!)]));
    await lake.write(keys.symbolDate('S7', DATES[3]!), bytes);
    const before = lake.contents(keys.symbol('S7'));
    expect(await consolidate(lake, options)).toMatchObject({
      symbols: 49,
      errors: [{ name: 'Lake.Corrupt', symbol: 'S7' }],
    });
    expect(lake.contents(keys.symbol('S7'))).toEqual(before);
  });

  test('fail the job only when they are more than the threshold', async () => {
    const lake = await published();
    await lake.write(keys.symbol('S7'), new Uint8Array());
    const most = { ...options, maxFailedPercent: 2 };
    expect(await consolidate(lake, most)).toMatchObject({ status: 'success', errors: [{ symbol: 'S7' }] });
    await lake.write(keys.symbol('S8'), new Uint8Array());
    await publish(
      lake,
      DATES[2]!,
      SYMBOLS.map((s) => bar(s, DATES[2]!)),
    );
    expect(await consolidate(lake, most)).toMatchObject({ status: 'failed', symbols: 48 });
  });
});
