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
  /** Another job writes S3's history each of the next `times` times that it is opened. */
  function disturb(lake: MemoryLake, times: number): { written: Uint8Array } {
    const open = lake.open.bind(lake);
    const other: { written: Uint8Array } = { written: new Uint8Array() };
    let left = times;
    lake.open = async (key) => {
      const found = await open(key);
      if (key === keys.symbol('S3') && left > 0) {
        left -= 1;
        other.written = encodeBars([bar('S3', sessionAt(8000 + left)), bar('S3', DATES[0]!)]);
        await lake.write(key, other.written);
      }
      return found;
    };
    return other;
  }
  const datesOf = async (lake: MemoryLake) =>
    (await decodeBars(lake.objects.get(keys.symbol('S3'))!.bytes, 'k')).map(({ date }) => date);

  test('a data.parquet that another job wrote meanwhile is read and merged again', async () => {
    const lake = await published();
    disturb(lake, 1);
    expect(await consolidate(lake, options)).toMatchObject({ status: 'success', symbols: 50, added: 50, errors: [] });
    expect(await datesOf(lake)).toEqual([sessionAt(8000), DATES[0], DATES[1]]);
  });

  test('one that another job writes again and again is left as it is, reported, and merged by the next run', async () => {
    const lake = await published();
    // Its merge reads it twice: to begin with, and after the conflict.
    const other = disturb(lake, 10);
    const summary = await consolidate(lake, options);
    expect(summary).toMatchObject({ status: 'failed', symbols: 49, errors: [{ name: 'Lake.Conflict', symbol: 'S3' }] });
    expect(Buffer.compare(lake.objects.get(keys.symbol('S3'))!.bytes, other.written)).toBe(0);
    expect((await readConsolidated(lake))!.failed).toEqual({ S3: [DATES[1]] });
    expect(await consolidate(lake, options)).toMatchObject({ status: 'success', symbols: 1 });
    expect(await datesOf(lake)).toEqual([sessionAt(8000), DATES[0], DATES[1]]);
  });

  test.each([[[undefined, undefined]], [[0, 1, 2, 0]], [[0, 1, 2, 0, 1, 2]]])(
    'copies of one job at the same moment, as AWS Batch may run them, end well (shards %j)',
    async (shards) => {
      const [lake, alone] = [await published(), await published()];
      const run = (index: number | undefined) => {
        const shard = index === undefined ? undefined : { index, size: 3, submission: 's' };
        return consolidate(lake, { ...options, shard });
      };
      for (const summary of await Promise.all(shards.map(run)))
        expect(summary).toMatchObject({ status: 'success', errors: [] });
      await consolidate(alone, options);
      expect(lake.contents('bronze/')).toEqual(alone.contents('bronze/'));
      expect(lake.contents(keys.manifest)).toEqual(alone.contents(keys.manifest));
      expect(await consolidate(lake, options)).toMatchObject({ status: 'success', symbols: 0 });
    },
  );

  test('a copy that begins with date files which the other one deletes ends well', async () => {
    const lake = await published();
    const old = sessionAt(8990);
    for (const symbol of SYMBOLS.slice(0, 9))
      await lake.write(keys.symbolDate(symbol, old), originalBytes([bar(symbol, old)]));
    const deleting = { ...options, retentionDays: 1 };
    const both = await Promise.all([consolidate(lake, { ...deleting, maxWorkers: 1 }), consolidate(lake, deleting)]);
    for (const summary of both) expect(summary).toMatchObject({ status: 'success', errors: [] });
    for (const symbol of SYMBOLS.slice(0, 9)) expect(lake.objects.has(keys.symbolDate(symbol, old))).toBe(false);
    const rows = await decodeBars(lake.objects.get(keys.symbol('S3'))!.bytes, 'k');
    expect(rows.map(({ date }) => date)).toEqual([old, DATES[0], DATES[1]]);
  });

  test.each([keys.manifest, keys.consolidated])(
    'a run that finds %s settled by one that knew more begins again',
    async (key) => {
      const lake = await published();
      const write = lake.write.bind(lake);
      const more = (to: MemoryLake) =>
        publish(
          to,
          DATES[2]!,
          SYMBOLS.map((s) => bar(s, DATES[2]!)),
        );
      lake.write = async (at, bytes, condition) => {
        if (at === key) {
          lake.write = write;
          await more(lake);
          await consolidate(lake, options);
        }
        return write(at, bytes, condition);
      };
      expect(await consolidate(lake, options)).toMatchObject({ status: 'success', errors: [] });
      const undisturbed = await published();
      await more(undisturbed);
      await consolidate(undisturbed, options);
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
