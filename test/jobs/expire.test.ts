import { describe, expect, test } from 'vitest';
import { sessionAt } from '../../src/calendar/calendar.ts';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { readCleanUps } from '../../src/jobs/expire.ts';
import { type VacuumOptions, vacuum } from '../../src/jobs/vacuum.ts';
import { keys } from '../../src/lake/lake.ts';
import { decodeBars, encodeBars } from '../../src/lake/session-files.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { bar, originalFile, publish } from '../lake/published.ts';

const DATES = Array.from({ length: 8 }, (_, i) => sessionAt(9000 + i));
const NOW = new Date(`${DATES[5]}T12:00:00Z`);
const base = { mode: 'incremental', maxWorkers: 2, runId: 'test', now: NOW, adoptedPrices: 'unadjusted' } as const;
const daysTo = (date: string) => Math.floor((NOW.getTime() - Date.parse(date)) / 86_400_000);
/** Everything before DATES[3] is old. */
const retentionDays = daysTo(DATES[3]!);
const clean = (lake: MemoryLake, more: Partial<VacuumOptions> = {}) =>
  vacuum(lake, { ...base, retentionDays, ...more });
const dateFiles = (lake: MemoryLake) =>
  Object.keys(lake.contents('bronze/raw_ohlcv/')).filter((key) => !key.endsWith('data.parquet'));

async function adopted(...symbols: string[]): Promise<MemoryLake> {
  const lake = new MemoryLake();
  for (const symbol of symbols) for (const date of DATES.slice(0, 5)) await originalFile(lake, bar(symbol, date));
  await consolidate(lake, base);
  lake.changes = [];
  return lake;
}

describe('retention of a consolidation', () => {
  test('deletes old date files after data, manifest, checkpoint and record, and never a session file', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 5)) await originalFile(lake, bar('AAPL', date));
    await publish(lake, DATES[0]!, [bar('AAPL', DATES[0]!, 10)]);
    lake.changes = [];
    const summary = await consolidate(lake, { ...base, retentionDays });
    expect(lake.changes).toEqual([
      keys.symbol('AAPL'),
      keys.manifest,
      keys.consolidated,
      keys.cleanups,
      ...DATES.slice(1, 3).map((date) => keys.symbolDate('AAPL', date)),
    ]);
    // The session of DATES[0] won with other values: that date file is not proven, so it stays.
    expect(dateFiles(lake)).toEqual([DATES[0]!, ...DATES.slice(3, 5)].map((date) => keys.symbolDate('AAPL', date)));
    expect(summary).toMatchObject({ filesDeleted: 2, errors: [], status: 'success' });
    expect(summary.bytesFreed).toBeGreaterThan(500);
    expect(lake.objects.has(keys.session(DATES[0]!))).toBe(true);
    expect(await readCleanUps(lake)).toMatchObject(
      DATES.slice(1, 3).map((date) => ({
        symbol: 'AAPL',
        date,
        runId: 'test',
        deletedAt: BigInt(NOW.getTime()) * 1000n,
      })),
    );
  });

  test('a run after it reads nothing again and writes nothing', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 5)) await originalFile(lake, bar('AAPL', date));
    await consolidate(lake, { ...base, retentionDays });
    lake.changes = [];
    expect(await consolidate(lake, { ...base, retentionDays })).toMatchObject({
      symbols: 0,
      filesMerged: 0,
      filesDeleted: 0,
    });
    expect(lake.changes).toEqual([]);
    const before = lake.contents('bronze/');
    await consolidate(lake, { ...base, mode: 'full', retentionDays });
    expect(lake.contents('bronze/')).toEqual(before);
  });

  test('a late back-fill older than retention is merged, then goes', async () => {
    const lake = await adopted('AAPL');
    await clean(lake);
    await originalFile(lake, bar('AAPL', sessionAt(8000)));
    expect(await consolidate(lake, { ...base, retentionDays })).toMatchObject({ added: 1, filesDeleted: 1 });
    const rows = await decodeBars(lake.objects.get(keys.symbol('AAPL'))!.bytes, 'k');
    expect(rows.map(({ date }) => date)).toEqual([sessionAt(8000), ...DATES.slice(0, 5)]);
  });
});

describe('vacuum', () => {
  test('follows the table: old and proven goes, recent stays, without data.parquet nothing is touched', async () => {
    const lake = await adopted('AAPL', 'A/B');
    for (const date of DATES.slice(0, 2)) await originalFile(lake, bar('NEW', date));
    const summary = await clean(lake);
    expect(summary).toMatchObject({ filesDeleted: 6, filesRecent: 4, filesUntouched: 2, kept: [], errors: [] });
    expect(dateFiles(lake)).toEqual(
      [
        ...DATES.slice(3, 5).map((date) => keys.symbolDate('A/B', date)),
        ...DATES.slice(3, 5).map((date) => keys.symbolDate('AAPL', date)),
        ...DATES.slice(0, 2).map((date) => keys.symbolDate('NEW', date)),
      ].sort(),
    );
    expect((await readCleanUps(lake)).map(({ symbol, date }) => `${date} ${symbol}`)).toEqual(
      DATES.slice(0, 3).flatMap((date) => [`${date} A/B`, `${date} AAPL`]),
    );
  });

  test('a dry run names exactly what a run deletes, and changes nothing', async () => {
    const lake = await adopted('AAPL', 'TRUE');
    const named: string[] = [];
    const said = await clean(lake, { dryRun: true, onFile: ({ key }) => named.push(key) });
    expect(lake.changes).toEqual([]);
    const done = await clean(lake);
    expect(lake.changes.filter((key) => key !== keys.cleanups)).toEqual(named);
    expect([said.filesDeleted, said.bytesFreed]).toEqual([done.filesDeleted, done.bytesFreed]);
  });

  test('a file of exactly the age stays, one a day older goes; symbols limit it', async () => {
    const lake = await adopted('AAPL', 'TRUE');
    await clean(lake, { symbols: ['TRUE'], retentionDays: daysTo(DATES[1]!) });
    expect(lake.changes).toEqual([keys.cleanups, keys.symbolDate('TRUE', DATES[0]!)]);
  });

  test.each([
    ['another value', (date: string) => bar('AAPL', date, 0, { close: 1 })],
    ['a newer fetch', (date: string) => bar('AAPL', date, 0, { ingestedAt: '2031-01-01T00:00:00.000Z' })],
    ['another symbol', (date: string) => bar('TRUE', date)],
    ['another date', () => bar('AAPL', DATES[2]!)],
  ])('a file with %s than data.parquet stays', async (_, other) => {
    const lake = new MemoryLake();
    const date = DATES[0]!;
    await lake.write(keys.symbol('AAPL'), encodeBars([bar('AAPL', date), bar('AAPL', DATES[2]!)]));
    await lake.write(keys.symbolDate('AAPL', date), encodeBars([other(date)]));
    lake.changes = [];
    expect(await clean(lake)).toMatchObject({ filesDeleted: 0, kept: [{ symbol: 'AAPL' }] });
    expect(lake.changes).toEqual([]);
  });

  test('damaged files are named and stay; the other symbols are done', async () => {
    const lake = await adopted('AAPL', 'BRK.B', 'TRUE');
    await lake.write(keys.symbol('AAPL'), Buffer.from('PAR1'));
    await lake.write(keys.symbolDate('BRK.B', DATES[0]!), Buffer.alloc(0));
    const summary = await clean(lake);
    expect(summary.status).toBe('failed');
    expect(summary.errors.map(({ name, symbol }) => [name, symbol])).toEqual([
      ['Lake.Corrupt', 'AAPL'],
      ['Lake.Corrupt', 'BRK.B'],
    ]);
    expect(summary.filesDeleted).toBe(2 + 3);
  });

  test('a file that is replaced between the comparison and its deletion stays', async () => {
    const lake = await adopted('AAPL');
    const key = keys.symbolDate('AAPL', DATES[0]!);
    const remove = lake.removeVersions.bind(lake);
    lake.removeVersions = async (entries) => {
      await originalFile(lake, bar('AAPL', DATES[0]!, 3));
      return remove(entries);
    };
    expect(await clean(lake)).toMatchObject({ filesDeleted: 2, errors: [], status: 'success' });
    expect(lake.objects.has(key)).toBe(true);
    expect((await readCleanUps(lake)).map(({ date }) => date)).toEqual(DATES.slice(1, 3));
  });
});
