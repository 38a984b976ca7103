import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { afterbell } from '../nights/command.ts';
import { scratch, warmHome } from '../nights/scene.ts';
import rows from './portfolio-import.json';

const good = { symbol: 'AAPL', quantity: 2, averageCost: 1 };
const file = join(scratch(), 'mine.json');
let env: Record<string, string>;

const listed = async () => JSON.parse((await afterbell(['portfolios', '--json'], env)).stdout);

beforeAll(async () => {
  env = { AFTERBELL_HOME: await warmHome() };
  writeFileSync(file, JSON.stringify([{ portfolio: 'mine', positions: [good, { symbol: 'MSFT', quantity: 1 }] }]));
  expect((await afterbell(['portfolios', '--import', file], env)).code).toBe(0);
});

test.each(rows)('an import with $name is refused by name, and every stored position stays', async (row) => {
  const before = await listed();
  const { nameOf, ...cells } = row.input as { nameOf?: number };
  const wrong = { symbol: 'F', quantity: 1, ...cells };
  const name = nameOf === undefined ? {} : { name: 'x'.repeat(nameOf) };
  writeFileSync(file, JSON.stringify([{ portfolio: 'mine', ...name, positions: [good, wrong] }]));
  const { code, stderr } = await afterbell(['portfolios', '--import', file], env);
  expect([code, stderr]).toEqual([2, expect.stringContaining(row.expected)]);
  expect(await listed()).toEqual(before);
});
