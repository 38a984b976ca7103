import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { afterbell, typed } from './command.ts';
import { cli } from './program.ts';
import { SESSION, scratch, THAT_MORNING, warmHome } from './scene.ts';

const SHELL = {
  PATH: process.env.PATH!,
  HISTORY_SESSIONS: '0',
  SYMBOLS: '60',
  REPORT_SYMBOLS: 'AAPL',
  ...THAT_MORNING,
};

/** Pastes a command into a shell that has none of the settings a person gave on the line before. */
function paste(command: string, cwd: string): string {
  return spawnSync('sh', ['-c', command], { cwd, env: SHELL, encoding: 'utf8' }).stdout;
}

/** What stands behind a sentence of next steps. */
function commandAfter(text: string, words: string): string {
  const line = text.split('\n').find((one) => one.includes(`${words}: `)) ?? '';
  return line.slice(line.indexOf(`${words}: `) + words.length + 2);
}

let cwd: string;
const HOME = "my 'big' data";
const env = { ...SHELL, AFTERBELL_HOME: HOME };
beforeAll(async () => {
  cwd = scratch();
  cpSync(await warmHome(), join(cwd, HOME), { recursive: true, preserveTimestamps: true });
});

test('a command of a withheld night, of status and of its notice acts on the data directory it is about when it is pasted', async () => {
  const night = await afterbell(['night', '--session', SESSION, '--misbehave', 'half-missing'], env, cwd);
  expect(night.code, night.stderr).toBe(4);
  const status = await afterbell(['status'], env, cwd);
  expect(status.code).toBe(4);
  const start = `AFTERBELL_HOME='my '\\''big'\\'' data' ${cli} `;
  for (const said of [night.stdout, status.stdout]) {
    for (const words of ['Look first', 'it is withheld again)', 'If it is right after all'])
      expect(commandAfter(said, words).startsWith(start), words).toBe(true);
  }
  const json = JSON.parse((await afterbell(['status', '--json'], env, cwd)).stdout);
  expect(json.health.troubles[0].command).toBe(commandAfter(status.stdout, 'Look first'));
  expect(paste(commandAfter(night.stdout, 'Look first'), cwd).startsWith(join(cwd, HOME, 'lake'))).toBe(true);

  // Kept pages and reports may be read anywhere: no path of this person stands in a command of theirs.
  const folder = join(cwd, HOME, 'lake', 'reports', `date=${SESSION}`);
  for (const file of ['night.json', 'index.html'])
    expect(readFileSync(join(folder, file), 'utf8')).not.toContain('big');
  expect(readFileSync(join(folder, 'index.html'), 'utf8')).toContain('AFTERBELL_HOME=FOLDER');

  expect(paste(commandAfter(status.stdout, 'If it is right after all'), cwd)).toContain('Succeeded: release');
  expect((await afterbell(['status'], env, cwd)).code).toBe(0);
  expect(existsSync(join(cwd, '.afterbell'))).toBe(false);
});

test('a failed night names its repair for this data directory, and so does an error', async () => {
  const failed = await afterbell(['night', '--session', '2025-11-20', '--misbehave', 'unauthorized@grouped'], env, cwd);
  expect(failed.code).toBe(1);
  const start = `AFTERBELL_HOME='my '\\''big'\\'' data' ${cli} `;
  expect(failed.stderr).toContain(`    Repair: ${start}night --session 2025-11-20\n`);
  expect(paste(commandAfter(failed.stderr, 'Repair'), cwd)).toMatch(/: night for session 2025-11-20 in /);
  const unknown = await afterbell(['report', '--session', '2025-12-01'], env, cwd);
  expect(unknown.stderr).toContain(`${start}status lists the last runs`);
});

test('a practice night ends with a query that can be pasted', async () => {
  const night = await afterbell(['night', '--session', SESSION], env, cwd);
  expect(night.code, night.stderr).toBe(0);
  expect(paste(commandAfter(night.stdout, 'Next'), cwd)).toMatch(/^symbol +date/);
});

test('commands say how the program is started here, and nothing that is the default here', async () => {
  const next = async (folder: string, settings: Record<string, string> = {}) => {
    const { stdout } = await afterbell(['status'], { ...SHELL, ...settings }, folder);
    return /Not healthy, exit 1:\n- no night has run in [^\n]+\n {4}([^\n]+)\n/.exec(stdout)?.[1];
  };
  expect(await next(scratch())).toBe(`${cli} night`);
  const withNpx = scratch();
  mkdirSync(join(withNpx, 'node_modules', '.bin'), { recursive: true });
  symlinkSync(cli, join(withNpx, 'node_modules', '.bin', 'afterbell'));
  mkdirSync(join(withNpx, 'deeper'));
  expect(await next(withNpx)).toBe('npx afterbell night');
  expect(await next(join(withNpx, 'deeper'))).toBe('npx afterbell night');
  expect(await next(withNpx, { AFTERBELL_HOME: 'big' })).toBe('AFTERBELL_HOME=big npx afterbell night');
  const bin = scratch();
  symlinkSync(cli, join(bin, 'afterbell'));
  expect(await next(scratch(), { PATH: `${bin}:${SHELL.PATH}` })).toBe('afterbell night');
  const ofEnvFile = scratch();
  writeFileSync(join(ofEnvFile, '.env'), 'AFTERBELL_HOME=./real\n');
  expect(await next(ofEnvFile)).toBe(`${cli} night`);
  expect(await next(ofEnvFile, { AFTERBELL_HOME: './other' })).toBe(`${typed({ AFTERBELL_HOME: './other' })} night`);
  const help = await afterbell(['night', '--help'], SHELL);
  expect(help.stdout).toContain(`\n  ${cli} night --session 2025-11-19`);
});
