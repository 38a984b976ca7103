import { beforeAll, expect, test } from 'vitest';
import { afterbell, typed } from './command.ts';
import { HELD, warmHome } from './scene.ts';

let env: { AFTERBELL_HOME: string };
beforeAll(async () => {
  env = { AFTERBELL_HOME: await warmHome() };
});

async function refused(args: readonly string[]): Promise<string> {
  const said = await afterbell(['query', ...args], env);
  expect([said.code, said.stdout]).toEqual([2, '']);
  return said.stderr;
}

test.each([
  ['a view', 'SELECT * FROM barz', 'there is no table or view barz. Did you mean bars?'],
  ['a column', 'SELECT clse FROM bars', 'there is no column clse. Did you mean close?'],
  ['a column of a named view', 'SELECT b.volum FROM bars b', 'there is no column volum'],
  ['a function', 'SELECT summ(close) FROM bars', 'there is no function summ. Did you mean sum?'],
  ['a keyword', 'SELCT * FROM bars', 'syntax error at or near "SELCT". Did you mean SELECT?'],
])('a misspelt %s is said with what was meant, and with its place', async (_name, sql, words) => {
  const said = await refused([sql]);
  expect(said).toContain(`Usage.Invalid: ${words}\n`);
  expect(said).toContain(`  LINE 1: ${sql}\n`);
  expect(said).not.toMatch(/(Catalog|Binder|Parser) Error/);
});

test.each([
  ['a table', 'SELECT symbol\nFROM prices\nLIMIT 1', 'there is no table or view prices', 'LINE 2: FROM prices\n  ', 13],
  [
    'a column',
    'SELECT clse FROM stock_prices',
    'there is no column clse',
    'LINE 1: SELECT clse FROM stock_prices\n  ',
    15,
  ],
  [
    'a keyword',
    '  SELECT * FORM stock_prices',
    'syntax error at or near',
    'LINE 1: SELECT * FORM stock_prices\n  ',
    17,
  ],
])('PostgreSQL’s place of %s is one in the text that was given', async (_name, sql, words, line, column) => {
  const said = await refused(['--warehouse', sql]);
  expect(said).toContain(`Usage.Invalid: ${words}`);
  expect(said).toContain(`  ${line}${' '.repeat(column)}^\n`);
  expect(said).not.toMatch(/Position|SQLState|asked/);
});

test('query without SQL shows one that works', async () => {
  for (const args of [[], ['--warehouse']]) {
    const said = await refused(args);
    expect(said).toMatch(/^Usage\.Invalid: query needs SQL, in quotes\. For example: /);
    const [, sql = ''] = /"(.+)"\n$/.exec(said)!;
    expect(said).toContain(`${typed(env)} query ${args.length > 0 ? '--warehouse ' : ''}"${sql}"`);
    expect((await afterbell(['query', ...args, sql], env)).code).toBe(0);
  }
});

test('a NUMERIC of the warehouse is a number where that has every digit', async () => {
  const sql = `SELECT 2771126040150::numeric AS market_cap, 142.63::numeric(20,4) AS price, 12345678901234567890.5::numeric AS wide,
    (SELECT close FROM stock_prices WHERE symbol = 'AAPL' AND date = '${HELD.last}') AS close, '7'::text AS text`;
  const said = await afterbell(['query', '--warehouse', sql, '--json'], env);
  expect(JSON.parse(said.stdout)).toEqual([
    { market_cap: 2771126040150, price: 142.63, wide: '12345678901234567890.5', close: expect.any(Number), text: '7' },
  ]);
});

test('status names thousands of missing sessions as ranges in JSON', async () => {
  const said = await afterbell(['status', '--json'], { ...env, AFTERBELL_NOW: '2035-11-20T13:00:00Z' });
  const { sessions } = JSON.parse(said.stdout) as { sessions: { missing: object[] } };
  expect(sessions.missing).toEqual([{ from: '2025-11-19', to: '2035-11-19', sessions: expect.any(Number) }]);
});

test('an unknown misbehaviour is answered in two short lines, with the nearest name', async () => {
  const said = await afterbell(['night', '--misbehave', 'half-mising:2'], env);
  expect(said.code).toBe(2);
  const lines = said.stderr.trimEnd().split('\n');
  expect(lines).toEqual([
    'Usage.Invalid: the practice market does not know this misbehaviour: "half-mising:2". Did you mean half-missing?',
    expect.stringMatching(/^ {2}Wanted a known name, e\.g\. .*; all of them: .* market --help$/),
  ]);
  expect((await afterbell(['market', '--help'], env)).stdout).toContain('wrong-types');
});
