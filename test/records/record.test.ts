import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/records/record.ts';

test('the hash is the SHA-256 of the JSON with sorted fields', () => {
  const json = '{"10":true,"9":true,"list":[1,{"a":"x","b":null}],"symbol":"A"}';
  const hash = createHash('sha256').update(json).digest('hex');
  expect(contentHash({ symbol: 'A', list: [1, { b: null, a: 'x' }], 9: true, 10: true })).toBe(hash);
});

test('order of fields and fields without a value do not count', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue()), (record) => {
      const reversed = Object.fromEntries([...Object.entries(record), ['nothing', undefined]].toReversed());
      expect(contentHash(reversed)).toBe(
        contentHash(Object.fromEntries(Object.entries({ ...record, nothing: undefined }))),
      );
    }),
  );
});

test("the vendor's time of last update does not count, at the top only", () => {
  const record = { symbol: 'A', lastUpdatedUtc: '2025-01-01', last_updated_utc: '2025-01-01' };
  expect(contentHash(record)).toBe(contentHash({ symbol: 'A', lastUpdatedUtc: '2025-01-02' }));
  expect(contentHash({ inner: record })).not.toBe(contentHash({ inner: { symbol: 'A' } }));
});

test('every other change counts', () => {
  const hashes = [
    { a: 1 },
    { a: '1' },
    { a: null },
    {},
    { b: 1 },
    { a: [1, 2] },
    { a: [2, 1] },
    { a: { 1: 2 } },
    { a: [['1', 2]] },
  ];
  expect(new Set(hashes.map(contentHash)).size).toBe(hashes.length);
});
