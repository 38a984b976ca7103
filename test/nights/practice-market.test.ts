import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { afterbell, typed } from './command.ts';
import { SESSION, scratch } from './scene.ts';

test('a data directory remembers the size of its practice market, and refuses another one', async () => {
  const home = join(scratch(), 'big');
  const begun = { AFTERBELL_HOME: home, SYMBOLS: '90', HISTORY_SESSIONS: '2' };
  const first = await afterbell(['night', '--session', SESSION], begun);
  expect(first.code, first.stdout + first.stderr).toBe(0);
  expect(JSON.parse(readFileSync(join(home, 'practice.json'), 'utf8'))).toEqual({ symbols: 90, seed: 1, history: 2 });

  const later = { AFTERBELL_HOME: home, SYMBOLS: '', HISTORY_SESSIONS: '' };
  const second = await afterbell(['night', '--session', '2025-11-20', '--json'], later);
  expect(second.code, second.stdout).toBe(0);
  const rows = (stdout: string) =>
    JSON.parse(stdout).datasets.find(({ name }: { name: string }) => name === 'prices').rows;
  expect(rows(second.stdout)).toBeGreaterThan(80);

  const other = await afterbell(['night', '--session', '2025-11-21'], { ...later, SYMBOLS: '60' });
  expect([other.code, other.stdout]).toEqual([2, '']);
  expect(other.stderr).toContain(
    `Usage.Invalid: SYMBOLS=60 is not the size of this practice market; found ${home}, which began with 90 symbols; wanted no SYMBOLS, or SYMBOLS=90. Leave SYMBOLS out: the data directory remembers it.`,
  );
  const start = typed(later).split(' ').at(-1);
  expect(other.stderr).toContain(`AFTERBELL_HOME=./practice-60 SYMBOLS=60 ${start} night\n`);
  expect((await afterbell(['night', '--session', '2025-11-21'], { ...later, SYMBOLS: '90' })).code).toBe(0);
});

test('a history that was interrupted goes on as long as it was begun', async () => {
  const home = join(scratch(), 'home');
  const begun = { AFTERBELL_HOME: home, SYMBOLS: '60', HISTORY_SESSIONS: '3' };
  const failed = await afterbell(['night', '--session', SESSION, '--misbehave', 'unauthorized@grouped'], begun);
  expect(failed.code, failed.stdout).toBe(1);
  const again = { AFTERBELL_HOME: home, SYMBOLS: '', HISTORY_SESSIONS: '' };
  const night = await afterbell(['night', '--session', SESSION], again);
  expect(night.stderr).toContain('History first: 3 sessions from 2025-11-14 to 2025-11-18.');
  expect(night.code).toBe(0);
});

test('a damaged practice.json is named, and looking does not make one', async () => {
  const home = scratch();
  const env = { AFTERBELL_HOME: home, SYMBOLS: '' };
  expect((await afterbell(['night', '--dry-run'], env)).code).toBe(0);
  expect(existsSync(join(home, 'practice.json'))).toBe(false);
  writeFileSync(join(home, 'practice.json'), '{"symbols"');
  const said = await afterbell(['night', '--dry-run'], env);
  expect(said.code).toBe(2);
  expect(said.stderr).toMatch(/^Config\.Invalid: \S+practice\.json cannot be read; .*wanted \{"symbols": 500/);
});
