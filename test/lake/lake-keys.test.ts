import { expect, test } from 'vitest';
import { dateOfKey, keys } from '../../src/lake/lake.ts';

test('keys are those of the data dictionary', () => {
  const date = '2025-11-19';
  expect([
    keys.session(date),
    keys.symbol('BRK.B'),
    keys.symbolDate('A/B', date),
    keys.silver(5, '2025-01'),
    keys.ingest(date),
    keys.snapshot('tickers', date),
    keys.quarantine(date),
    keys.report(date, 'night.json'),
    keys.stagedPage('tickers', 'run-1', 12),
  ]).toEqual([
    'bronze/sessions/date=2025-11-19/bars.parquet',
    'bronze/raw_ohlcv/symbol=BRK.B/data.parquet',
    'bronze/raw_ohlcv/symbol=A_2fB/date=2025-11-19.parquet',
    'silver/silver_5d/year=2025/month=01/data_5d_202501.parquet',
    'processing_metadata/ingest/date=2025-11-19.json',
    'reference/tickers/date=2025-11-19.parquet',
    'quarantine/date=2025-11-19.jsonl',
    'reports/date=2025-11-19/night.json',
    'staging/sync=run-1/tickers/page=00012.json',
  ]);
});

test('the date of a key is found in folders and file names, nowhere else', () => {
  expect(dateOfKey(keys.session('2025-11-19'))).toBe('2025-11-19');
  expect(dateOfKey(keys.symbolDate('A', '2025-11-19'))).toBe('2025-11-19');
  expect(dateOfKey(keys.symbol('date=2025-11-19'))).toBeUndefined();
  expect(dateOfKey('staging/run=update=2025-11-19')).toBeUndefined();
});
