import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sessionAt } from '../../../src/calendar/calendar.ts';
import { consolidate } from '../../../src/jobs/consolidate/consolidate.ts';
import { readConsolidated } from '../../../src/jobs/consolidate/consolidation-state.ts';
import { historyKeys, openHistory } from '../../../src/lake/histories.ts';
import { keys } from '../../../src/lake/lake.ts';
import { decodeBars } from '../../../src/lake/session-files.ts';
import type { Bar } from '../../../src/records/bar.ts';
import { MemoryLake } from '../../lake/memory-lake.ts';
import { bar, originalBytes, originalFile, publish } from '../../lake/published.ts';

const DATES = Array.from({ length: 12 }, (_, i) => sessionAt(9000 + i));
const SYMBOLS = ['AAPL', 'BAC-I', 'BRK.B', 'KIMPL', 'KIMpL', 'TRUE', 'A/B'];
const options = { mode: 'incremental', maxWorkers: 4, runId: 'test', adoptedPrices: 'unadjusted' } as const;
const run = (lake: MemoryLake, more: object = {}) => consolidate(lake, { ...options, ...more });

const history = async (lake: MemoryLake, symbol: string): Promise<Bar[]> => {
  const bytes = await lake.read(keys.symbol(symbol));
  return bytes ? decodeBars(bytes, symbol) : [];
};
const data = (lake: MemoryLake) => ({
  ...Object.fromEntries(
    Object.entries(lake.contents('bronze/raw_ohlcv/')).filter(([key]) => key.endsWith('data.parquet')),
  ),
  ...lake.contents(keys.manifest),
});

type Step =
  | { kind: 'publish'; date: number; symbols: number[]; variant: number }
  | { kind: 'original'; date: number; symbol: number; variant: number }
  | { kind: 'clean'; symbol: number; date: number }
  | { kind: 'old names'; both: boolean }
  | { kind: 'consolidate'; only?: number };
const place = fc.nat(DATES.length - 1);
const who = fc.nat(SYMBOLS.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      date: place,
      symbols: fc.uniqueArray(who, { maxLength: 6 }),
      variant: fc.nat(2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('original' as const), date: place, symbol: who, variant: fc.nat(2) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clean' as const), date: place, symbol: who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('old names' as const), both: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('consolidate' as const),
      only: fc.option(who, { nil: undefined, freq: 4 }),
    }),
  },
);

async function apply(lake: MemoryLake, step: Step, night: number): Promise<void> {
  if (step.kind === 'publish') {
    // Some nights run on a clock that is ten years ahead.
    const at = new Date(Date.UTC(step.variant === 2 ? 2040 : 2030, 0, 1 + night)).toISOString();
    const ours = { ingestedAt: at, source: 'polygon' };
    const bars = step.symbols.map((i) => bar(SYMBOLS[i]!, DATES[step.date]!, step.variant, ours));
    await publish(lake, DATES[step.date]!, bars, at);
  } else if (step.kind === 'original')
    await originalFile(lake, bar(SYMBOLS[step.symbol]!, DATES[step.date]!, step.variant + 10));
  else if (step.kind === 'clean') {
    // A clean-up takes date files whose rows are in data.parquet, so it follows a consolidation.
    await run(lake);
    await lake.remove([keys.symbolDate(SYMBOLS[step.symbol]!, DATES[step.date]!)]);
  } else if (step.kind === 'old names') {
    await withOldNames(lake, step.both);
  } else await run(lake, step.only === undefined ? {} : { symbols: [SYMBOLS[step.only]!] });
}

const OLD_FOLDER = 'bronze/raw_ohlcv/symbol=KIMpL/';

/** KIMpL's files under the names an earlier version gave them; `both`: and under the new ones, as a killed move leaves them. */
async function withOldNames(lake: MemoryLake, both: boolean): Promise<void> {
  const folder = keys.symbolFolder('KIMpL');
  for (const [key, { bytes }] of [...lake.objects].filter(([key]) => key.startsWith(folder))) {
    await lake.write(key.replace(folder, OLD_FOLDER), bytes);
    if (!both) await lake.remove([key]);
  }
}

describe('consolidate', () => {
  test('every session row of a symbol is in its data.parquet, sorted, once, and a second run writes nothing', async () => {
    const lake = new MemoryLake();
    for (const [i, date] of DATES.entries())
      await publish(
        lake,
        date,
        SYMBOLS.slice(0, 3 + (i % 5)).map((s) => bar(s, date)),
      );
    const summary = await run(lake);
    expect(summary).toMatchObject({
      status: 'success',
      symbols: 7,
      added: summary.rows,
      revised: 0,
      removed: 0,
      errors: [],
    });
    for (const [i, symbol] of SYMBOLS.entries()) {
      const expected = DATES.filter((_, d) => i < 3 + (d % 5)).map((date) => bar(symbol, date));
      expect(await history(lake, symbol)).toEqual(expected);
    }
    const before = lake.contents();
    lake.changes = [];
    expect(await run(lake)).toMatchObject({ status: 'success', symbols: 0, filesWritten: 0, rows: summary.rows });
    await run(lake, { mode: 'full' });
    expect(lake.changes).toEqual([]);
    expect(lake.contents()).toEqual(before);
  });

  test('one new session reads one session file and lists twice, however many symbols there are', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 10))
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    await run(lake);
    await publish(
      lake,
      DATES[10]!,
      SYMBOLS.map((s) => bar(s, DATES[10]!)),
    );
    lake.reads = lake.lists = 0;
    await run(lake);
    expect(lake.lists).toBe(2);
    // Session file, its manifest, checkpoint and consolidation manifest, and data and read-back of each symbol.
    expect(lake.reads).toBe(4 + 2 * SYMBOLS.length);
  });

  test('a correction with a newer fetch replaces the row, and a bar that vanished from its session goes', async () => {
    const lake = new MemoryLake();
    const date = DATES[0]!;
    await publish(lake, date, [bar('AAPL', date), bar('TRUE', date)]);
    await run(lake);
    const corrected = bar('AAPL', date, 1, { ingestedAt: '2031-01-01T00:00:00.000Z' });
    await publish(lake, date, [corrected]);
    expect(await run(lake)).toMatchObject({ added: 0, revised: 1, removed: 1, rows: 1 });
    expect(await history(lake, 'AAPL')).toEqual([corrected]);
    expect(lake.objects.has(keys.symbol('TRUE'))).toBe(false);
  });

  test('a lake of the original layout is adopted, our own fetch of a date wins over it', async () => {
    const lake = new MemoryLake();
    const [first, second, third] = DATES as [string, string, string];
    // Duplicates and disorder are what whole-row deduplication leaves behind.
    const old = [bar('AAPL', second, 5), bar('AAPL', first, 3), bar('AAPL', first, 4)];
    await lake.write(keys.symbol('AAPL'), originalBytes(old));
    await originalFile(lake, bar('AAPL', third));
    await publish(lake, second, [bar('AAPL', second)]);
    expect(await run(lake)).toMatchObject({ status: 'success', rows: 3 });
    const rows = await history(lake, 'AAPL');
    expect(
      rows.map(({ date, open, source, ingestedAt, vwap }) => [date, open, source, ingestedAt.slice(0, 4), vwap]),
    ).toEqual([
      [first, bar('AAPL', first, 4).open, 'original', '1970', null],
      [second, bar('AAPL', second).open, 'test', second.slice(0, 4), bar('AAPL', second).vwap],
      [third, bar('AAPL', third).open, 'original', '1970', null],
    ]);
    expect(Object.keys((await readConsolidated(lake))!.outside)).toEqual([first, third]);
  });

  test('a late date file older than everything is merged, and only its own file is read', async () => {
    const lake = new MemoryLake();
    for (const symbol of ['AAPL', 'TRUE'])
      for (const date of DATES.slice(1, 6)) await originalFile(lake, bar(symbol, date));
    await run(lake);
    await originalFile(lake, bar('TRUE', DATES[0]!));
    lake.reads = 0;
    expect(await run(lake)).toMatchObject({ added: 1, filesMerged: 1, symbols: 1 });
    expect((await history(lake, 'TRUE')).map(({ date }) => date)).toEqual(DATES.slice(0, 6));
  });

  test('incremental runs in any order give what one full rebuild gives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const lake = new MemoryLake();
        for (const [night, one] of steps.entries()) await apply(lake, one, night);
        await run(lake);
        const rebuilt = lake.copy();
        await run(rebuilt, { mode: 'full' });
        expect(data(rebuilt)).toEqual(data(lake));
        if (steps.some(({ kind }) => kind === 'clean')) return;
        const fresh = lake.copy();
        await fresh.remove(
          [...fresh.objects.keys()].filter((key) => key.endsWith('data.parquet') || key.includes('consolidation')),
        );
        await run(fresh);
        expect(data(fresh)).toEqual(data(lake));
        for (const symbol of SYMBOLS) {
          const dates = (await history(lake, symbol)).map(({ date }) => date);
          expect(dates).toEqual([...new Set(dates)].sort());
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a history under the name of an earlier version is moved, and read from where it lies until then', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 3)) {
      await publish(
        lake,
        date,
        ['KIMPL', 'KIMpL'].map((symbol) => bar(symbol, date)),
      );
    }
    await run(lake);
    const moved = lake.contents();
    for (const both of [false, true]) {
      await withOldNames(lake, both);
      await run(lake, { symbols: ['KIMPL'] });
      expect(lake.objects.has(`${OLD_FOLDER}data.parquet`)).toBe(true);
      const key = both ? keys.symbol('KIMpL') : `${OLD_FOLDER}data.parquet`;
      expect((await openHistory(lake, 'KIMpL'))!.key).toBe(key);
      expect([...(await historyKeys(lake))].sort()).toEqual([
        ['KIMPL', keys.symbol('KIMPL')],
        ['KIMpL', key],
      ]);
      expect(await run(lake)).toMatchObject({ status: 'success', added: 0, revised: 0, removed: 0, rows: 6 });
      expect(lake.contents()).toEqual(moved);
    }
  });

  test('killed anywhere while it moves a history, the next run ends the move', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 3)) await publish(lake, date, [bar('KIMpL', date)]);
    await run(lake);
    const moved = data(lake);
    await withOldNames(lake, false);
    const start = lake.copy();
    await run(lake);
    const undisturbed = start.copy();
    await run(undisturbed);
    expect(undisturbed.changes).toHaveLength(2);
    for (const at of [0, 1, 2]) {
      for (const kill of ['killBefore', 'killAfter'] as const) {
        const killed = Object.assign<MemoryLake, object>(start.copy(), { [kill]: at });
        await run(killed).catch(() => undefined);
        const left = killed.copy();
        await run(left);
        expect(data(left)).toEqual(moved);
      }
    }
  });

  test('killed before or after any change, the next run gives the undisturbed result', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 6))
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    await originalFile(lake, bar('OLD', DATES[2]!));
    await run(lake);
    await publish(
      lake,
      DATES[6]!,
      SYMBOLS.map((s) => bar(s, DATES[6]!)),
    );
    await publish(
      lake,
      DATES[2]!,
      SYMBOLS.slice(1).map((s) => bar(s, DATES[2]!, 1)),
    );
    await originalFile(lake, bar('OLD', DATES[3]!));
    await originalFile(lake, bar('AAPL', DATES[2]!, 7));
    for (const mode of ['incremental', 'full'] as const) {
      const undisturbed = lake.copy();
      await run(undisturbed, { mode });
      const total = undisturbed.changes.length;
      expect(total).toBeGreaterThan(8);
      for (let n = 0; n < total; n++) {
        for (const kill of [{ killBefore: n }, { killAfter: n + 1 }]) {
          const victim = Object.assign<MemoryLake, object>(lake.copy(), kill);
          if ((kill as { killAfter?: number }).killAfter !== total)
            await expect(run(victim, { mode })).rejects.toThrow('killed');
          else await run(victim, { mode }).catch(() => {});
          const repaired = victim.copy();
          await run(repaired, { mode });
          expect(repaired.contents('bronze/')).toEqual(undisturbed.contents('bronze/'));
          expect(repaired.contents(keys.manifest)).toEqual(undisturbed.contents(keys.manifest));
          const marks = async (of: MemoryLake) => Object.keys((await readConsolidated(of))!.outside);
          expect(await marks(repaired)).toEqual(await marks(undisturbed));
        }
      }
    }
  });

  test('damaged inputs are named and skipped, the rest is done, and once fixed nothing is missing', async () => {
    const lake = new MemoryLake();
    for (const date of DATES.slice(0, 3))
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    await run(lake);
    const [sound, untouched] = [lake.objects.get(keys.symbol('AAPL'))!, lake.contents(keys.symbol('A/B'))];
    await lake.write(keys.symbol('AAPL'), sound.bytes.subarray(0, 200));
    await lake.write(keys.symbolDate('A/B', DATES[7]!), Buffer.from('not parquet'));
    for (const date of DATES.slice(3, 6))
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    const whole = lake.objects.get(keys.session(DATES[5]!))!;
    await lake.write(keys.session(DATES[5]!), whole.bytes.subarray(0, whole.bytes.length - 9));
    const summary = await run(lake);
    expect(summary.status).toBe('failed');
    expect(summary.errors.map(({ name, symbol }) => [name, symbol])).toEqual([
      ['Lake.Corrupt', null],
      ['Lake.Corrupt', 'A/B'],
      ['Lake.Corrupt', 'AAPL'],
    ]);
    expect(lake.contents(keys.symbol('A/B'))).toEqual(untouched);
    expect((await history(lake, 'BRK.B')).map(({ date }) => date)).toEqual(DATES.slice(0, 5));
    expect((await readConsolidated(lake))!.failed).toEqual({ 'A/B': DATES.slice(3, 5), AAPL: DATES.slice(3, 5) });

    await run(lake);
    lake.objects.set(keys.symbol('AAPL'), sound);
    await lake.remove([keys.symbolDate('A/B', DATES[7]!)]);
    lake.objects.set(keys.session(DATES[5]!), whole);
    expect(await run(lake)).toMatchObject({ status: 'success', rows: 6 * SYMBOLS.length });
    expect((await readConsolidated(lake))!.failed).toEqual({});
    for (const symbol of SYMBOLS)
      expect(await history(lake, symbol)).toEqual(DATES.slice(0, 6).map((d) => bar(symbol, d)));
  });

  test('a lost data.parquet is made again from the sessions', async () => {
    const lake = new MemoryLake();
    for (const date of DATES)
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    await run(lake);
    const before = data(lake);
    await lake.remove([keys.symbol('BRK.B')]);
    expect(await run(lake)).toMatchObject({ symbols: 1, filesWritten: 1 });
    expect(data(lake)).toEqual(before);
  });

  test('a signal stops the job by name, and the next run ends as if there had been none', async () => {
    const lake = new MemoryLake();
    for (const date of DATES)
      await publish(
        lake,
        date,
        SYMBOLS.map((s) => bar(s, date)),
      );
    const stop = new AbortController();
    const stopped = lake.copy();
    const write = stopped.write.bind(stopped);
    stopped.write = async (...call) => {
      await write(...call);
      if (stopped.changes.length === 3) stop.abort();
    };
    await expect(run(stopped, { signal: stop.signal, maxWorkers: 1 })).rejects.toMatchObject({
      name: 'Job.Interrupted',
    });
    expect(stopped.objects.has(keys.manifest)).toBe(false);
    await Promise.all([run(lake), run(stopped)]);
    expect(stopped.contents('bronze/')).toEqual(lake.contents('bronze/'));
  });
});
