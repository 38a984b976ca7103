import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sessionsBetween } from '../../src/calendar/calendar.ts';
import { LIST_VIEWS, snapshotColumns } from '../../src/datasets/registry.ts';
import { DERIVED_VIEWS } from '../../src/lake/derived-views.ts';
import { keys } from '../../src/lake/lake.ts';
import { encodeRows } from '../../src/lake/parquet.ts';
import { encodeRevisions, revisionsOf } from '../../src/lake/revisions.ts';
import { encodeSymbolHistory } from '../../src/lake/symbol-history-file.ts';
import { openViews } from '../../src/lake/views.ts';
import type { Bar } from '../../src/records/bar.ts';
import { temporaryFolder } from '../local/programs.ts';
import { callsOf } from './derived-calls.ts';
import { MemoryLake } from './memory-lake.ts';
import { publish } from './published.ts';

const SESSIONS = sessionsBetween('2025-11-03', '2025-12-05');
const LAST = SESSIONS.at(-1)!;
const at = (session: string) => `${session}T23:00:00.000Z`;

function barOf(symbol: string, date: string, close: number, more: Partial<Bar> = {}): Bar {
  const prices = { open: close, high: close, low: close, close, vwap: close };
  return { symbol, date, ...prices, volume: 1000, transactions: 10, source: 'test', ingestedAt: at(date), ...more };
}

interface Split {
  symbol: string;
  execution_date: string;
  split_from: number;
  split_to: number;
}
interface Dividend {
  symbol: string;
  ex_date: string;
  cash_amount: number;
  currency?: string;
  distribution_type?: string;
  historical_adjustment_factor?: number;
}

const withNulls = (list: string, rows: readonly object[]) => {
  const columns = snapshotColumns(list);
  const empty = Object.fromEntries(columns.map(({ name }) => [name, null]));
  return encodeRows(
    columns,
    rows.map((row) => ({ ...empty, ...row })),
  );
};
const writeSplits = (lake: MemoryLake, rows: readonly Split[], date = SESSIONS[0]!) =>
  lake.write(keys.snapshot('splits', date), withNulls('splits', rows));
const writeDividends = (lake: MemoryLake, rows: readonly Dividend[], date = SESSIONS[0]!) =>
  lake.write(
    keys.snapshot('dividends', date),
    withNulls(
      'dividends',
      rows.map((row) => ({ currency: 'USD', distribution_type: 'recurring', ...row })),
    ),
  );

async function publishAll(lake: MemoryLake, bars: readonly Bar[]): Promise<void> {
  for (const date of new Set(bars.map((bar) => bar.date)))
    await publish(
      lake,
      date,
      bars.filter((bar) => bar.date === date),
    );
}

async function ask(lake: MemoryLake, sql: string): Promise<Record<string, unknown>[]> {
  const views = await openViews(lake, temporaryFolder(), { intervals: [], lists: LIST_VIEWS });
  try {
    return (await views.connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, unknown>[];
  } finally {
    views.close();
  }
}

const series = async (lake: MemoryLake, view: string, column = 'close', symbol = 'A') =>
  (await ask(lake, `SELECT ${column} AS value FROM ${view} WHERE symbol = '${symbol}' ORDER BY date`)).map(
    (row) => row.value as number,
  );
const near = (found: readonly number[], wanted: readonly number[]) => {
  expect(found).toHaveLength(wanted.length);
  for (const [place, value] of found.entries()) expect(value / wanted[place]!).toBeCloseTo(1, 12);
};

const price = fc.double({ min: 1, max: 1000, noNaN: true });
const place = fc.integer({ min: 1, max: SESSIONS.length - 1 });

test('a constant price with dividends grows by 1 / (1 - amount / price) at each of them', {
  timeout: 120_000,
}, async () => {
  const days = fc.uniqueArray(place, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(price, days, fc.double({ min: 0.001, max: 0.5, noNaN: true }), async (close, places, share) => {
      const lake = new MemoryLake();
      await publishAll(
        lake,
        SESSIONS.map((date) => barOf('A', date, close)),
      );
      await writeDividends(
        lake,
        places.map((day) => ({ symbol: 'A', ex_date: SESSIONS[day]!, cash_amount: close * share })),
      );
      const growth = SESSIONS.map((_, day) => close * (1 - share) ** places.filter((ex) => ex > day).length);
      near(await series(lake, 'bars_total_return'), growth);
      expect(await series(lake, 'bars_split_adjusted')).toEqual(SESSIONS.map(() => close));
    }),
    { numRuns: 8 },
  );
});

test('splits leave a split-adjusted price and the money traded as they were', { timeout: 120_000 }, async () => {
  const splits = fc.uniqueArray(
    fc.record({ day: place, from: fc.integer({ min: 1, max: 20 }), to: fc.integer({ min: 1, max: 20 }) }),
    {
      selector: ({ day }) => day,
      maxLength: 3,
    },
  );
  await fc.assert(
    fc.asyncProperty(price, splits, async (close, drawn) => {
      const lake = new MemoryLake();
      const raw = SESSIONS.map((_, day) =>
        drawn.reduce((value, { day: on, from, to }) => (on <= day ? (value * from) / to : value), close),
      );
      await publishAll(
        lake,
        SESSIONS.map((date, day) => barOf('A', date, raw[day]!, { volume: 1e6 / raw[day]! })),
      );
      await writeSplits(
        lake,
        drawn.map(({ day, from, to }) => ({
          symbol: 'A',
          execution_date: SESSIONS[day]!,
          split_from: from,
          split_to: to,
        })),
      );
      near(
        await series(lake, 'bars_split_adjusted'),
        SESSIONS.map(() => raw.at(-1)!),
      );
      near(
        await series(lake, 'bars_split_adjusted', 'close * volume'),
        SESSIONS.map(() => 1e6),
      );
      near(await series(lake, 'bars_split_adjusted', 'close / split_factor'), raw);
      expect(await series(lake, 'bars_total_return')).toEqual(await series(lake, 'bars_split_adjusted'));
    }),
    { numRuns: 8 },
  );
});

test('dividends of a day are one factor, on the basis of its split, of the last close before it', async () => {
  const lake = new MemoryLake();
  const [halted, ex] = [SESSIONS[4]!, SESSIONS[5]!];
  const traded = SESSIONS.filter((date) => date !== halted);
  await publishAll(lake, [
    ...traded.map((date) => barOf('A', date, date < ex ? 100 : 50)),
    ...SESSIONS.map((date) => barOf('B', date, 10)),
  ]);
  await writeSplits(lake, [{ symbol: 'A', execution_date: ex, split_from: 1, split_to: 2 }]);
  await writeDividends(lake, [
    { symbol: 'A', ex_date: ex, cash_amount: 1, historical_adjustment_factor: 0.94 },
    { symbol: 'A', ex_date: ex, cash_amount: 2, distribution_type: 'special', historical_adjustment_factor: 0.94 },
    { symbol: 'A', ex_date: '2026-03-02', cash_amount: 2 },
    { symbol: 'B', ex_date: ex, cash_amount: 1, currency: 'EUR' },
    { symbol: 'B', ex_date: SESSIONS[7]!, cash_amount: 10 },
    { symbol: 'B', ex_date: SESSIONS[0]!, cash_amount: 1 },
  ]);
  near(
    await series(lake, 'bars_total_return'),
    traded.map((date) => (date < ex ? 47 : 50)),
  );
  expect(await series(lake, 'bars_total_return', 'close', 'B')).toEqual(SESSIONS.map(() => 10));
  expect(
    await ask(
      lake,
      'SELECT * EXCLUDE (difference), abs(difference) < 1e-6 AS agrees FROM dividend_factors ORDER BY ALL',
    ),
  ).toEqual([
    {
      symbol: 'A',
      ex_date: ex,
      cash: 3,
      date_before: SESSIONS[3],
      close_before: 100,
      factor: 0.94,
      cumulative_factor: 0.94,
      vendor_factor: 0.94,
      agrees: true,
    },
    expect.objectContaining({ symbol: 'B', cash: 10, close_before: 10, factor: 1, vendor_factor: null }),
  ]);
});

test('a symbol that passes to another company is adjusted by the actions of each alone', async () => {
  const lake = new MemoryLake();
  const passed = SESSIONS[10]!;
  // The new company first trades a day after its takeover.
  const traded = SESSIONS.filter((date) => date !== passed);
  await publishAll(
    lake,
    traded.map((date) => barOf('A', date, date < passed ? 100 : 5)),
  );
  const tenure = { symbol: 'A', reason: 'listed', ending: null };
  const history = [
    { ...tenure, figi: 'F1', validFrom: SESSIONS[0]!, validTo: passed, companyFrom: SESSIONS[0]! },
    { ...tenure, figi: 'F2', validFrom: passed, validTo: null, companyFrom: passed },
  ];
  await lake.write(keys.symbolHistory('tickers', passed), encodeSymbolHistory(history));
  await writeSplits(lake, [
    { symbol: 'A', execution_date: SESSIONS[5]!, split_from: 1, split_to: 4 },
    { symbol: 'A', execution_date: SESSIONS[15]!, split_from: 10, split_to: 1 },
    { symbol: 'A', execution_date: passed, split_from: 1, split_to: 3 },
  ]);
  await writeDividends(
    lake,
    // On the day of the takeover, and with a close of the other company before it, nothing is adjusted.
    [8, 10, 11, 13].map((day) => ({ symbol: 'A', ex_date: SESSIONS[day]!, cash_amount: day === 8 ? 10 : 1 })),
  );
  const wanted = SESSIONS.map((_, day) => {
    if (day < 10) return 100 * (day < 5 ? 0.25 : 1) * (day < 8 ? 0.9 : 1);
    return 5 * (day < 15 ? 10 : 1) * (day < 13 ? 0.8 : 1);
  });
  near(
    await series(lake, 'bars_total_return'),
    wanted.filter((_, day) => day !== 10),
  );
  const days = await ask(lake, 'SELECT day FROM corporate_actions ORDER BY day');
  expect(days.map(({ day }) => day)).toEqual([5, 8, 13, 15].map((place) => SESSIONS[place]));
});

test('what is known as of a day stays the same to the last bit, whatever comes later', {
  timeout: 120_000,
}, async () => {
  const lake = new MemoryLake();
  const [asOf, later] = [SESSIONS[12]!, SESSIONS[13]!];
  const early = SESSIONS.slice(0, 13);
  await publishAll(
    lake,
    early.flatMap((date, day) => ['A', 'B'].map((symbol) => barOf(symbol, date, 10 + day / 7))),
  );
  await writeSplits(lake, [{ symbol: 'A', execution_date: SESSIONS[3]!, split_from: 2, split_to: 3 }]);
  await writeDividends(lake, [{ symbol: 'B', ex_date: SESSIONS[6]!, cash_amount: 0.3 }]);
  const folder = temporaryFolder();
  const bytesOf = async (name: string) => {
    const path = join(folder, name);
    await ask(lake, `COPY (SELECT * FROM bars_adjusted('total_return', '${asOf}') ORDER BY symbol, date) TO '${path}'`);
    return ask(lake, `SELECT sha256(content) AS sum FROM read_blob('${path}')`);
  };
  const before = await bytesOf('a.parquet');
  const known = await ask(lake, 'SELECT * FROM sessions ORDER BY symbol, date');
  expect(await bytesOf('b.parquet')).toEqual(before);
  expect(await ask(lake, `SELECT * FROM bars_as_known('${asOf}') ORDER BY symbol, date`)).toEqual(known);

  // The next night: its session, a correction, a bar that came late, one that went, other lists; then an old session.
  const date = SESSIONS[9]!;
  const stored = ['A', 'B'].map((symbol) => barOf(symbol, date, 10 + 9 / 7));
  const fetched = [barOf('A', date, 11, { ingestedAt: at(later) }), barOf('C', date, 3, { ingestedAt: at(later) })];
  await publish(
    lake,
    later,
    ['A', 'B'].map((symbol) => barOf(symbol, later, 20)),
  );
  const run = { night: later, runId: 'r', date, at: at(later) };
  await lake.write(keys.revisions(date, at(later)), encodeRevisions(revisionsOf(stored, fetched), run));
  await publish(lake, date, fetched);
  await writeSplits(lake, [{ symbol: 'A', execution_date: SESSIONS[3]!, split_from: 1, split_to: 3 }], later);
  await writeDividends(lake, [], later);
  await publish(lake, '2025-10-31', [barOf('A', '2025-10-31', 7, { ingestedAt: at(later) })]);

  expect(await ask(lake, `SELECT * FROM bars_as_known('${asOf}') ORDER BY symbol, date`)).toEqual(known);
  expect(await bytesOf('c.parquet')).toEqual(before);
  const [now] = await ask(lake, `SELECT count(*) AS rows FROM bars_as_known('${later}')`);
  expect(now).toEqual({ rows: String(early.length * 2 + 3) });
  expect(await ask(lake, `FROM splits_as_known('${LAST}') SELECT split_from`)).toEqual([{ split_from: 1 }]);
  expect(await ask(lake, "FROM dividends_as_known('2025-11-02')")).toEqual([]);
});

test('another word than split or total_return is refused', async () => {
  const lake = new MemoryLake();
  await publishAll(lake, [barOf('A', LAST, 1)]);
  await expect(ask(lake, `FROM bars_adjusted('dividends', '${LAST}')`)).rejects.toThrow(
    /kind is split or total_return, found dividends/,
  );
});

test('an empty lake has every derived view and macro, without rows', async () => {
  const lake = new MemoryLake();
  const calls = callsOf(LAST);
  for (const { name } of DERIVED_VIEWS) expect(await ask(lake, `FROM ${calls[name] ?? name}`), name).toEqual([]);
});

test('the benchmark is the total return of its symbols alone', async () => {
  const lake = new MemoryLake();
  await publishAll(
    lake,
    SESSIONS.flatMap((date) => ['SPY', 'A'].map((symbol) => barOf(symbol, date, 100))),
  );
  await writeDividends(
    lake,
    ['SPY', 'A'].map((symbol) => ({ symbol, ex_date: SESSIONS[1]!, cash_amount: 1 })),
  );
  const rows = await ask(lake, 'SELECT symbol, close, adjusted_close, daily_return, growth FROM benchmark');
  expect(rows.slice(0, 2)).toEqual([
    { symbol: 'SPY', close: 100, adjusted_close: 99, daily_return: null, growth: 1 },
    { symbol: 'SPY', close: 100, adjusted_close: 100, daily_return: 100 / 99 - 1, growth: 100 / 99 },
  ]);
  expect(rows).toHaveLength(SESSIONS.length);
});

test('who was listed, and who was in an index, on a day', async () => {
  const lake = new MemoryLake();
  const tenure = { reason: 'listed', ending: null, companyFrom: '2025-11-03' };
  const history = [
    { ...tenure, symbol: 'A', figi: 'F1', validFrom: '2025-11-03', validTo: '2025-11-10' },
    { ...tenure, symbol: 'B', validFrom: '2025-11-04', validTo: null },
  ];
  await lake.write(keys.symbolHistory('tickers', '2025-11-10'), encodeSymbolHistory(history));
  const columns = LIST_VIEWS.find(({ name }) => name === 'index_lists')!.columns;
  for (const [date, symbols] of [
    ['2025-11-05', ['A', 'B']],
    ['2025-11-12', ['B']],
  ] as const)
    await lake.write(
      keys.snapshot('index_members', date),
      encodeRows(
        columns,
        symbols.map((symbol) => ({ index: 'russell_2000', symbol, date, weight: 1 })),
      ),
    );
  const on = async (call: string) => (await ask(lake, `SELECT symbol FROM ${call}`)).map(({ symbol }) => symbol);
  expect(await on("universe('2025-11-09')")).toEqual(['A', 'B']);
  expect(await on("universe(DATE '2025-11-10')")).toEqual(['B']);
  expect(await on("universe('2025-11-02')")).toEqual([]);
  expect(await on("members('russell_2000', '2025-11-11')")).toEqual(['A', 'B']);
  expect(await on("members('russell_2000', '2025-11-12')")).toEqual(['B']);
  expect(await on("members('russell_2000', '2025-11-04')")).toEqual([]);
});
