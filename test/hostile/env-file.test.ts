import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli } from '../nights/program.ts';
import { scratch } from '../nights/scene.ts';
import rows from './env-file.json';

interface Input {
  text?: string;
  hex?: string;
  repeat?: string;
  times?: number;
  kind?: string;
}

function place(path: string, { text, hex, repeat = '', times = 0, kind }: Input): void {
  if (kind === 'folder') mkdirSync(path);
  else if (kind === 'pipe') execFileSync('mkfifo', [path]);
  else if (kind === 'loop') symlinkSync(path, path);
  else {
    writeFileSync(path, hex ? Buffer.from(hex.replaceAll(' ', ''), 'hex') : (text ?? repeat.repeat(times)));
    if (kind === 'unreadable') chmodSync(path, 0o000);
  }
}

/** In this folder; root may read every file, so it asks as somebody else. */
function status(cwd: string): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const who = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
  const env = { PATH: process.env.PATH, AFTERBELL_HOME: '/nonexistent/home' };
  chmodSync(cwd, 0o755);
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, 'status'], { cwd, env, timeout: 30_000, ...who }, (error, stdout, stderr) =>
      resolve({ code: error?.code, stdout, stderr }),
    );
  });
}

test.each(rows)('a .env with $name is answered in one sentence, and no value of it is shown', async (row) => {
  const folder = scratch();
  place(join(folder, '.env'), row.input as Input);
  const { code, stdout, stderr } = await status(folder);
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(row.expected)]);
  expect(stderr).toMatch(/^Config\.Invalid: /);
  expect(stderr).not.toContain('hunter2');
});

test('settings in quotes, with a byte order mark before them, are read, and the environment goes first', async () => {
  const folder = scratch();
  writeFileSync(join(folder, '.env'), '\ufeffSYMBOLS="x1"\nexport MODE=\'x2\' # mine\nLOG_LEVEL=x3\nOTHER=1\n');
  const { stderr } = await status(folder);
  expect(stderr).toContain('SYMBOLS: found "x1"');
  expect(stderr).toContain('MODE: found "x2"');
  expect(stderr).toContain('LOG_LEVEL: found "x3"');
});
