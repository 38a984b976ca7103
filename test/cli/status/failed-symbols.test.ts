import { expect, test } from 'vitest';
import { failedSymbols } from '../../../src/cli/status/failed-symbols.ts';
import { jsonBytes, keys } from '../../../src/lake/lake.ts';
import { MemoryLake } from '../../lake/memory-lake.ts';

const line = (dataset: string, date: string, symbol: string, reason: string) =>
  `${JSON.stringify({ dataset, date, symbol, reason, row: {} })}\n`;

test('refused rows, unanswered symbols, unwritten items and damaged histories are one list', async () => {
  const lake = new MemoryLake();
  const day = line('prices', '2025-11-19', 'BAD', 'close is not a number');
  await lake.write(
    keys.quarantine('2025-11-19'),
    Buffer.from(day + line('valuations', '2025-11-19', 'XYZ', 'no answer')),
  );
  await lake.write(keys.quarantine('2025-11-18'), Buffer.from(line('prices', '2025-11-18', 'OLD', 'not asked for')));
  const errors = [{ name: 'Lake.Corrupt', symbol: 'TRUE', message: 'data.parquet is damaged' }];
  await lake.write(keys.jobResult('resample'), jsonBytes({ runId: 'r', status: 'success', errors, seconds: 1 }));
  const failed = JSON.stringify([{ symbol: 'KIMpL', reason: 'throttled' }]);
  const rows = [
    { task_name: 'sync-tickers', session: '2025-11-19', failed },
    { task_name: 'resample', session: '2025-11-19', failed },
    { task_name: 'prices', session: '2025-11-19', failed: null },
  ];
  expect(await failedSymbols(lake, ['2025-11-19'], rows)).toEqual([
    { session: '', dataset: 'resample', symbol: 'TRUE', reason: 'Lake.Corrupt: data.parquet is damaged' },
    { session: '2025-11-19', dataset: 'prices', symbol: 'BAD', reason: 'close is not a number' },
    { session: '2025-11-19', dataset: 'tickers', symbol: 'KIMpL', reason: 'throttled' },
    { session: '2025-11-19', dataset: 'valuations', symbol: 'XYZ', reason: 'no answer' },
  ]);
  expect(await failedSymbols(new MemoryLake(), ['2025-11-19'], [])).toEqual([]);
});
