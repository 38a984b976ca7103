import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  beginningOf,
  type HistoryRow,
  historyDate,
  type Listed,
  planHistory,
} from '../../src/checks/symbol-history.ts';

/** The history that some nights' lists leave, every row of it. */
function historyOf(...nights: [date: string, list: Listed[]][]): HistoryRow[] {
  const table = new Map<string, HistoryRow>();
  for (const [session, list] of nights) {
    const latest = latestOf([...table.values()]);
    const at = { date: historyDate(latest, session), isFirst: latest.length === 0 };
    for (const row of planHistory(latest, list, at)) {
      const key = `${row.symbol} ${row.validFrom}`;
      if (row.validTo === row.validFrom && row.reason !== 'first seen') table.delete(key);
      else table.set(key, row);
    }
  }
  return [...table.values()];
}

function latestOf(rows: readonly HistoryRow[]): HistoryRow[] {
  const latest = new Map<string, HistoryRow>();
  for (const row of rows) {
    const other = latest.get(row.symbol);
    if (!other || other.validFrom < row.validFrom) latest.set(row.symbol, row);
  }
  return [...latest.values()];
}

const told = (rows: HistoryRow[]) =>
  rows
    .map(({ symbol, validFrom, validTo, reason, ending }) => [symbol, validFrom, validTo, reason, ending])
    .sort((a, b) => (`${a[0]} ${a[1]}` < `${b[0]} ${b[1]}` ? -1 : 1));
const [D1, D2, D3] = ['2025-11-17', '2025-11-18', '2025-11-19'];
const fb = { symbol: 'FB', figi: 'F-FACEBOOK', shareClassFigi: 'S-FACEBOOK' };
const meta = { ...fb, symbol: 'META' };
const fund = { symbol: 'META', figi: 'F-FUND' };

describe('a symbol history', () => {
  test('begins with the first list, of whose past nothing is known', () => {
    expect(told(historyOf([D1, [fb, { symbol: 'A' }]]))).toEqual([
      ['A', D1, null, 'first seen', null],
      ['FB', D1, null, 'first seen', null],
    ]);
  });

  test('dates listings, delistings and returns', () => {
    const rows = historyOf([D1, [fb]], [D2, [{ symbol: 'NEW' }]], [D3, [fb, { symbol: 'NEW' }]]);
    expect(told(rows)).toEqual([
      ['FB', D1, D2, 'first seen', 'no longer listed'],
      ['FB', D3, null, 'listed again', null],
      ['NEW', D2, null, 'listed', null],
    ]);
  });

  test('tells a rename by the FIGI, and dates both names', () => {
    expect(told(historyOf([D1, [fb]], [D2, [meta]]))).toEqual([
      ['FB', D1, D2, 'first seen', 'renamed to META'],
      ['META', D2, null, 'renamed from FB', null],
    ]);
  });

  test('tells a rename also when the old name left a night earlier', () => {
    expect(told(historyOf([D1, [fb]], [D2, []], [D3, [meta]]))).toEqual([
      ['FB', D1, D2, 'first seen', 'no longer listed'],
      ['META', D3, null, 'renamed from FB', null],
    ]);
  });

  test('closes the row of a symbol that another security takes over', () => {
    expect(told(historyOf([D1, [fund]], [D2, [{ symbol: 'META', figi: 'F-OTHER' }]]))).toEqual([
      ['META', D1, D2, 'first seen', 'symbol passed on'],
      ['META', D2, null, 'symbol reused', null],
    ]);
  });

  test('tells reuse and rename in one night apart', () => {
    expect(told(historyOf([D1, [fb, fund]], [D2, [meta, { ...fund, symbol: 'METV' }]]))).toEqual([
      ['FB', D1, D2, 'first seen', 'renamed to META'],
      ['META', D1, D2, 'first seen', 'renamed to METV'],
      ['META', D2, null, 'renamed from FB; symbol reused', null],
      ['METV', D2, null, 'renamed from META', null],
    ]);
  });

  test('two securities that swap their symbols are two renames', () => {
    const [a, b] = [
      { symbol: 'A', figi: '1' },
      { symbol: 'B', figi: '2' },
    ];
    const swapped = [
      { symbol: 'A', figi: '2' },
      { symbol: 'B', figi: '1' },
    ];
    expect(told(historyOf([D1, [a, b]], [D2, swapped])).map(([symbol, , , reason]) => [symbol, reason])).toEqual([
      ['A', 'first seen'],
      ['A', 'renamed from B; symbol reused'],
      ['B', 'first seen'],
      ['B', 'renamed from A; symbol reused'],
    ]);
  });

  test('a name taken back is a rename in both directions', () => {
    expect(told(historyOf([D1, [fb]], [D2, [meta]], [D3, [fb]])).slice(1)).toEqual([
      ['FB', D3, null, 'renamed from META', null],
      ['META', D2, D3, 'renamed from FB', 'renamed to FB'],
    ]);
  });

  test('a share class with two lines at once is no rename', () => {
    const line = { symbol: 'FBX', figi: 'F-OTHER-LINE', shareClassFigi: 'S-FACEBOOK' };
    expect(told(historyOf([D1, [fb]], [D2, [fb, line]]))).toEqual([
      ['FB', D1, null, 'first seen', null],
      ['FBX', D2, null, 'listed', null],
    ]);
  });

  test('a FIGI that becomes known is filled in, and one that is left out is kept', () => {
    const rows = historyOf([D1, [{ symbol: 'A' }]], [D2, [{ symbol: 'A', figi: '1' }]], [D3, [{ symbol: 'A' }]]);
    expect(rows).toEqual([
      { symbol: 'A', figi: '1', validFrom: D1, validTo: null, reason: 'first seen', ending: null },
    ]);
  });

  test("Alpaca's id is an identity too", () => {
    const rows = historyOf([D1, [{ symbol: 'A', assetId: '1' }]], [D2, [{ symbol: 'A', assetId: '2' }]]);
    expect(told(rows).map(([, , , reason]) => reason)).toEqual(['first seen', 'symbol reused']);
  });

  test('a list that is fixed within its session leaves no trace of what was wrong', () => {
    expect(told(historyOf([D1, [fb, fund]], [D2, [fb]], [D2, [fb, fund]]))).toEqual([
      ['FB', D1, null, 'first seen', null],
      ['META', D1, null, 'first seen', null],
    ]);
    expect(told(historyOf([D1, [fb]], [D2, [fb, { symbol: 'WRONG' }]], [D2, [fb]]))).toEqual([
      ['FB', D1, null, 'first seen', null],
    ]);
  });

  test('a second list of the first session tells what it brings, takes and renames', () => {
    expect(told(historyOf([D1, [fb, { symbol: 'GONE' }]], [D1, [meta, { symbol: 'NEW' }]]))).toEqual([
      ['FB', D1, D1, 'first seen', 'renamed to META'],
      ['GONE', D1, D1, 'first seen', 'no longer listed'],
      ['META', D1, null, 'renamed from FB', null],
      ['NEW', D1, null, 'listed', null],
    ]);
  });

  test('what is left of a first list that was killed is first seen too', () => {
    const latest = historyOf([D1, [fb]]);
    const rows = planHistory(latest, [fb, fund], { date: D1, isFirst: true });
    expect(told(rows)).toEqual([['META', D1, null, 'first seen', null]]);
  });

  test('a list for an earlier session counts from the last one on', () => {
    const rows = historyOf([D2, [fb]], [D3, [fb, fund]], [D1, [fb, fund, { symbol: 'NEW' }]]);
    expect(told(rows).at(-1)).toEqual(['NEW', D3, null, 'listed', null]);
  });
});

describe('laws', () => {
  const list = fc
    .uniqueArray(fc.tuple(fc.constantFrom(...'ABCD'), fc.constantFrom('1', '2', '3', undefined)), {
      selector: ([symbol]) => symbol,
    })
    .map((rows) => rows.map(([symbol, figi]): Listed => (figi ? { symbol, figi } : { symbol })));
  const nights = fc
    .array(list, { minLength: 1, maxLength: 6 })
    .map((lists) => lists.map((one, index) => [`2025-11-1${index}`, one] as [string, Listed[]]));

  test('exactly the listed symbols are open, and no two rows of a symbol overlap', () => {
    fc.assert(
      fc.property(nights, (lists) => {
        const rows = historyOf(...lists);
        const open = rows.filter(({ validTo }) => validTo === null).map(({ symbol }) => symbol);
        expect(open.sort()).toEqual(
          lists
            .at(-1)![1]
            .map(({ symbol }) => symbol)
            .sort(),
        );
        for (const row of rows) {
          const end = row.validTo ?? '9999';
          expect(row.validFrom < end).toBe(true);
          const others = rows.filter((one) => one !== row && one.symbol === row.symbol);
          for (const one of others) expect(one.validFrom >= end || (one.validTo ?? '9999') <= row.validFrom).toBe(true);
        }
      }),
    );
  });

  test('the same list again changes nothing', () => {
    fc.assert(
      fc.property(nights, (lists) => {
        const latest = latestOf(historyOf(...lists));
        const [date, last] = lists.at(-1)!;
        const at = { date: historyDate(latest, date), isFirst: false };
        expect(planHistory(latest, last, at)).toEqual([]);
      }),
    );
  });
});

test('a renamed symbol is known by its former one, whatever that is spelled like', () => {
  const figi = 'F1';
  for (const former of ['FB', 'A;B', 'A; B']) {
    const latest = [{ symbol: former, figi, validFrom: D1, validTo: null, reason: 'first seen', ending: null }];
    const rows = planHistory(latest, [{ symbol: 'META', figi }], { date: D2, isFirst: false });
    const { reason } = rows.find(({ symbol }) => symbol === 'META')!;
    expect(beginningOf(reason)).toEqual({ former, reused: false });
    expect(beginningOf(`${reason}; symbol reused`)).toEqual({ former, reused: true });
  }
  expect(beginningOf('symbol reused')).toEqual({ reused: true });
  expect(beginningOf('listed')).toEqual({ reused: false });
});
