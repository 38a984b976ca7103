import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import type { MarketSource } from '../../src/local/market/source.ts';
import { afterbell } from './command.ts';
import { MORNING, openScene, SESSION, SYMBOLS } from './scene.ts';

const NEXT_MORNINGS = ['2025-11-21T09:00:00Z', '2025-11-22T09:00:00Z', '2025-11-25T09:00:00Z'];

/** A market with one more symbol from SESSION on. */
function withListing(symbol: string): MarketSource {
  const plain = generateMarket({ symbols: SYMBOLS, seed: 1 });
  return {
    ...plain,
    bars: async (date) => {
      const rows = await plain.bars(date);
      return date < SESSION ? rows : [...rows, { ...rows.find(({ T }) => T === 'AAPL')!, T: symbol }];
    },
  };
}

test('a new symbol whose first merge failed has its bars in every N-session window once it is merged', async () => {
  const scene = await openScene({ source: withListing('BRANDNEW'), env: { MAX_FAILED_PERCENT: '50' } });
  const file = join(scene.home, 'lake', keys.symbol('BRANDNEW'));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, 'not a Parquet file');
  const first = await scene.run(MORNING);
  expect(first.outcome.status, first.outcome.reasons.join('\n')).not.toBe('Failed');
  rmSync(file);
  for (const scheduledTime of NEXT_MORNINGS) await scene.run({ scheduledTime });
  await scene.close();
  const verified = await afterbell(['verify'], { AFTERBELL_HOME: scene.home });
  expect(verified.code, verified.stdout).toBe(0);
});
