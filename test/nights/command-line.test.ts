import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { afterbell, typed } from './command.ts';
import { cli } from './program.ts';
import { HELD, SESSION, scratch, warmHome } from './scene.ts';

let env: { AFTERBELL_HOME: string };
beforeAll(async () => {
  env = { AFTERBELL_HOME: await warmHome() };
});

const wrong: [string, string[], RegExp][] = [
  ['a date that is none', ['night', '--session', '2025-13-40'], /^Usage\.Invalid: .*2025-13-40/],
  ['a weekend', ['night', '--session', '2025-11-22'], /^Usage\.Invalid: .*2025-11-22.*Saturday/],
  ['a holiday', ['night', '--session', '2025-11-27'], /^Usage\.Invalid: .*2025-11-27.*Thanksgiving/],
  ['a session to come', ['night', '--session', '2049-11-19'], /^Usage\.Invalid: 2049-11-19 has not closed yet/],
  [
    'a range the wrong way',
    ['backfill', '--from', '2025-11-20', '--to', '2025-11-10'],
    /^Usage\.Invalid: --from lies after --to/,
  ],
  [
    'an unknown source',
    ['backfill', '--from', '2025-11-10', '--to', '2025-11-10', '--source', 'ftp'],
    /api or flat-files/,
  ],
  [
    'an unknown task',
    ['run', 'sync-everything'],
    /^Usage\.Invalid: there is no task sync-everything.*sync-tickers.*sync-assets.*sync-valuations.*consolidate, resample, maintenance/,
  ],
  [
    'a task nobody knows',
    ['status', '--task', 'nope'],
    /^Usage\.Invalid: there is no task nope.*sync-tickers.*prices.*consolidate/,
  ],
  ['a mistyped task', ['run', 'sync-tickerz'], /Did you mean sync-tickers\?/],
  ['a mistyped task of status', ['status', '--task', 'sync-tikers'], /Did you mean sync-tickers\?/],
  ['a mistyped log', ['logs', 'consolidatr'], /Did you mean consolidator\?/],
  [
    'an option that maintenance would leave alone',
    ['run', 'maintenance', '--mode', 'full'],
    /^Usage\.Invalid: maintenance takes no --mode; wanted its name alone/,
  ],
  ['a query that writes', ['query', 'DELETE FROM bars'], /^Usage\.Invalid: query reads only; found "DELETE FROM bars"/],
  [
    'a query that writes to the warehouse',
    ['query', '--warehouse', 'UPDATE stock_prices SET close = 1'],
    /^Usage\.Invalid: query reads only; found "UPDATE stock_prices/,
  ],
  ['an unknown mode', ['run', 'resample', '--mode', 'half'], /--mode half; wanted one of incremental, full\n/],
  ['an unknown command', ['nihgt'], /unknown command 'nihgt'[\s\S]*Did you mean night\?/],
  [
    'an unknown option',
    ['night', '--sesion', '2025-11-19'],
    /unknown option '--sesion'[\s\S]*Did you mean --session\?/,
  ],
  [
    'an unknown misbehaviour',
    ['night', '--session', SESSION, '--misbehave', 'lazy'],
    /does not know this misbehaviour: "lazy"\n {2}Wanted a known name, e\.g\. half-missing/,
  ],
  [
    'a run that holds nothing',
    ['release', 'night-of-nobody'],
    /^Usage\.Invalid: run night-of-nobody withholds nothing/,
  ],
  [
    'a table that is not there',
    ['query', 'SELECT * FROM barz'],
    /^Usage\.Invalid: there is no table or view barz\. Did you mean bars\?\n.*views of the lake: bars, sessions, /s,
  ],
];

test.each(wrong)('%s is bad usage: exit 2, one message, nothing on stdout', async (_name, args, message) => {
  const said = await afterbell(args, env);
  expect(said).toMatchObject({ code: 2, stdout: '' });
  expect(said.stderr).toMatch(message);
  expect(said.stderr).not.toMatch(/^\s+at /m);
});

test('wrong settings are told in one message, secrets masked', async () => {
  const said = await afterbell(['status'], { ...env, SYMBOLS: 'many', MAX_PAGES: '-1', POLYGON_API_KEY: 'sesame' });
  expect(said).toMatchObject({ code: 2, stdout: '' });
  expect(said.stderr).toMatch(/^Config\.Invalid: 2 settings are wrong[\s\S]*MAX_PAGES[\s\S]*SYMBOLS: found "many"/);
  expect(said.stderr).not.toContain('sesame');
});

test('a file in place of the home is named', async () => {
  const file = join(scratch(), 'home');
  writeFileSync(file, 'not a folder');
  const said = await afterbell(['night', '--session', SESSION], { AFTERBELL_HOME: file });
  expect(said).toMatchObject({ code: 1, stdout: '' });
  expect(said.stderr).toMatch(/^Home\.Unwritable: /);
  expect(said.stderr).toContain(file);
  expect(said.stderr).toContain('AFTERBELL_HOME');
});

test('a mistyped data directory is not healthy, and no reader creates it', async () => {
  const nowhere = join(scratch(), 'nothere');
  const asked = { AFTERBELL_HOME: nowhere };
  const said = await afterbell(['status'], asked);
  expect(said.code).toBe(1);
  expect(said.stdout).toContain(`Not healthy, exit 1:\n- no night has run in ${nowhere}\n    ${typed(asked)} night\n`);
  const readers = [['query', 'SELECT 1'], ['query', '--warehouse', 'SELECT 1'], ['analyze'], ['release', 'night-1']];
  for (const args of readers) {
    const refused = await afterbell(args, asked);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain(`Usage.Invalid: no night has run in ${nowhere}. Run one: ${typed(asked)} night`);
  }
  expect(existsSync(nowhere)).toBe(false);
});

test('with --json every command prints one document and nothing else on stdout', async () => {
  const documents: [string[], number, object][] = [
    [['night', '--session', SESSION, '--dry-run'], 0, { session: SESSION, due: true }],
    [['night', '--session', SESSION], 0, { status: 'Succeeded', session: SESSION, reasons: [] }],
    [['night', '--session', '2025-11-20', '--misbehave', 'half-missing'], 4, { status: 'Held' }],
    [['night', '--session', '2025-11-20', '--misbehave', 'unauthorized@assets'], 0, { status: 'Succeeded' }],
    [['night', '--session', '2025-11-21', '--misbehave', 'unauthorized@grouped'], 1, { status: 'Failed' }],
    [['run', 'sync-assets'], 0, { status: 'Succeeded', kind: 'task' }],
    [['run', 'resample', '--mode', 'full', '--intervals', '3,5'], 0, { status: 'Succeeded', kind: 'task' }],
    [['status'], 1, { kind: 'practice', sessions: { served: HELD.count + 2, last: '2025-11-20' } }],
    [['status', '--failed'], 1, { kind: 'practice' }],
    [['verify'], 0, { clean: true }],
  ];
  for (const [args, code, content] of documents) {
    const said = await afterbell([...args, '--json'], env);
    expect(said.code, `${args.join(' ')}: ${said.stderr}${said.stdout}`).toBe(code);
    expect(said.stdout.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(said.stdout)).toMatchObject(content);
  }
  const backfill = await afterbell(['backfill', '--from', '2025-11-06', '--to', '2025-11-06', '--json'], env);
  expect(JSON.parse(backfill.stdout)).toMatchObject([{ status: 'Succeeded', sessions: { published: ['2025-11-06'] } }]);
});

test('with --json bad usage is a document too, and a log is one', async () => {
  for (const args of [['statsu'], ['query'], []]) {
    const said = await afterbell([...args, '--json'], env);
    expect(said.code).toBe(2);
    expect(JSON.parse(said.stdout)).toMatchObject({ error: { name: 'Usage.Invalid' } });
  }
  const log = await afterbell(['logs', 'consolidator', '--json'], env);
  expect(Array.isArray(JSON.parse(log.stdout))).toBe(true);
});

test('query asks the lake or the warehouse and prints what it finds', async () => {
  const sql = `SELECT symbol, date::text AS date, close FROM bars WHERE date = '${HELD.last}' ORDER BY symbol`;
  const lake = await afterbell(['query', sql, '--json'], env);
  const warehouse = await afterbell(
    [
      'query',
      '--warehouse',
      sql.replace('bars', 'stock_prices').replace('BY symbol', 'BY symbol COLLATE "C"'),
      '--json',
    ],
    env,
  );
  const rows = JSON.parse(lake.stdout) as { symbol: string; close: number }[];
  const stored = JSON.parse(warehouse.stdout) as { symbol: string; close: string }[];
  expect(rows.length).toBeGreaterThan(50);
  expect(stored.map(({ symbol, close }) => [symbol, Number(close)])).toEqual(
    rows.map(({ symbol, close }) => [symbol, close]),
  );
  const text = await afterbell(['query', sql], { ...env, NO_COLOR: '1' });
  expect(text.stdout).toMatch(/^symbol +date +close\n/);
  expect(text.stdout).not.toContain('\u001b');
  await afterbell(['run', 'resample', '--mode', 'full', '--intervals', '4'], env);
  expect((await afterbell(['query', 'SELECT count(*) AS bars FROM bars_4d WHERE bars = 4'], env)).code).toBe(0);
  const unknown = await afterbell(['query', '--warehouse', 'SELECT * FROM prices'], env);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/prices[\s\S]*tables of the warehouse: .*stock_prices/);
});

test('the practice market says where it answers and ends on a signal', async () => {
  const child = spawn(process.execPath, [cli, 'market', '--json'], { cwd: scratch(), env: { SYMBOLS: '60' } });
  const [text] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [Buffer | number];
  const { url } = JSON.parse(String(text)) as { url: string };
  expect(await (await fetch(url)).json()).toMatchObject({ practice: true, source: 'generated' });
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect((await ended)[0]).toBe(0);
});
