import { describe, expect, test } from 'vitest';
import { decodeBarColumns } from '../../src/lake/bar-table.ts';
import { type Column, encodeRows, type Row } from '../../src/lake/parquet.ts';
import { bar, originalBytes } from './published.ts';

const COLUMNS: Column[] = [
  { name: 'symbol', type: 'text' },
  ...['open', 'high', 'low', 'close', 'volume'].map((name): Column => ({ name, type: 'double', nullable: true })),
  { name: 'timestamp', type: 'timestamp' },
  { name: 'interval', type: 'text' },
];
const row: Row = {
  symbol: 'TRUE',
  open: 2,
  high: 3,
  low: 1,
  close: 2,
  volume: 5,
  timestamp: '2025-11-19T00:00:00Z',
  interval: '1d',
};
const read = (rows: Row[], columns = COLUMNS) => decodeBarColumns(encodeRows(columns, rows), 'the/key');

describe('a file of the original layout', () => {
  test('is sorted by date, keeps the last row of a date, and is older than every fetch of ours', async () => {
    const rows = [bar('ON', '2025-11-19', 1), bar('ON', '2025-11-18'), bar('ON', '2025-11-19', 2)];
    const bars = await decodeBarColumns(originalBytes(rows), 'k');
    expect([...bars.date]).toEqual([20410, 20411]);
    expect([...bars.open]).toEqual([rows[1]!.open, rows[2]!.open]);
    expect([...bars.ingested_at]).toEqual([0n, 0n]);
    expect([...bars.vwap, ...bars.transactions].every(Number.isNaN)).toBe(true);
    expect([bars.symbol.values, bars.source.values]).toEqual([['ON'], ['original']]);
  });

  test('takes midnight in New York, written in UTC, as the same session', async () => {
    expect([...(await read([{ ...row, timestamp: '2025-11-19T05:00:00Z' }])).date]).toEqual([20411]);
  });

  test.each([
    ['minute bars', { ...row, interval: '1m' }],
    ['a Saturday', { ...row, timestamp: '2025-11-22T00:00:00Z' }],
    ['a year without a calendar', { ...row, timestamp: '2051-11-22T00:00:00Z' }],
    ['a missing price', { ...row, low: null }],
  ])('is refused as Lake.Corrupt, naming the key, for %s', async (_, wrong) => {
    await expect(read([row, wrong])).rejects.toMatchObject({
      name: 'Lake.Corrupt',
      message: expect.stringContaining('the/key'),
    });
  });

  test('is refused when its timestamps are bare numbers, whose unit nobody knows', async () => {
    const bare = COLUMNS.map(
      (column): Column => (column.name === 'timestamp' ? { name: 'timestamp', type: 'bigint' } : column),
    );
    await expect(read([{ ...row, timestamp: 1_763_510_400_000 }], bare)).rejects.toMatchObject({
      name: 'Lake.Corrupt',
    });
  });
});
