import { expect, test } from 'vitest';
import { diffOf, movementOf, planSync, type StoredRow } from '../../src/checks/diff.ts';
import { contentHash } from '../../src/records/record.ts';

type Row = { symbol: string; type?: string; name?: string; tags?: string[] };
const FIELDS = ['type', 'name', 'tags'];
const known = (row: Row, active = true): [string, StoredRow] => {
  const { symbol, ...values } = row;
  const kept = { ...values, symbol, firstSeenAt: 'x' };
  return [symbol, { key: symbol, contentHash: contentHash(row), active, values: kept }];
};
const plan = planSync<Row>(
  new Map([
    known({ symbol: 'SAME', type: 'CS' }),
    known({ symbol: 'FLIP', type: 'CS', name: 'One', tags: ['a'] }),
    known({ symbol: 'LOST', type: 'CS', name: 'Two' }),
    known({ symbol: 'GAIN', type: 'CS' }),
    known({ symbol: 'BACK', type: 'CS' }, false),
    known({ symbol: 'GONE', type: 'ETF', name: 'Three' }),
  ]),
  [
    { symbol: 'SAME', type: 'CS' },
    { symbol: 'FLIP', type: 'ETF', name: 'One', tags: ['a'] },
    { symbol: 'LOST', type: 'CS' },
    { symbol: 'GAIN', type: 'CS', name: 'Four' },
    { symbol: 'BACK', type: 'ETF' },
    { symbol: 'NEW', type: 'CS' },
  ],
  ({ symbol }) => symbol,
);

test('a diff shows every row that would change, with its fields before and after', () => {
  expect(diffOf(plan, FIELDS)).toEqual({
    counts: { before: 5, seen: 6, added: 1, changed: 4, vanished: 1, unchanged: 1 },
    added: [{ key: 'NEW', type: 'CS' }],
    vanished: [{ key: 'GONE', type: 'ETF', name: 'Three' }],
    changed: [
      { key: 'FLIP', fields: { type: { before: 'CS', after: 'ETF' } } },
      { key: 'LOST', fields: { name: { before: 'Two', after: null } } },
      { key: 'GAIN', fields: { name: { before: null, after: 'Four' } } },
      { key: 'BACK', fields: { type: { before: 'CS', after: 'ETF' } } },
    ],
  });
});

test('a changed and a lost value are flips; a gain is none, and a row that comes back counts as new', () => {
  expect(movementOf(plan, { fields: FIELDS, rejected: 2, recentRows: [5] })).toEqual({
    before: 5,
    seen: 6,
    vanished: 1,
    added: 2,
    rejected: 2,
    stayed: 4,
    flips: { type: 1, name: 1 },
    recentRows: [5],
  });
});
