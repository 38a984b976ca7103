import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { FileLake } from '../../src/lake/file-lake.ts';
import { keys } from '../../src/lake/lake.ts';
import { replaceQuarantine } from '../../src/night/quarantine.ts';
import { afterbell, typed } from '../nights/command.ts';
import { HELD, scratch, THAT_MORNING, warmHome } from '../nights/scene.ts';
import rows from './tables.json';

const LIST = [
  { portfolio: 'alpha', name: 'First', positions: [{ symbol: 'KIMpL', quantity: -0.1, averageCost: 1e-7 }] },
  {
    portfolio: 'beta',
    active: false,
    positions: [
      { symbol: 'AAPL', quantity: 1e15, averageCost: 0.30000000000000004 },
      { symbol: 'MSFT', quantity: 0 },
    ],
  },
];

let home: string;
const file = join(scratch(), 'mine.json');
beforeAll(async () => {
  home = await warmHome();
  writeFileSync(file, JSON.stringify(LIST));
  const imported = await afterbell(['portfolios', '--import', file], { AFTERBELL_HOME: home });
  expect(imported.code, imported.stderr).toBe(0);
});

interface Damage {
  file: string;
  text?: string;
  zeros?: number;
  remove?: boolean;
}

test.each(rows)('tables with $name are named with the repair, which brings imported portfolios back', async (row) => {
  const damaged = join(scratch(), 'home');
  cpSync(home, damaged, { recursive: true });
  const tables = join(damaged, 'tables');
  const { file: name, text, zeros, remove } = row.input as Damage;
  const path = join(tables, readdirSync(tables).find((one) => one.startsWith(name))!);
  if (remove) rmSync(path);
  else writeFileSync(path, text ?? Buffer.alloc(zeros!));
  const before = readdirSync(tables).filter((one) => /\.(ldb|log)$/.test(one));

  const env = { AFTERBELL_HOME: damaged };
  const said = await afterbell(['portfolios', '--import', file], env);
  expect([said.code, said.stderr]).toEqual([1, expect.stringMatching(/^Database\.Failed: The tables in /)]);
  expect(said.stderr).toContain(row.expected);
  expect(readdirSync(tables)).toEqual(expect.arrayContaining(before));

  const [, from, to] = /\(mv '([^']*)' '([^']*)'\)/.exec(said.stderr)!;
  const [, copy] = /--import '([^']*)'/.exec(said.stderr)!;
  renameSync(from!, to!);
  expect((await afterbell(['portfolios', '--import', copy!], env)).code).toBe(0);
  const back = join(scratch(), 'back.json');
  expect((await afterbell(['portfolios', '--export', back], env)).code).toBe(0);
  expect(JSON.parse(readFileSync(back, 'utf8'))).toEqual(LIST);
});

test('an export is what was imported, for its owner only, and imports to the same again', async () => {
  const env = { AFTERBELL_HOME: home };
  const exported = join(scratch(), 'all.json');
  const said = await afterbell(['portfolios', '--export', exported], env);
  expect([said.code, said.stderr]).toEqual([0, expect.stringContaining(`exported 2 portfolios to ${exported}`)]);
  expect(JSON.parse(readFileSync(exported, 'utf8'))).toEqual(LIST);
  expect(statSync(exported).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(home, 'portfolios.json'), 'utf8')).toBe(readFileSync(exported, 'utf8'));
  const fresh = { AFTERBELL_HOME: scratch() };
  expect((await afterbell(['portfolios', '--import', exported, '--export', `${exported}.2`], fresh)).code).toBe(0);
  expect(readFileSync(`${exported}.2`, 'utf8')).toBe(readFileSync(exported, 'utf8'));
});

test('an export that has nothing or no place to write to is refused, and no file is touched', async () => {
  const none = join(scratch(), 'none.json');
  writeFileSync(none, 'mine');
  const nothing = await afterbell(['portfolios', '--export', none], { AFTERBELL_HOME: scratch() });
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('there is no portfolio to export')]);
  expect(readFileSync(none, 'utf8')).toBe('mine');
  const nowhere = join(scratch(), 'no', 'folder.json');
  const refused = await afterbell(['portfolios', '--export', nowhere], { AFTERBELL_HOME: home });
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining(`${nowhere} cannot be written`)]);
  expect(existsSync(nowhere)).toBe(false);
});

test.each(['{"dataset":"prices","da', 'null', '7', '{}'])(
  'a torn line of quarantine (%s) is named with the repair and stops no writer',
  async (torn) => {
    const lake = new FileLake(`file://${home}/lake`);
    const whole = JSON.stringify({ dataset: 'tickers', date: HELD.last, symbol: 'AAPL', reason: 'no name', row: {} });
    await lake.write(keys.quarantine(HELD.last), Buffer.from(`${whole}\n${torn}\n`));
    await replaceQuarantine(lake, HELD.last, 'prices', []);
    expect(Buffer.from((await lake.read(keys.quarantine(HELD.last)))!).toString('utf8')).toContain(torn);
    const said = await afterbell(['status', '--failed'], { AFTERBELL_HOME: home, ...THAT_MORNING });
    expect(said.stderr).toBe('');
    expect(said.stdout).toMatch(/tickers +AAPL +no name/);
    expect(said.stdout).toMatch(
      new RegExp(
        `line [12] of quarantine/date=${HELD.last}.jsonl is torn: delete it; ${typed({ AFTERBELL_HOME: home })} night --session ${HELD.last}`,
      ),
    );
  },
);
