import { expect, test } from 'vitest';
import { unknownSymbols } from '../../src/jobs/backlog.ts';
import { consolidate } from '../../src/jobs/consolidate/consolidate.ts';
import { keys } from '../../src/lake/lake.ts';
import { MemoryLake } from '../lake/memory-lake.ts';
import { bar, publish } from '../lake/published.ts';

const [D1, D2, D3] = ['2025-11-17', '2025-11-18', '2025-11-19'] as const;

test('a symbol is known by its history, a date file, the manifest, or a session that is not merged yet', async () => {
  const lake = new MemoryLake();
  await publish(lake, D1, [bar('A', D1), bar('LOST', D1)]);
  await consolidate(lake, { mode: 'incremental', maxWorkers: 2, runId: 'r' });
  await lake.remove([keys.symbol('LOST')]);
  await lake.write(keys.symbolDate('OLD', D1), Buffer.from('x'));
  await publish(lake, D2, [bar('A', D2), bar('NEW', D2)]);
  await publish(lake, D3, [bar('A', D3), bar('NEWEST', D3)]);

  const asked = ['A', 'LOST', 'OLD', 'NEW', 'NEWEST', 'NOSUCH', 'a'];
  const { unknown, known } = await unknownSymbols(lake, asked);
  expect(unknown).toEqual(['NOSUCH', 'a']);
  expect([...known].sort()).toEqual(['A', 'LOST', 'NEW', 'NEWEST', 'OLD']);
});

test('an empty lake knows nobody', async () => {
  expect((await unknownSymbols(new MemoryLake(), ['A'])).unknown).toEqual(['A']);
});
