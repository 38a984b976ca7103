import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sessionAt, sessionNumber } from '../../../src/calendar/calendar.ts';
import { companiesOf } from '../../../src/checks/symbol-history.ts';
import { consolidate } from '../../../src/jobs/consolidate/consolidate.ts';
import { resample } from '../../../src/jobs/resample/resample.ts';
import { keys } from '../../../src/lake/lake.ts';
import { encodeRows } from '../../../src/lake/parquet.ts';
import { decodeBars } from '../../../src/lake/session-files.ts';
import { encodeSymbolHistory } from '../../../src/lake/symbol-history-file.ts';
import type { Bar } from '../../../src/records/bar.ts';
import { MemoryLake } from '../../lake/memory-lake.ts';
import { bar, originalFile, publish } from '../../lake/published.ts';
import { adjusted, type NaiveChange, type NaiveSplit, naiveSilver } from './naive.ts';
import { readSilver } from './read-silver.ts';

const START = sessionNumber('2025-10-27');
const DATES = Array.from({ length: 60 }, (_, i) => sessionAt(START + i));
const SYMBOLS = ['AAPL', 'BRK.B', 'KIMPL', 'KIMpL', 'TRUE', 'A/B'];
const INTERVALS = [3, 5, 34];

const merge = (lake: MemoryLake, mode: 'full' | 'incremental' = 'incremental') =>
  consolidate(lake, { mode, maxWorkers: 4, runId: 'test', adoptedPrices: 'unadjusted' });
const run = (lake: MemoryLake, more: object = {}) =>
  resample(lake, { mode: 'incremental', intervals: INTERVALS, runId: 'test', memoryLimitMb: 200, ...more });

async function allBars(lake: MemoryLake): Promise<Bar[]> {
  const all: Bar[] = [];
  for (const key of lake.objects.keys()) {
    if (key.endsWith('data.parquet')) all.push(...(await decodeBars((await lake.read(key))!, key)));
  }
  return all;
}

async function expectNaive(
  lake: MemoryLake,
  newest: string,
  splits: readonly NaiveSplit[] = [],
  changes: readonly NaiveChange[] = [],
): Promise<void> {
  const bars = adjusted(await allBars(lake), splits, newest, changes);
  for (const n of INTERVALS) {
    const rows = await readSilver(lake, n);
    for (const { month, date } of rows) expect(date.slice(0, 7)).toBe(month);
    const ordered = rows.map(({ month: _, ...row }) => row);
    const byFile = naiveSilver(bars, n, newest, changes).sort((a, b) =>
      a.date.slice(0, 7) < b.date.slice(0, 7) ? -1 : a.date.slice(0, 7) > b.date.slice(0, 7) ? 1 : 0,
    );
    expect(ordered).toEqual(byFile);
  }
}

async function expectSameAsFull(lake: MemoryLake): Promise<void> {
  const rebuilt = lake.copy();
  await run(rebuilt, { mode: 'full' });
  expect(lake.contents('silver/')).toEqual(rebuilt.contents('silver/'));
  expect(lake.contents('processing_metadata/silver')).toEqual(rebuilt.contents('processing_metadata/silver'));
}

type Step =
  | { kind: 'night' }
  | { kind: 'publish'; date: number; symbols: number[]; variant: number }
  | { kind: 'original'; date: number; symbol: number }
  | { kind: 'clean'; date: number; symbol: number }
  | { kind: 'lose'; file: number }
  | { kind: 'splits'; list: { symbol: number; date: number; ratio: number }[] }
  | { kind: 'companies'; list: { symbol: number; date: number }[] };
const place = fc.nat(DATES.length - 1);
const who = fc.nat(SYMBOLS.length - 1);
const some = fc.uniqueArray(who, { maxLength: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'night' as const }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('publish' as const), date: place, symbols: some, variant: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('original' as const), date: place, symbol: who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clean' as const), date: place, symbol: who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const), file: fc.nat(20) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('splits' as const),
      // Powers of two keep every product exact, so that the naive rows can be compared bit by bit.
      list: fc.uniqueArray(fc.record({ symbol: who, date: place, ratio: fc.constantFrom(0.125, 0.5, 2, 4) }), {
        maxLength: 4,
        selector: ({ symbol, date }) => `${symbol} ${date}`,
      }),
    }),
  },
);

const companies = fc.record({
  kind: fc.constant('companies' as const),
  list: fc.uniqueArray(fc.record({ symbol: who, date: place }), {
    maxLength: 4,
    selector: ({ symbol, date }) => `${symbol} ${date}`,
  }),
});

async function apply(lake: MemoryLake, step: Step, night: number): Promise<void> {
  const at = new Date(Date.UTC(2030, 0, 1 + night)).toISOString();
  if (step.kind === 'publish') {
    const date = DATES[step.date]!;
    await publish(
      lake,
      date,
      step.symbols.map((i) => bar(SYMBOLS[i]!, date, step.variant, { ingestedAt: at })),
      at,
    );
  } else if (step.kind === 'splits') await writeSplits(lake, splitsOf(step), night);
  else if (step.kind === 'companies') await writeCompanies(lake, changesOf(step), night);
  else if (step.kind === 'original')
    await originalFile(lake, bar(SYMBOLS[step.symbol]!, DATES[step.date]!, 10 + (night % 3)));
  else {
    await merge(lake);
    if (step.kind === 'clean') await lake.remove([keys.symbolDate(SYMBOLS[step.symbol]!, DATES[step.date]!)]);
    else await run(lake);
    const files = [...lake.objects.keys()].filter((key) => key.startsWith('silver/'));
    // A month file that vanishes is noticed when its month is touched next; here by another version of its first session.
    const gone = step.kind === 'lose' ? files[step.file % Math.max(1, files.length)] : undefined;
    if (gone) {
      const [row] = await readSilver(lake, Number(/silver_(\d+)d/.exec(gone)![1])).then((rows) =>
        rows.filter(({ month }) => gone.includes(month.replace('-', ''))),
      );
      await lake.remove([gone]);
      await publish(lake, row!.date, [bar('AAPL', row!.date, 1, { ingestedAt: at })], at);
    }
  }
}

function splitsOf({ list }: Extract<Step, { kind: 'splits' }>): NaiveSplit[] {
  return list.map(({ symbol, date, ratio }) => ({
    symbol: SYMBOLS[symbol]!,
    execution_date: DATES[date]!,
    split_from: ratio < 1 ? 1 / ratio : 1,
    split_to: Math.max(ratio, 1),
  }));
}

function changesOf({ list }: Extract<Step, { kind: 'companies' }>): NaiveChange[] {
  return list.map(({ symbol, date }) => ({ symbol: SYMBOLS[symbol]!, date: DATES[date]! }));
}

/** Every symbol is somebody's from before the first bar, and another company's from each of the dates on. */
async function writeCompanies(lake: MemoryLake, changes: readonly NaiveChange[], night: number): Promise<void> {
  const rows = SYMBOLS.flatMap((symbol) => {
    const own = changes.filter((change) => change.symbol === symbol).map(({ date }) => date);
    const starts = ['2025-01-02', ...own.sort()];
    return starts.map((validFrom, i) => {
      const about = { reason: i === 0 ? 'first seen' : 'symbol reused', ending: null };
      return { symbol, figi: `${symbol} ${i}`, validFrom, validTo: starts[i + 1] ?? null, ...about };
    });
  });
  const key = keys.symbolHistory('tickers', `2030-01-${String(night + 1).padStart(2, '0')}`);
  await lake.write(key, encodeSymbolHistory(companiesOf(rows)));
}

/** A snapshot with the columns of docs/data-dictionary.md; a later night's replaces it. */
async function writeSplits(lake: MemoryLake, splits: readonly NaiveSplit[], night: number): Promise<void> {
  const rows = splits.map((split) => ({ ...split, first_seen: '2025-01-01T00:00:00Z' }));
  const columns = [
    { name: 'symbol', type: 'text' },
    { name: 'execution_date', type: 'date' },
    { name: 'split_from', type: 'double' },
    { name: 'split_to', type: 'double' },
    { name: 'first_seen', type: 'timestamp' },
  ] as const;
  await lake.write(keys.snapshot('splits', `2030-01-${String(night + 1).padStart(2, '0')}`), encodeRows(columns, rows));
}

describe('resample', () => {
  test('every row equals a naive computation, with gaps, odd symbols and fractional volumes', async () => {
    const lake = new MemoryLake();
    for (const [i, date] of DATES.slice(0, 47).entries()) {
      const traded = SYMBOLS.filter((_, s) => (i * 7 + s * 3) % 5 !== 0);
      await publish(
        lake,
        date,
        traded.map((symbol) => bar(symbol, date, i % 4)),
      );
    }
    await merge(lake);
    const summary = await run(lake);
    expect(summary).toMatchObject({ status: 'success', errors: [], symbols: SYMBOLS.length });
    await expectNaive(lake, DATES[46]!);
    const before = lake.contents();
    lake.changes = [];
    expect(await run(lake)).toMatchObject({ filesWritten: 0, windows: 0, rows: summary.rows });
    await run(lake, { mode: 'full' });
    expect(lake.changes).toEqual([]);
    expect(lake.contents()).toEqual(before);
  });

  test('a night writes one month file an interval and reads the session files of the touched windows only', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 50))
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    await merge(lake);
    await run(lake);
    const next = DATES[50]!;
    await publish(
      lake,
      next,
      SYMBOLS.map((s) => bar(s, next)),
    );
    await merge(lake);
    lake.changes = [];
    const summary = await run(lake);
    expect(lake.changes.filter((key) => key.startsWith('silver/'))).toHaveLength(INTERVALS.length);
    expect(summary.filesMerged).toBe((sessionNumber(next) % 34) + 1);
    await expectSameAsFull(lake);
  });

  async function expectGrown(steps: readonly Step[]): Promise<void> {
    const lake = new MemoryLake();
    for (const [night, one] of steps.entries()) await apply(lake, one, night);
    await merge(lake);
    await run(lake);
    await expectSameAsFull(lake);
    const dates = (await allBars(lake)).map(({ date }) => date);
    const held = [...lake.objects.keys()]
      .filter((key) => key.includes('/ingest/'))
      .map((key) => /date=([\d-]+)/.exec(key)![1]!);
    const original = (await originalDates(lake)).concat(held, dates).sort();
    const last = steps.filter((one) => one.kind === 'splits').at(-1);
    const taken = steps.filter((one) => one.kind === 'companies').at(-1);
    await expectNaive(lake, original.at(-1) ?? '', last ? splitsOf(last) : [], taken ? changesOf(taken) : []);
  }

  test('growing day by day with corrections, late inserts, splits, new and removed symbols equals one rebuild and the naive rows', async () => {
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), expectGrown), { numRuns: 20 });
  });

  test('growing day by day while symbols pass to other companies equals one rebuild and the naive rows', async () => {
    const more = fc.oneof({ weight: 10, arbitrary: step }, { weight: 4, arbitrary: companies });
    const begun: Step[] = DATES.slice(0, 12).map((_, i) => ({
      kind: 'publish',
      date: i * 2,
      symbols: [0, 1, 2],
      variant: 0,
    }));
    const steps = fc.array(more, { minLength: 1, maxLength: 12 }).map((some) => [...begun, ...some]);
    await fc.assert(fc.asyncProperty(steps, expectGrown), { numRuns: 15 });
  });

  test('a symbol that passes to another company has its own history rewritten and no row of another symbol', async () => {
    const lake = new MemoryLake();
    for (const date of DATES)
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    await merge(lake);
    await run(lake);
    const before = await readSilver(lake, 34);
    const split = { symbol: 'AAPL', execution_date: DATES[50]!, split_from: 1, split_to: 4 };
    await writeSplits(lake, [split], 0);
    const change = { symbol: 'AAPL', date: DATES[30]! };
    await writeCompanies(lake, [change], 0);
    expect(await run(lake)).toMatchObject({ wholeSymbols: 1, windows: 0 });
    await expectNaive(lake, DATES.at(-1)!, [split], [change]);
    await expectSameAsFull(lake);
    const after = await readSilver(lake, 34);
    const placesOf = (rows: typeof before) => rows.map(({ symbol, date }) => `${symbol} ${date}`);
    expect(placesOf(after)).toEqual(placesOf(before));
    const others = (rows: typeof before) => rows.filter(({ symbol }) => symbol !== 'AAPL');
    expect(others(after)).toEqual(others(before));
    const kept = lake.contents();
    await lake.remove([keys.symbolHistory('tickers', '2030-01-01')]);
    for (const older of [undefined, DATES[29]!]) {
      if (older) await lake.write(keys.symbolHistory('tickers', older), encodeSymbolHistory([]));
      for (const mode of ['incremental', 'full']) {
        const text = `AAPL passed to another company is gone; found ${older ? keys.symbolHistory('tickers', older) : 'nothing'}`;
        await expect(run(lake, { mode })).rejects.toMatchObject({
          name: 'Lake.Corrupt',
          message: expect.stringContaining(text),
        });
      }
    }
    await lake.remove([keys.symbolHistory('tickers', DATES[29]!)]);
    await writeCompanies(lake, [change], 0);
    expect(lake.contents()).toEqual(kept);
    await writeCompanies(lake, [], 1);
    await writeSplits(lake, [], 1);
    await run(lake);
    expect(await readSilver(lake, 34)).toEqual(before);
    await lake.write(keys.symbolHistory('tickers', '2030-02-01'), Buffer.from('PAR1'));
    await expect(run(lake)).rejects.toMatchObject({ name: 'Lake.Corrupt' });
  });

  test('a split rewrites every month file of its own history and no row of another symbol', async () => {
    const lake = new MemoryLake();
    for (const date of DATES)
      await publish(
        lake,
        date,
        (date < DATES[25]! ? SYMBOLS.slice(1) : SYMBOLS).map((s) => bar(s, date)),
      );
    await merge(lake);
    await run(lake);
    const before = await readSilver(lake, 3);
    const split = { symbol: 'AAPL', execution_date: DATES[50]!, split_from: 1, split_to: 4 };
    await writeSplits(lake, [split, { ...split, execution_date: '2040-01-03', split_to: 7 }], 0);
    lake.changes = [];
    expect(await run(lake)).toMatchObject({ wholeSymbols: 1, windows: 0 });
    const months = new Set(
      before.filter(({ symbol, date }) => symbol === 'AAPL' && date < DATES[50]!).map(({ month }) => month),
    );
    expect(lake.changes.filter((key) => key.startsWith('silver/silver_3d/'))).toHaveLength(months.size);
    await expectNaive(lake, DATES.at(-1)!, [split]);
    await expectSameAsFull(lake);
    const others = (rows: typeof before) => rows.filter(({ symbol }) => symbol !== 'AAPL');
    expect(others(await readSilver(lake, 3))).toEqual(others(before));
    await writeSplits(lake, [], 1);
    await run(lake);
    expect(await readSilver(lake, 3)).toEqual(before);
    await lake.write(keys.snapshot('splits', '2030-02-01'), Buffer.from('PAR1'));
    await expect(run(lake)).rejects.toMatchObject({ name: 'Lake.Corrupt' });
  });

  test('killed before or after any change, the next run gives the undisturbed files', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 40))
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    await merge(lake);
    await run(lake);
    await publish(
      lake,
      DATES[40]!,
      SYMBOLS.map((s) => bar(s, DATES[40]!)),
    );
    await publish(
      lake,
      DATES[3]!,
      SYMBOLS.slice(2).map((s) => bar(s, DATES[3]!, 1)),
    );
    await merge(lake);
    const undisturbed = lake.copy();
    await run(undisturbed);
    const total = undisturbed.changes.length;
    expect(total).toBeGreaterThanOrEqual(8);
    for (let n = 0; n < total; n++) {
      for (const kill of [{ killBefore: n }, { killAfter: n + 1 }]) {
        const victim = Object.assign<MemoryLake, object>(lake.copy(), kill);
        await run(victim).catch(() => {});
        const repaired = victim.copy();
        await run(repaired);
        expect(repaired.contents()).toEqual(undisturbed.contents());
      }
    }
  });

  test('a damaged month file is rebuilt, and a lake never consolidated is refused by name', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 30))
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    await expect(run(lake)).rejects.toMatchObject({ name: 'Job.Failed' });
    await merge(lake);
    await run(lake);
    const key = keys.silver(5, DATES[29]!.slice(0, 7));
    await lake.write(key, (await lake.read(key))!.subarray(0, 100));
    await publish(
      lake,
      DATES[29]!,
      SYMBOLS.map((s) => bar(s, DATES[29]!, 1)),
    );
    await merge(lake);
    await run(lake);
    await expectSameAsFull(lake);
  });

  test('a damaged, foreign or missing history is reported, keeps its rows, and is rebuilt once it can be read', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 9))
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    await merge(lake);
    await run(lake);
    const before = lake.contents('silver/');
    const sound = (await lake.read(keys.symbol('TRUE')))!;
    const foreign = encodeRows([{ name: 'x', type: 'double' }], [{ x: 1 }]);
    const damages = [Buffer.from('PAR1 nothing PAR1'), sound.subarray(0, 300), Buffer.alloc(0), foreign];
    for (const damage of [...damages, (await lake.read(keys.symbol('AAPL')))!, undefined]) {
      const other = lake.copy();
      if (damage) await other.write(keys.symbol('TRUE'), damage);
      else await other.remove([keys.symbol('TRUE')]);
      const summary = await run(other, { mode: 'full' });
      expect(summary).toMatchObject({ status: 'failed', errors: [{ name: 'Lake.Corrupt', symbol: 'TRUE' }] });
      expect(other.contents('silver/')).toEqual(before);
      await publish(
        other,
        DATES[9]!,
        SYMBOLS.map((s) => bar(s, DATES[9]!)),
      );
      await other.write(keys.symbol('TRUE'), sound);
      await merge(other);
      expect(await run(other)).toMatchObject({ status: 'success', errors: [], wholeSymbols: 1 });
      await expectSameAsFull(other);
      await expectNaive(other, DATES[9]!);
    }
  });

  test('a damaged session file is stood in for by the histories', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 9))
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    await merge(lake);
    await run(lake);
    await publish(
      lake,
      DATES[9]!,
      SYMBOLS.map((s) => bar(s, DATES[9]!)),
    );
    await merge(lake);
    await lake.write(keys.session(DATES[9]!), Buffer.from('PAR1'));
    expect(await run(lake)).toMatchObject({ status: 'success', errors: [{ name: 'Lake.Corrupt', symbol: null }] });
    await expectSameAsFull(lake);
    await expectNaive(lake, DATES[9]!);
  });
});

async function originalDates(lake: MemoryLake): Promise<string[]> {
  const checkpoint = JSON.parse(Buffer.from((await lake.read(keys.consolidated))!).toString());
  return Object.keys(checkpoint.outside);
}
