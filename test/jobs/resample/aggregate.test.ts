import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sessionAt, sessionNumber, windowFirst, windowIndex } from '../../../src/calendar/calendar.ts';
import { dateOf, readDay } from '../../../src/calendar/dates.ts';
import { newScan, Reduction, scanBars } from '../../../src/jobs/resample/aggregate.ts';
import type { BarChunk } from '../../../src/jobs/resample/bar-reader.ts';
import { lakeState } from '../../../src/jobs/resample/lake-state.ts';
import { rowsOf } from '../../../src/jobs/resample/months.ts';
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
function chunkOf(rows: readonly Row[]): BarChunk {
  const numbers = (of: (row: Row) => number) => Float64Array.from(rows, of);
  return {
    rows: rows.length,
    sid: Int32Array.from(rows, ([sid]) => sid),
    day: Int32Array.from(rows, ([, date]) => readDay(date)!),
    open: numbers(([, , price]) => price),
    high: numbers(([, , price]) => price + 2),
    low: numbers(([, , price]) => price - 1),
    close: numbers(([, , price]) => price + 1),
    volume: numbers(([, , , volume]) => volume),
  };
}

function reduced(chunks: readonly Row[][]) {
  const look = newScan({ symbols: SYMBOLS, windowTable: slots, factors: new Map(), companyChanges: new Map() });
  const reduction = new Reduction();
  reduction.begin(slots);
  for (const chunk of chunks.map(chunkOf)) {
    const places = new Int32Array(chunk.rows);
    scanBars(look, chunk, places);
    reduction.add(chunk, places);
  }
  return { look, batch: reduction.end(SYMBOLS, slots) };
}

test('bars cut anywhere into chunks give the rows that grouping them gives, in order of month, symbol and date', () => {
  const some = fc.record({
    bars: fc.uniqueArray(fc.tuple(fc.nat(SYMBOLS.length - 1), fc.nat(DATES.length - 1)), {
      selector: ([sid, date]) => sid * 100 + date,
    }),
    cuts: fc.array(fc.nat(200), { maxLength: 5 }),
    whole: fc.boolean(),
  });
  fc.assert(
    fc.property(some, ({ bars, cuts, whole }) => {
      const ordered = bars.sort(([s, d], [t, e]) => s - t || d - e);
      const rows = ordered.map(([s, d]): Row => [s, DATES[d]!, (d * 7 + s) % 50, d * (whole ? 1e9 : 0.1)]);
      const ends = [...cuts.filter((cut) => cut < rows.length).sort((a, b) => a - b), rows.length];
      const { look, batch } = reduced(ends.map((end, i) => rows.slice(ends[i - 1] ?? 0, end)));
      expect(look).toMatchObject({ bars: rows.length, foreignBars: 0, counted: rows.length * INTERVALS.length });
      expect([...look.impossible, ...look.broken, ...look.dropped]).toEqual([]);
      for (const [index, { interval, month }] of slots.months.entries()) {
        const found = rowsOf([{ batch: batch, from: batch.starts[index]!, to: batch.starts[index + 1]! }]);
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

test('a date twice, an earlier one, a value that is none and a symbol out of order are found', () => {
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
    expect([...reduced([rows]).look.impossible.keys()]).toEqual(['B']);
  }
  expect([...reduced([[[1, first, 5, -1]]]).look.broken.keys()]).toEqual(['B']);
  expect(reduced([[[-1, first, 5, 1]]])).toMatchObject({ look: { foreignBars: 1, bars: 1, counted: 0 } });
  expect([...reduced([[[0, '2020-01-02', 5, 1]]]).look.dropped]).toEqual([readDay('2020-01-02')]);
  expect(() =>
    reduced([
      [
        [1, first, 5, 1],
        [0, second, 5, 1],
      ],
    ]),
  ).toThrow('A behind B');
});
