import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { FormatName } from '../../src/export/format.ts';
import { publish } from '../lake/published.ts';
import { temporaryFolder } from '../local/programs.ts';
import {
  barOf,
  barsOn,
  changed,
  DIVIDENDS,
  exportTo,
  filesIn,
  makeLake,
  type Options,
  SESSIONS,
  SPLITS,
  TOMORROW,
  TONIGHT,
  writeDividends,
  writeHistory,
  writeSplits,
} from './scene.ts';

const FOLDERS: Record<FormatName, (symbol: string) => RegExp> = {
  csvdir: (symbol) => new RegExp(`^daily/${symbol}\\.csv$`),
  qlib: (symbol) => new RegExp(`^features/${symbol.toLowerCase()}/\\w+\\.day\\.bin$`),
  lean: (symbol) => new RegExp(`^equity/usa/daily/${symbol.toLowerCase()}\\.zip$`),
};
const CASES: [FormatName, Options][] = [
  ['csvdir', {}],
  ['csvdir', { adjust: 'split' }],
  ['csvdir', { adjust: 'total_return' }],
  ['qlib', {}],
  ['qlib', { adjust: 'none' }],
  ['lean', {}],
  ['csvdir', { symbols: ['AAPL', 'GAPS', 'REUSED'], from: SESSIONS[3]! }],
];
const bytesOf = (folder: string) => [...filesIn(folder)].map(([name, { bytes }]) => [name, bytes]);

test.each(CASES)(
  '%s %o: a second export writes nothing, and a night adds to the files of what traded',
  async (name, options) => {
    const lake = await makeLake();
    const folder = join(temporaryFolder(), 'out');
    const first = await exportTo(folder, lake, name, options);
    const before = filesIn(folder);
    expect(first).toMatchObject({ written: before.size, unchanged: 0, removed: 0 });
    const again = await exportTo(folder, lake, name, options);
    expect(again).toEqual({ ...first, written: 0, unchanged: before.size });
    expect(changed(before, filesIn(folder))).toEqual([]);

    for (const date of [TONIGHT, TOMORROW]) {
      await publish(lake, date, barsOn(date));
      const was = filesIn(folder);
      const delta = await exportTo(folder, lake, name, options);
      const replaced = changed(was, filesIn(folder));
      expect(replaced.length).toBe(delta.written);
      // GAPS has no bar tonight, GONE none any more.
      expect(replaced.filter((path) => FOLDERS[name]('GONE').test(path))).toEqual([]);
      expect(replaced.some((path) => FOLDERS[name]('GAPS').test(path))).toBe(date === TOMORROW);
      expect(replaced.some((path) => FOLDERS[name]('AAPL').test(path))).toBe(true);
      const fresh = temporaryFolder();
      await exportTo(fresh, lake, name, options);
      expect(bytesOf(folder)).toEqual(bytesOf(fresh));
    }
  },
);

test.each(['csvdir', 'qlib', 'lean'] as const)(
  '%s: a corrected bar rewrites the files of its symbol alone',
  async (name) => {
    const lake = await makeLake();
    const folder = temporaryFolder();
    await exportTo(folder, lake, name);
    const before = filesIn(folder);
    const date = SESSIONS[7]!;
    await publish(
      lake,
      date,
      barsOn(date).map((one) => (one.symbol === 'MSFT' ? barOf('MSFT', date, 2) : one)),
    );
    await exportTo(folder, lake, name);
    const replaced = changed(before, filesIn(folder));
    expect(replaced.length).toBeGreaterThan(0);
    expect(replaced.filter((path) => !FOLDERS[name]('MSFT').test(path))).toEqual([]);
    const fresh = temporaryFolder();
    await exportTo(fresh, lake, name);
    expect(bytesOf(folder)).toEqual(bytesOf(fresh));
  },
);

test('a removed bar and a new dividend rewrite the files of their symbols alone', async () => {
  const lake = await makeLake();
  const [csv, bins, zips] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
  const all = () =>
    [exportTo(csv, lake, 'csvdir'), exportTo(bins, lake, 'qlib'), exportTo(zips, lake, 'lean')] as const;
  for (const one of all()) await one;
  const before = [csv, bins, zips].map(filesIn);
  const date = SESSIONS[7]!;
  await publish(
    lake,
    date,
    barsOn(date).filter(({ symbol }) => symbol !== 'MSFT'),
  );
  await writeDividends(lake, [...DIVIDENDS, { symbol: 'NEW', ex_date: SESSIONS[20]!, cash_amount: 0.1 }]);
  for (const one of all()) await one;
  const replaced = [csv, bins, zips].map((folder, place) => changed(before[place]!, filesIn(folder)));
  expect(replaced[0]).toEqual(['daily/MSFT.csv', 'daily/NEW.csv']);
  expect([...new Set(replaced[1]!.map((path) => path.split('/')[1]))]).toEqual(['msft', 'new']);
  expect(replaced[2]).toEqual(['equity/usa/daily/msft.zip', 'equity/usa/factor_files/new.csv']);
});

test.each(CASES)(
  '%s %o: a night with a split, a dividend, a takeover and an end makes what a first export makes',
  async (name, options) => {
    const lake = await makeLake();
    const folder = temporaryFolder();
    await exportTo(folder, lake, name, options);
    const nights = [
      [TONIGHT, { MSFT: { takenOver: TONIGHT } }],
      [TOMORROW, { MSFT: { takenOver: TONIGHT }, NEW: { ended: TOMORROW }, GAPS: { takenOver: TOMORROW } }],
    ] as const;
    for (const [date, changes] of nights) {
      await publish(lake, date, barsOn(date));
      await writeDividends(lake, [...DIVIDENDS, { symbol: 'AAPL', ex_date: date, cash_amount: 0.5 }]);
      await writeSplits(lake, [...SPLITS, { symbol: 'AAPL', execution_date: date, split_from: 2, split_to: 1 }]);
      await writeHistory(lake, changes);
      await exportTo(folder, lake, name, options);
      const fresh = temporaryFolder();
      await exportTo(fresh, lake, name, options);
      expect(bytesOf(folder)).toEqual(bytesOf(fresh));
    }
  },
);

test('a symbol that the lake has no longer is removed, and nothing else', async () => {
  const lake = await makeLake();
  const folder = temporaryFolder();
  await exportTo(folder, lake, 'qlib');
  const before = filesIn(folder);
  for (const date of SESSIONS.slice(0, -2))
    await publish(
      lake,
      date,
      barsOn(date).filter(({ symbol }) => symbol !== 'NEW'),
    );
  const done = await exportTo(folder, lake, 'qlib');
  expect(done).toMatchObject({ written: 1, removed: 8 });
  const replaced = changed(before, filesIn(folder));
  expect(replaced.filter((path) => !path.startsWith('features/new/'))).toEqual(['instruments/all.txt']);
  expect(existsSync(join(folder, 'features', 'new'))).toBe(false);
  expect(existsSync(join(folder, 'features', 'msft'))).toBe(true);
});

test('LEAN: one that trades on after the list has dropped it has its newest bar as its last day', async () => {
  const lake = await makeLake();
  await writeHistory(lake, { MSFT: { ended: SESSIONS[20]! } });
  const folder = temporaryFolder();
  await exportTo(folder, lake, 'lean');
  await publish(lake, TONIGHT, barsOn(TONIGHT));
  await exportTo(folder, lake, 'lean');
  const map = filesIn(folder).get('equity/usa/map_files/msft.csv')!.bytes;
  expect(map).toBe(`${SESSIONS[0]!.replaceAll('-', '')},msft\n${TONIGHT.replaceAll('-', '')},msft\n`);
});

test('a session before the first one is taken in', async () => {
  const lake = await makeLake();
  for (const name of ['csvdir', 'qlib', 'lean'] as const) {
    const [folder, fresh] = [temporaryFolder(), temporaryFolder()];
    await exportTo(folder, lake, name);
    await publish(lake, '2025-10-17', [barOf('AAPL', '2025-10-17'), barOf('SPY', '2025-10-17')]);
    await exportTo(folder, lake, name);
    await exportTo(fresh, lake, name);
    expect(bytesOf(folder)).toEqual(bytesOf(fresh));
    await lake.remove([
      'bronze/sessions/date=2025-10-17/bars.parquet',
      'processing_metadata/ingest/date=2025-10-17.json',
    ]);
  }
});

test.each(['csvdir', 'qlib', 'lean'] as const)(
  '%s: an export that was killed at any file is finished by the next one',
  async (name) => {
    const lake = await makeLake();
    const folders = [1, 5, 9].map((killedAfter) => ({ killedAfter, folder: temporaryFolder() }));
    for (const { killedAfter, folder } of folders) {
      await expect(exportTo(folder, lake, name, { killedAfter })).rejects.toThrow('killed');
      const { written, unchanged } = await exportTo(folder, lake, name);
      // What was written before is not written again.
      expect(unchanged).toBe(killedAfter);
      expect(written).toBeGreaterThan(0);
    }
    await publish(lake, TONIGHT, barsOn(TONIGHT));
    const fresh = temporaryFolder();
    await exportTo(fresh, lake, name);
    for (const { killedAfter, folder } of folders) {
      await expect(exportTo(folder, lake, name, { killedAfter: killedAfter - 1 })).rejects.toThrow('killed');
      await exportTo(folder, lake, name);
      expect(bytesOf(folder)).toEqual(bytesOf(fresh));
      expect((await exportTo(folder, lake, name)).written).toBe(0);
    }
  },
);

test('a killed export of a correction that is taken back leaves nothing of it', async () => {
  const lake = await makeLake();
  const folder = temporaryFolder();
  await exportTo(folder, lake, 'qlib');
  const before = bytesOf(folder);
  const date = SESSIONS[7]!;
  const correct = (variant: number) =>
    publish(
      lake,
      date,
      barsOn(date).map((one) => (one.symbol === 'MSFT' ? barOf('MSFT', date, variant) : one)),
    );
  await correct(2);
  await expect(exportTo(folder, lake, 'qlib', { killedAfter: 3 })).rejects.toThrow('killed');
  await correct(0);
  // The files are as long as they were.
  expect((await exportTo(folder, lake, 'qlib')).written).toBe(3);
  expect(bytesOf(folder)).toEqual(before);
});

test('a file that was lost, cut or emptied is made again', async () => {
  const lake = await makeLake();
  const folder = temporaryFolder();
  await exportTo(folder, lake, 'csvdir');
  const before = bytesOf(folder);
  rmSync(join(folder, 'daily', 'SPY.csv'));
  writeFileSync(join(folder, 'daily', 'AAPL.csv'), '');
  expect((await exportTo(folder, lake, 'csvdir')).written).toBe(2);
  expect(bytesOf(folder)).toEqual(before);
  // One that a night adds to is looked at as a whole.
  writeFileSync(
    join(folder, 'daily', 'MSFT.csv'),
    before.find(([path]) => path === 'daily/MSFT.csv')![1]!.replace('0,1', '9,1'),
  );
  await publish(lake, TONIGHT, barsOn(TONIGHT));
  await exportTo(folder, lake, 'csvdir');
  const fresh = temporaryFolder();
  await exportTo(fresh, lake, 'csvdir');
  expect(bytesOf(folder)).toEqual(bytesOf(fresh));
});
