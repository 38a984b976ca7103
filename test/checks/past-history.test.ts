import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  datedByEvidence,
  evidenceKey,
  type FirstNight,
  historyChanges,
  joinedHistory,
  nightsPart,
  type PastList,
  wantedDates,
} from '../../src/checks/past-history.ts';
import { type HistoryRow, type Listed, replayHistory } from '../../src/checks/symbol-history.ts';

test('a list is wanted of the first session and of the last one of every month before the first night', () => {
  expect(wantedDates('2025-08-09', '2025-11-03')).toEqual(['2025-08-11', '2025-08-29', '2025-09-30', '2025-10-31']);
  expect(wantedDates('2025-10-31', '2025-11-19')).toEqual(['2025-10-31']);
  expect(wantedDates('2025-11-05', '2025-11-19')).toEqual(['2025-11-05']);
  // Good Friday was the last weekday of its month.
  expect(wantedDates('2024-03-04', '2024-04-02')).toEqual(['2024-03-04', '2024-03-28']);
});

test('a symbol that passed on between two lists ends by the vendor’s word, and begins with the first bar behind that', () => {
  const dates = ['2025-08-29', '2025-09-30'];
  const rows = replayHistory(
    [],
    [
      ['2025-08-29', [{ symbol: 'META', figi: 'FUND' }]],
      ['2025-09-30', [{ symbol: 'META', figi: 'FACE' }]],
    ],
  );
  const bars = new Map([[evidenceKey('META', '2025-08-29'), { first: '2025-09-02', last: '2025-09-29' }]]);
  const delisted = [{ symbol: 'META', figi: 'FUND', lastDay: '2025-09-12' }];
  const spans = (found: readonly HistoryRow[]) => found.map(({ validFrom, validTo }) => [validFrom, validTo]);
  expect(spans(datedByEvidence(rows, { dates, bars, delisted }))).toEqual([
    ['2025-08-29', '2025-09-15'],
    ['2025-09-15', null],
  ]);
  // Nobody knows whose the bars are without it.
  expect(spans(datedByEvidence(rows, { dates, bars, delisted: [] }))).toEqual([
    ['2025-08-29', '2025-09-30'],
    ['2025-09-30', null],
  ]);
});

const DATES = ['2025-06-30', '2025-07-31', '2025-08-29', '2025-09-30', '2025-10-31'];
const UNTIL = '2025-11-19';
const NIGHTS = ['2025-11-19', '2025-11-20', '2025-11-21', '2025-11-24'];

/** A list: who carries each of a few symbols; a FIGI may be unknown, a symbol not listed. */
const anyList = fc
  .array(fc.constantFrom(undefined, '', 'F1', 'F2', 'F3', 'F4'), { minLength: 6, maxLength: 6 })
  .map((figis): Listed[] =>
    figis.flatMap((figi, place) => {
      const symbol = 'ABCDEF'[place]!;
      return figi === undefined ? [] : [figi === '' ? { symbol } : { symbol, figi }];
    }),
  );
const anyLists = fc.array(anyList, {
  minLength: DATES.length + NIGHTS.length,
  maxLength: DATES.length + NIGHTS.length,
});

const byKey = (rows: readonly HistoryRow[]) =>
  [...rows].sort((a, b) => (`${a.symbol} ${a.validFrom}` < `${b.symbol} ${b.validFrom}` ? -1 : 1));

/** The table after a write of rows, as the statement does it. */
function written(table: readonly HistoryRow[], rows: readonly HistoryRow[]): HistoryRow[] {
  const after = new Map(table.map((row) => [`${row.symbol} ${row.validFrom}`, row]));
  for (const row of rows) {
    const key = `${row.symbol} ${row.validFrom}`;
    if (row.validTo === row.validFrom && row.reason !== 'first seen') after.delete(key);
    else after.set(key, row);
  }
  return byKey([...after.values()]);
}

function drawn(lists: readonly Listed[][]): { past: PastList[]; nights: HistoryRow[]; first: FirstNight } {
  const past = DATES.map((date, place) => ({ date, list: lists[place]! }));
  const dated = NIGHTS.map((date, place) => [date, lists[DATES.length + place]!] as const);
  const first = { until: UNTIL, list: lists[DATES.length]! };
  return { past, nights: written([], replayHistory([], dated)), first };
}

test('a history that was written half is made whole by the next run, and nights stay what they were', () => {
  fc.assert(
    fc.property(anyLists, fc.nat(), fc.nat(), (lists, cut, older) => {
      const { past, nights, first } = drawn(lists);
      const whole = written(nights, historyChanges(nights, joinedHistory(past, nights, first)));
      // Killed between two writes, and first made of fewer lists.
      const some = past.slice(older % past.length);
      const changes = historyChanges(nights, joinedHistory(some, nights, first));
      const half = written(nights, changes.slice(0, cut % (changes.length + 1)));
      const again = historyChanges(half, joinedHistory(past, half, first));
      expect(written(half, again)).toEqual(whole);
      expect(historyChanges(whole, joinedHistory(past, whole, first))).toEqual([]);
      expect(nightsPart(whole, UNTIL).length).toBe(nights.length);
    }),
    { numRuns: 300 },
  );
});

test('no symbol is carried by two at once, and each list finds exactly its names', () => {
  fc.assert(
    fc.property(anyLists, (lists) => {
      const { past, nights, first } = drawn(lists);
      const rows = written(nights, historyChanges(nights, joinedHistory(past, nights, first)));
      for (const { date, list } of past) {
        const names = rows
          .filter((row) => row.validFrom <= date && (row.validTo ?? '9') > date)
          .map(({ symbol }) => symbol);
        expect(names).toEqual(list.map(({ symbol }) => symbol));
        expect(rows.filter((row) => row.validFrom < UNTIL).every(({ source }) => source === 'backfill')).toBe(true);
      }
    }),
    { numRuns: 300 },
  );
});
