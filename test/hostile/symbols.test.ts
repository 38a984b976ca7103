import { expect, test } from 'vitest';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { historyKeys, openHistory } from '../../src/lake/histories.ts';
import { decodeBars } from '../../src/lake/session-files.ts';
import { FoldingLake } from '../lake/folding-lake.ts';
import { bar, publish } from '../lake/published.ts';
import inputs from './symbols.json';

const [FIRST, SECOND] = ['2025-11-18', '2025-11-19'];

test.each(inputs)('$name: each has a history of its own on a disk that ignores case', async ({ input, expected }) => {
  const lake = new FoldingLake();
  for (const date of [FIRST!, SECOND!]) {
    await publish(
      lake,
      date,
      input.map((symbol) => bar(symbol, date)),
    );
    const { status, errors } = await consolidate(lake, { mode: 'incremental', maxWorkers: 2, runId: 'r' });
    expect([status, errors]).toEqual(['success', []]);
  }
  const found = await historyKeys(lake);
  expect(input.map((symbol) => found.get(symbol))).toEqual(
    expected.map((part) => `bronze/raw_ohlcv/symbol=${part}/data.parquet`),
  );
  for (const symbol of input) {
    const { key, bytes } = (await openHistory(lake, symbol))!;
    const bars = await decodeBars(bytes, key);
    expect(bars.map(({ symbol: name, date }) => [name, date])).toEqual([
      [symbol, FIRST],
      [symbol, SECOND],
    ]);
  }
});
