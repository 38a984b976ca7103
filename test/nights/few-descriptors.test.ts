import { join } from 'node:path';
import { expect, test } from 'vitest';
import { started } from './command.ts';
import { scratch, warmHome } from './scene.ts';

/** The embedded database alone has some 200 files open. */
const OPEN_FILES = 320;
const SYMBOLS = 400;
const onWindows = process.platform === 'win32';

/** Both limits: Node.js raises the soft one to the hard one. */
function limitedTo(files: number, args: string[], env: Record<string, string>) {
  return started(args, env, ['sh', '-c', `ulimit -n ${files} && exec "$@"`, 'sh']).ended;
}

test.skipIf(onWindows)('a night with more symbols than files may be open succeeds', async () => {
  const env = { AFTERBELL_HOME: join(scratch(), 'home'), SYMBOLS: String(SYMBOLS) };
  const { code, stdout, stderr } = await limitedTo(OPEN_FILES, ['night'], env);
  expect(code, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/^Succeeded: night/m);
});

const COMMANDS = [['night', '--session', '2025-11-19'], ['verify'], ['query', 'SELECT count(*) AS n FROM bars']];

test.skipIf(onWindows).each([24, 32, 64].flatMap((files) => COMMANDS.map((args) => ({ files, args }))))(
  '$args.0 with $files open files succeeds, or names the limit and what to do',
  async ({ files, args }) => {
    const { code, stderr } = await limitedTo(files, args, { AFTERBELL_HOME: await warmHome() });
    expect(stderr).not.toMatch(/^\s+at |TypeError|^Node\.js v/m);
    if (code === 0) return;
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^Home\.Unwritable: Too few files .*ulimit -n 4096/m)]);
    expect(stderr.trim().split('\n').at(-1)).toMatch(/^Home\.Unwritable: /);
  },
);

test.skipIf(onWindows)('a limit met while the command is loaded is one document of --json', async () => {
  const { code, stdout } = await limitedTo(24, ['verify', '--json'], { AFTERBELL_HOME: scratch() });
  const message = expect.stringContaining('ulimit -n 4096');
  expect([code, JSON.parse(stdout)]).toEqual([1, { error: { name: 'Home.Unwritable', message } }]);
});
