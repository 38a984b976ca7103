import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBars, encodeBars } from '../../src/lake/session-files.ts';
import { sameValues } from '../../src/records/bar.ts';
import { bar, bars } from '../checks/bars.ts';

const number = fc.double({ min: 1e-9, max: 1e12, noNaN: true });
const anyBar = fc
  .record({
    symbol: fc.string({ minLength: 1, maxLength: 10 }),
    date: fc.integer({ min: -2900, max: 29_000 }).map((day) => new Date(day * 86_400_000).toISOString().slice(0, 10)),
    open: number,
    high: number,
    low: number,
    close: number,
    volume: number,
    vwap: fc.option(number),
    transactions: fc.option(fc.nat()),
    source: fc.constantFrom('polygon', 'practice', 'flat-files'),
    ingestedAt: fc.integer({ min: 0, max: 4e12 }).map((ms) => new Date(ms).toISOString()),
  })
  .map((one) => bar(one.symbol, one.date, one));

test('bars come back as they went in, in their order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyBar, { maxLength: 60 }), async (list) => {
      expect(await decodeBars(encodeBars(list), 'k')).toEqual(list);
    }),
    { numRuns: 60 },
  );
});

test('a session without bars is a readable file', async () => {
  expect(await decodeBars(encodeBars([]), 'k')).toEqual([]);
});

test('damaged bytes are Lake.Corrupt and name the key', async () => {
  const bytes = encodeBars(bars(30, '2025-11-19'));
  for (const damaged of [bytes.subarray(0, 500), Buffer.from('no parquet'), Buffer.alloc(0)]) {
    const error = { name: 'Lake.Corrupt', message: expect.stringContaining('date=2025-11-19') };
    await expect(decodeBars(damaged, 'bronze/sessions/date=2025-11-19/bars.parquet')).rejects.toMatchObject(error);
  }
});

test('every value of the vendor counts as a change, the run that brought it does not', () => {
  const one = bar('A', '2025-11-19');
  expect(sameValues(one, { ...one, ingestedAt: '2030-01-01T00:00:00.000Z' })).toBe(true);
  const changed = { open: 1, high: 1, low: 1, close: 1, volume: 1, vwap: null, transactions: null, source: 'polygon' };
  for (const [field, value] of Object.entries(changed)) {
    expect(sameValues(one, { ...one, [field]: value }), field).toBe(false);
  }
});
