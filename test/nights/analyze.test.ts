import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { afterbell } from './command.ts';
import { scratch, warmHome } from './scene.ts';

interface Listed {
  portfolio: string;
  positions: number;
  lastAnalysis: { dataAsOf: string; model: string; practice: boolean } | null;
}

test('portfolios come in by a file, are looked at without a trace, analysed, and listed with it', async () => {
  const env = { AFTERBELL_HOME: await warmHome() };
  const list = join(scratch(), 'mine.json');
  const positions = [
    { symbol: 'AAPL', quantity: 2, averageCost: 1 },
    { symbol: 'NOSUCH', quantity: 1 },
  ];
  writeFileSync(list, JSON.stringify([{ portfolio: 'mine', positions }]));
  const listed = async () => JSON.parse((await afterbell(['portfolios', '--json'], env)).stdout) as Listed[];

  expect(await listed()).toEqual([]);
  expect((await afterbell(['analyze', '--portfolio', 'mine'], env)).code).toBe(2);
  const imported = await afterbell(['portfolios', '--import', list], env);
  expect([imported.code, imported.stdout]).toEqual([0, expect.stringMatching(/mine +2 +never/)]);
  expect(imported.stderr).toContain('imported mine: 2 positions');

  const dry = await afterbell(['analyze', '--portfolio', 'mine', '--dry-run'], env);
  expect(dry.code, dry.stderr).toBe(0);
  const prompt = readFileSync(new URL('../../src/portfolio/analysis-v1.md', import.meta.url), 'utf8');
  expect(dry.stdout).toContain(prompt.trimEnd());
  expect(dry.stdout).toMatch(/"symbol": "AAPL"[\s\S]*about \d+ tokens in and \d+ out of grok-practice: \$0/);
  expect((await listed())[0]!.lastAnalysis).toBeNull();

  const run = await afterbell(['analyze', '--portfolio', 'mine', '--json'], env);
  expect(run.code, run.stdout + run.stderr).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({
    status: 'Succeeded',
    portfolios: [{ portfolio: 'mine', status: 'analysed', positions: 1, left: 1 }],
    analyses: [{ portfolio: 'mine', practice: true, parsed_data: { positions: [{ symbol: 'AAPL' }] } }],
  });
  expect(await listed()).toMatchObject([
    { portfolio: 'mine', lastAnalysis: { model: 'grok-practice', practice: true } },
  ]);
  const again = await afterbell(['analyze', '--portfolio', 'mine'], env);
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('0 analysed, 1 unchanged')]);
  expect(again.stdout).toMatch(/- no rsi: \d+ bars, 250 are needed \(AAPL\)[\s\S]*- AAPL risks: /);

  const unknown = await afterbell(['analyze', '--portfolio', 'mien', '--json'], env);
  expect([unknown.code, unknown.stdout]).toEqual([
    2,
    expect.stringMatching(/there is no portfolio \\"mien\\"; wanted one of mine\. Did you mean mine\?/),
  ]);
  const checked = await afterbell(['analyze', '--check-vendor', '--json'], env);
  expect([checked.code, checked.stdout]).toEqual([2, expect.stringContaining('250 are needed')]);
  const csv = join(scratch(), 'broker.csv');
  writeFileSync(csv, 'Symbol,Quantity\nKIMpL,3\n');
  const added = await afterbell(['portfolios', '--import', csv], env);
  expect([added.code, added.stdout]).toEqual([0, expect.stringMatching(/broker +1 +never[\s\S]*mine +2 +20/)]);
  writeFileSync(list, '[{"portfolio": "x", "positions": [{"symbol": "AAPL"}]}]');
  const wrong = await afterbell(['portfolios', '--import', list], env);
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('0.positions.0.quantity')]);
});
