import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { afterbell, typed } from './command.ts';
import { HELD, SESSION, scratch, warmHome } from './scene.ts';

function flatFolder(date: string): string {
  const folder = scratch();
  const [year = '', month = ''] = date.split('-');
  mkdirSync(join(folder, year, month), { recursive: true });
  const row = `AAPL,100,10,11,12,9,${Date.parse(`${date}T05:00:00Z`)}000000,5`;
  const text = `ticker,volume,open,close,high,low,window_start,transactions\n${row}\n`;
  writeFileSync(join(folder, year, month, `${date}.csv.gz`), gzipSync(text));
  return folder;
}

test('real data without a key: the key is what every message names first', async () => {
  const env = { AFTERBELL_HOME: join(scratch(), 'real'), AFTERBELL_NOW: '2025-11-21T13:00:00Z' };
  const range = ['--from', SESSION, '--to', SESSION];
  expect((await afterbell(['backfill', '--flat-files', flatFolder(SESSION), ...range], env)).code).toBe(0);
  const status = await afterbell(['status'], env);
  expect(status.stdout).toContain(
    `- prices are 1 session behind: 2025-11-20 is due\n    POLYGON_API_KEY is not set. Put it into .env in this folder, then: ${typed(env)} night\n`,
  );
  for (const args of [['night'], ['run', 'sync-tickers'], ['backfill', ...range]]) {
    const said = await afterbell(args, env);
    expect(said.code, args.join(' ')).toBe(1);
    expect(said.stderr).toMatch(/^Lake\.WrongKind: POLYGON_API_KEY is not set, and \S+ holds real data; /m);
    expect(said.stderr).toContain('.env');
  }
});

test('a key for a practice data directory is told to name another one', async () => {
  const env = { AFTERBELL_HOME: await warmHome(), POLYGON_API_KEY: 'x', POLYGON_BASE_URL: 'https://192.0.2.1' };
  const said = await afterbell(['night', '--session', SESSION], env);
  expect(said.code).toBe(1);
  expect(said.stderr).toMatch(/^Lake\.WrongKind: POLYGON_API_KEY is set, and \S+ holds practice data; /);
  expect(said.stderr).toContain('AFTERBELL_HOME=./real');
});

test('a market on this computer that does not answer is named with its address', async () => {
  const base = 'http://127.0.0.1:1';
  const env = { AFTERBELL_HOME: await warmHome(), POLYGON_API_KEY: 'x', POLYGON_BASE_URL: base };
  for (const args of [
    ['night', '--session', SESSION],
    ['run', 'sync-tickers'],
    ['backfill', '--from', HELD.first, '--to', SESSION],
  ]) {
    const said = await afterbell(args, env);
    expect(said.code).toBe(1);
    expect(said.stderr).toMatch(
      /^Vendor\.Unavailable: nothing answers at POLYGON_BASE_URL http:\/\/127\.0\.0\.1:1; found /m,
    );
    expect(said.stderr).toContain('market --port 1');
  }
});

test('more sessions than a night fetches are advised to be backfilled', async () => {
  const env = { AFTERBELL_HOME: await warmHome() };
  const health = async (now: string) =>
    (await afterbell(['status'], { ...env, AFTERBELL_NOW: now })).stdout.split('\n').slice(2, 4).join('\n');
  expect(await health('2025-12-02T13:00:00Z')).toContain(`\n    ${typed(env)} night`);
  expect(await health('2026-03-03T13:00:00Z')).toBe(
    `- prices are 69 sessions behind: 2026-03-02 is due\n    ${typed(env)} backfill --from 2025-11-19 --to 2026-03-02`,
  );
});

test('a flat file that is missing is named with its place', async () => {
  const env = { AFTERBELL_HOME: join(scratch(), 'real') };
  const folder = flatFolder(SESSION);
  const said = await afterbell(['backfill', '--flat-files', folder, '--from', SESSION, '--to', '2025-11-20'], env);
  expect(said.code).toBe(1);
  expect(said.stdout).toContain(`there is no flat file of 2025-11-20 in ${folder}; wanted 2025/11/2025-11-20.csv.gz`);
  expect(said.stdout).toContain(`${typed(env)} backfill --from 2025-11-20 --to 2025-11-20`);
  expect(said.stdout + said.stderr).not.toContain('backfill --source flat-files');
});

test('a misspelt setting in .env is said with the one that was meant', async () => {
  const folder = scratch();
  writeFileSync(join(folder, '.env'), 'POLIGON_API_KEY=sesame\nAWS_PROFILE=mine\n');
  const { stderr } = await afterbell(['status'], {}, folder);
  expect(stderr).toContain('.env: POLIGON_API_KEY is no setting, and is ignored. Did you mean POLYGON_API_KEY?\n');
  expect(stderr).toContain('.env names what is no setting: AWS_PROFILE\n');
  expect(stderr).not.toContain('sesame');
});

test('~ and $HOME are filled in, in .env and in the environment, and never become folders', async () => {
  const home = scratch();
  for (const [line, given, expected] of [
    ['AFTERBELL_HOME=~/bell', {}, 'bell'],
    ['AFTERBELL_HOME=$HOME/of env', {}, 'of env'],
    ['AFTERBELL_HOME="$\u007bHOME}/braced"', {}, 'braced'],
    ['', { AFTERBELL_HOME: '~/given' }, 'given'],
    ['', { AFTERBELL_HOME: '$HOME/variable' }, 'variable'],
  ] as const) {
    const folder = scratch();
    writeFileSync(join(folder, '.env'), `${line}\n`);
    const env = { HOME: home, ...given };
    expect((await afterbell(['night', '--dry-run'], env, folder)).code, line).toBe(0);
    expect(existsSync(join(home, expected, 'lake')), line).toBe(true);
    expect(readdirSync(folder)).toEqual(['.env']);
  }
  for (const wrong of ['~bob/bell', '$DATA/bell']) {
    const folder = scratch();
    const said = await afterbell(['night', '--dry-run'], { AFTERBELL_HOME: wrong }, folder);
    expect(said.code).toBe(2);
    expect(said.stderr).toContain(`AFTERBELL_HOME: found "${wrong}", wanted a path; ~ and $HOME are filled in`);
    expect(readdirSync(folder)).toEqual([]);
  }
  const lake = await afterbell(['verify'], { HOME: home, LAKE_URI: 'file://$HOME/lake of mine' });
  expect(lake.stderr).toContain('there is nothing to verify in file://');
  expect(lake.stderr).toContain(`${home}/lake%20of%20mine`.slice(0, home.length));
});

test('a year that is mistyped is no reason to fetch one session of it', async () => {
  const env = { AFTERBELL_HOME: await warmHome() };
  const said = await afterbell(['night', '--session', '2001-01-02'], env);
  expect(said.code).toBe(2);
  expect(said.stderr).toMatch(
    /^Usage\.Invalid: 2001-01-02 lies \d,\d{3} sessions before the first one stored, 2025-11-07/m,
  );
  expect(said.stderr).toContain(`${typed(env)} backfill --from 2001-01-02 --to 2025-11-06`);
});
