import { expect, test } from 'vitest';
import { fieldDrift, type StoredRow } from '../../src/checks/diff.ts';

interface Row {
  symbol: string;
  easy?: boolean;
  status?: string;
}
const keyOf = ({ symbol }: Row) => symbol;
const list = (count: number, values: (index: number) => Omit<Row, 'symbol'>): Row[] =>
  Array.from({ length: count }, (_, index) => ({ symbol: `S${index}`, ...values(index) }));
const known = (rows: readonly Row[], active = true) =>
  new Map<string, StoredRow>(
    rows.map((row) => [row.symbol, { key: row.symbol, contentHash: '', active, values: { ...row } }]),
  );
const drift = (before: readonly Row[], now: readonly Row[], active = true) =>
  fieldDrift(known(before, active), now, { keyOf, fields: ['easy', 'status'] }).map(
    ({ field, change, rows, of }) => `${field} ${change} ${rows}/${of}`,
  );

const full = (count: number) => list(count, () => ({ easy: true }));
const bare = (count: number) => list(count, () => ({}));

test.each<[string, Row[], Row[], string[]]>([
  ['a field gone from every row', full(40), bare(40), ['easy disappeared 40/40']],
  ['a field gone from all but one of forty', full(40), [...full(1), ...bare(40).slice(1)], ['easy disappeared 39/40']],
  ['a field gone from nine rows in ten is damage', full(40), [...full(4), ...bare(40).slice(4)], []],
  ['half of the rows lost it', full(40), [...full(20), ...bare(40).slice(20)], []],
  ['a field that a quarter of the rows had', [...full(10), ...bare(40).slice(10)], bare(40), []],
  [
    'a field that three quarters of the rows had',
    [...full(30), ...bare(40).slice(30)],
    bare(40),
    ['easy disappeared 30/40'],
  ],
  ['other values are no drift', full(40), list(40, () => ({ easy: false })), []],
  ['a new field in every row', bare(40), list(40, () => ({ status: 'x' })), ['status appeared 40/40']],
  ['a new field in a few rows', bare(40), list(40, (index) => (index < 5 ? { status: 'x' } : {})), []],
  [
    'one field in place of another',
    full(40),
    list(40, () => ({ status: 'x' })),
    ['easy disappeared 40/40', 'status appeared 40/40'],
  ],
  ['too few rows to tell', full(19), bare(19), []],
  [
    'only rows there before and after count',
    full(40),
    [...bare(40).slice(0, 30), ...list(90, () => ({})).slice(60)],
    ['easy disappeared 30/30'],
  ],
])('%s', (_name, before, now, expected) => {
  expect(drift(before, now)).toEqual(expected);
});

test('rows that left earlier say nothing', () => {
  expect(drift(full(40), bare(40), false)).toEqual([]);
});
