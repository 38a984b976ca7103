import { readFileSync } from 'node:fs';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { keys } from '../../src/lake/lake.ts';
import { generateMarket } from '../../src/local/market/generator.ts';
import { byCodeUnit } from '../../src/local/market/noise.ts';
import { MORNING, openScene, SESSION } from '../nights/scene.ts';

interface Input {
  name: string;
  list: 'assets' | 'tickers';
  input: Record<string, unknown>;
  /** The reason in quarantine, or null for a row that is published. */
  expected: string | null;
}
const inputs = readInputs();
const of = (list: string) => inputs.filter((one) => one.list === list);

function readInputs(): Input[] {
  const text = readFileSync(new URL('rows.json', import.meta.url), 'utf8');
  return JSON.parse(text.replaceAll('$500kB', 'x'.repeat(500_000))) as Input[];
}

test('rows that no store can keep lie in quarantine with their reasons, and the rest of their pages is published', async () => {
  const whole = generateMarket({ symbols: 250, seed: 1 });
  const source = {
    ...whole,
    async assets(asOf: string) {
      const rows = await whole.assets(asOf);
      return [...rows, ...of('assets').map(({ input }) => ({ ...rows[0]!, ...input }))];
    },
    async tickers(...asked: Parameters<typeof whole.tickers>) {
      const rows = await whole.tickers(...asked);
      const { composite_figi: _, share_class_figi: __, ...row } = rows[0]!;
      const added = asked[0] === 'otc' ? [] : of('tickers').map(({ input }) => ({ ...row, ...input }));
      return [...rows, ...added].sort((a, b) => byCodeUnit(a.ticker, b.ticker));
    },
  };
  const scene = await openScene({ source });
  const { outcome } = await scene.run(MORNING);
  const { lake, tables } = scene.laptop.stores;
  for (const list of ['assets', 'tickers'] as const)
    expect(outcome.datasets.find(({ name }) => name === list)).toMatchObject({ status: 'success' });
  const text = Buffer.from((await lake.read(keys.quarantine(SESSION))) ?? '').toString('utf8');
  expect(text).not.toMatch(/\\u0000|\\ud[89a-f]/i);
  const lines = text.trimEnd().split('\n');
  for (const line of lines) expect(line.length).toBeLessThan(6_000);
  const found = lines.map((line) => JSON.parse(line) as { dataset: string; symbol: string; reason: string });
  for (const { name, list, input, expected } of inputs) {
    const symbol = String(input.symbol ?? input.ticker);
    const own = found.filter((one) => one.dataset === list && one.symbol.startsWith(symbol.slice(0, 1)));
    if (expected === null) {
      const Key = { symbol };
      const { Item } = await tables.send(new GetCommand({ TableName: scene.laptop.stores.config.TICKERS_TABLE, Key }));
      expect([name, Item?.symbol]).toEqual([name, symbol]);
    } else expect([name, own.map(({ reason }) => reason)]).toEqual([name, expect.arrayContaining([expected])]);
  }
});
