import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sessionAt, sessionNumber, windowFirst, windowIndex } from '../../../src/calendar/calendar.ts';
import { dateOf, readDay } from '../../../src/calendar/dates.ts';
import { type Bars, WindowMaker } from '../../../src/jobs/resample/aggregate.ts';
import { lakeState } from '../../../src/jobs/resample/lake-state.ts';
import { MonthRows } from '../../../src/jobs/resample/month-rows.ts';
import { allWindows, numberWindows } from '../../../src/jobs/resample/window-plan.ts';

// Sessions on both sides of 1970 and of session 0.
const DATES = [sessionNumber('1969-12-01'), sessionNumber('1989-12-18')].flatMap((start) =>
  Array.from({ length: 45 }, (_, i) => sessionAt(start + i)),
);
const SYMBOLS = ['A', 'B', 'C'];
const INTERVALS = [2, 3, 34];
const slots = numberWindows(
  INTERVALS.map((interval) => [
    interval,
    allWindows(
      interval,
      lakeState({ sessions: Object.fromEntries(DATES.map((d) => [d, { etag: d, checksum: d }])), outside: {} }),
    ),
  ]),
);

type Row = [sid: number, date: string, price: number, volume: number];
function barsOf(rows: readonly Row[]): Bars {
  const numbers = (of: (row: Row) => number) => Float64Array.from(rows, of);
  return {
    date: Int32Array.from(rows, ([, date]) => readDay(date)!),
    open: numbers(([, , price]) => price),
    high: numbers(([, , price]) => price + 2),
    low: numbers(([, , price]) => price - 1),
    close: numbers(([, , price]) => price + 1),
    volume: numbers(([, , , volume]) => volume),
  };
}

const newMaker = () => new WindowMaker({ windowTable: slots, factors: new Map(), companyChanges: new Map() });

test('symbols in any batches give the rows that grouping them gives, in order of month, symbol and date', () => {
  const some = fc.record({
    bars: fc.uniqueArray(fc.tuple(fc.nat(SYMBOLS.length - 1), fc.nat(DATES.length - 1)), {
      selector: ([sid, date]) => sid * 100 + date,
    }),
    ends: fc.uniqueArray(fc.nat(1), { maxLength: 2 }),
    whole: fc.boolean(),
  });
  fc.assert(
    fc.property(some, ({ bars, ends, whole }) => {
      const ordered = bars.sort(([s, d], [t, e]) => s - t || d - e);
      const rows = ordered.map(([s, d]): Row => [s, DATES[d]!, (d * 7 + s) % 50, d * (whole ? 1e9 : 0.1)]);
      const maker = newMaker();
      const batches = [];
      for (const [sid, symbol] of SYMBOLS.entries()) {
        expect(maker.add(symbol, barsOf(rows.filter(([s]) => s === sid)))).toEqual({});
        if (ends.includes(sid)) batches.push(maker.end());
      }
      batches.push(maker.end());
      const monthRows = new MonthRows(slots);
      for (const [index, { interval, month }] of slots.months.entries()) {
        const found = monthRows.of(batches, index);
        const groups = new Map<string, Row[]>();
        for (const row of rows) {
          const first = windowFirst(windowIndex(sessionNumber(row[1]), interval), interval);
          const key = `${SYMBOLS[row[0]]} ${first}`;
          if (first.startsWith(month)) groups.set(key, [...(groups.get(key) ?? []), row]);
        }
        const expected = [...groups].map(([key, group]) => ({
          key,
          open: group[0]![2],
          high: Math.max(...group.map(([, , price]) => price)) + 2,
          low: Math.min(...group.map(([, , price]) => price)) - 1,
          close: group.at(-1)![2] + 1,
          volume: Math.round(group.reduce((sum, [, , , volume]) => sum + volume, 0) * 10) / 10,
          bars: group.length,
        }));
        const made = [...found.date].map((day, row) => ({
          key: `${found.symbol.values[found.symbol.codes[row]!]} ${dateOf(day)}`,
          open: found.open[row],
          high: found.high[row],
          low: found.low[row],
          close: found.close[row],
          volume: found.volume[row],
          bars: found.bars[row],
        }));
        expect(made).toEqual(expected);
      }
    }),
    { numRuns: 40 },
  );
});

test('a date twice, an earlier one and a value that is none are found, and leave no window', () => {
  const [first, second] = [DATES[0]!, DATES[1]!];
  for (const rows of [
    [
      [1, first, 5, 1],
      [1, first, 5, 1],
    ],
    [
      [1, second, 5, 1],
      [1, first, 5, 1],
    ],
    [[1, first, Number.NaN, 1]],
    [[1, first, 5, Number.POSITIVE_INFINITY]],
  ] as Row[][]) {
    const maker = newMaker();
    expect(maker.add('B', barsOf(rows))).toEqual({ impossible: expect.stringMatching(/\d{4}-/) });
    expect(maker.end()).toMatchObject({ symbols: [], bars: new Uint8Array(new SharedArrayBuffer(0)) });
  }
  const maker = newMaker();
  expect(maker.add('B', barsOf([[1, first, 5, -1]]))).toEqual({ broken: expect.stringContaining('volume -1') });
  expect(maker.end().bars).toHaveLength(INTERVALS.length);
});

test('a bar of a day that no window has goes to none', () => {
  const maker = newMaker();
  expect(maker.add('A', barsOf([[0, '2020-01-02', 5, 1]]))).toEqual({});
  expect(maker.end().bars).toHaveLength(0);
});
