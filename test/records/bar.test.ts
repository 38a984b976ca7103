import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBars } from '../../src/records/bar.ts';

const OF = { date: '2025-11-19', source: 'polygon', ingestedAt: '2025-11-20T09:00:00Z' };
const T16 = Date.parse('2025-11-19T21:00:00Z');
const good = { T: 'AAPL', o: 10, h: 12, l: 9, c: 11, v: 1000.5, vw: 10.5, n: 7, t: T16 };

const reasonOf = (change: object) => parseBars([{ ...good, ...change }], OF).rejected[0]?.reason;

describe('a good row', () => {
  test('becomes a bar with date, source and opening instant of its run', () => {
    expect(parseBars([good], OF)).toEqual({
      records: [
        {
          symbol: 'AAPL',
          date: '2025-11-19',
          open: 10,
          high: 12,
          low: 9,
          close: 11,
          volume: 1000.5,
          vwap: 10.5,
          transactions: 7,
          source: 'polygon',
          ingestedAt: '2025-11-20T09:00:00Z',
        },
      ],
      rejected: [],
    });
  });

  test('may lack vwap, transactions and time, or have them null', () => {
    const { T, o, h, l, c, v } = good;
    const { records } = parseBars(
      [
        { T, o, h, l, c, v },
        { T: 'B', o, h, l, c, v, vw: null, n: null },
      ],
      OF,
    );
    expect(records.map(({ vwap, transactions }) => [vwap, transactions])).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  test('may be flat, without volume, and carry fields we do not read', () => {
    expect(reasonOf({ o: 5, h: 5, l: 5, c: 5, v: 0, otc: true })).toBeUndefined();
  });

  test('comes in code-unit order of its symbol', () => {
    const rows = ['b', 'A', 'KIMpL', 'KIMPL', 'B.A', 'B'].map((T) => ({ ...good, T }));
    expect(parseBars(rows, OF).records.map(({ symbol }) => symbol)).toEqual(['A', 'B', 'B.A', 'KIMPL', 'KIMpL', 'b']);
  });
});

describe('a bad row', () => {
  test.each([
    [{ T: undefined }, 'symbol is missing'],
    [{ T: '12345' }, 'symbol is all digits'],
    [{ o: '10' }, 'open is not a number'],
    [{ h: null }, 'high is not a number'],
    [{ l: Number.NaN }, 'low is not a number'],
    [{ c: Number.POSITIVE_INFINITY }, 'close is not a number'],
    [{ o: 0 }, 'open is not above zero'],
    [{ l: -1 }, 'low is not above zero'],
    [{ l: 13 }, 'high is below low'],
    [{ l: 10.5 }, 'low is above open or close'],
    [{ h: 10.5 }, 'high is below open or close'],
    [{ v: undefined }, 'volume is not a number'],
    [{ v: -1 }, 'volume is below zero'],
    [{ vw: 'x' }, 'vwap is not a number'],
    [{ n: 1.5 }, 'transactions is not a count'],
    [{ t: 'x' }, 'time is not a number'],
    [{ t: T16 + 86_400_000 }, 'time is not on the session'],
    [{ t: T16 / 1000 }, 'time is not on the session'],
    [{ t: T16 * 1e6 }, 'time is not on the session'],
  ])('%j is rejected: %s', (change, reason) => expect(reasonOf(change)).toBe(reason));

  test.each([null, 7, 'AAPL', [], undefined])('%j instead of a row is rejected and kept', (row) => {
    const { records, rejected } = parseBars([row], OF);
    expect(records).toEqual([]);
    expect(rejected).toEqual([{ symbol: '', reason: 'symbol is missing', row }]);
  });
});

describe('duplicates', () => {
  test('the same row again is a duplicate row', () => {
    const { records, rejected } = parseBars([good, { ...good }], OF);
    expect([records.length, rejected.map(({ reason }) => reason)]).toEqual([1, ['duplicate row']]);
  });

  test('another row of the symbol is rejected, and the first one stands', () => {
    const { records, rejected } = parseBars([good, { ...good, c: 10 }], OF);
    expect(records[0]?.close).toBe(11);
    expect(rejected.map(({ reason }) => reason)).toEqual(['duplicate row with other values']);
  });

  test('a bad row does not take the place of a good one of the symbol', () => {
    const { records, rejected } = parseBars([{ ...good, o: -1 }, good], OF);
    expect([records.length, rejected.length]).toEqual([1, 1]);
  });
});

describe('accounting', () => {
  const price = fc.oneof(fc.integer({ min: -1, max: 5 }), fc.double(), fc.constant(undefined), fc.string());
  const row = fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({
        T: fc.constantFrom('A', 'B', 'c', '1', ''),
        o: price,
        h: price,
        l: price,
        c: price,
        v: price,
      }),
    },
    { weight: 3, arbitrary: fc.constantFrom('A', 'B', 'c').map((T) => ({ ...good, T })) },
    { weight: 1, arbitrary: fc.anything() },
  );

  test('records and rejected rows are exactly the rows, records are sorted, unique and sound', () => {
    fc.assert(
      fc.property(fc.array(row), (rows) => {
        const { records, rejected } = parseBars(rows, OF);
        expect(records.length + rejected.length).toBe(rows.length);
        const symbols = records.map(({ symbol }) => symbol);
        expect(symbols).toEqual([...new Set(symbols)].sort());
        for (const { reason } of rejected) expect(reason).not.toBe('');
        for (const { open, high, low, close, volume } of records) {
          expect(low > 0 && low <= Math.min(open, close) && Math.max(open, close) <= high && volume >= 0).toBe(true);
        }
      }),
    );
  });

  test('parsing the rows in another order gives the same bars when no symbol comes twice', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 5 })), (symbols) => {
        const rows = symbols.map((T) => ({ ...good, T }));
        expect(parseBars(rows.toReversed(), OF).records).toEqual(parseBars(rows, OF).records);
      }),
    );
  });
});
