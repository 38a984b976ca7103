import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli } from './program.ts';
import { scratch } from './scene.ts';

/** The embedded database alone has some 200 files open. */
const OPEN_FILES = 320;
const SYMBOLS = 400;

test.skipIf(process.platform === 'win32')('a night with more symbols than files may be open succeeds', async () => {
  const env = {
    PATH: process.env.PATH,
    AFTERBELL_HOME: join(scratch(), 'home'),
    HISTORY_SESSIONS: '0',
    SYMBOLS: String(SYMBOLS),
    REPORT_SYMBOLS: 'AAPL',
  };
  // Node.js raises the soft limit to the hard one.
  const limited = ['-c', `ulimit -Hn ${OPEN_FILES} -Sn ${OPEN_FILES} && exec "$@"`, 'bash', process.execPath, cli];
  const [code, output] = await new Promise<[number, string]>((resolve) => {
    execFile('bash', [...limited, 'night'], { env, cwd: scratch() }, (error, stdout, stderr) =>
      resolve([error ? Number(error.code ?? 1) : 0, stdout + stderr]),
    );
  });
  expect(code, output).toBe(0);
  expect(output).toMatch(/^Succeeded: night/m);
});
