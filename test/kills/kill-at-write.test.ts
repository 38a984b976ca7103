import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { homesFolder } from '../homes.ts';

const preload = new URL('kill-at-write.mjs', import.meta.url).href;
const WRITERS = 4;
const WRITES_EACH = 400;
const WRITER = `
  import { writeFileSync } from 'node:fs';
  for (let i = 0; i < ${WRITES_EACH}; i += 1) writeFileSync(process.env.KILLS_HOME + '/file-' + process.argv[2], String(i));`;
const PARENT = `
  import { spawn } from 'node:child_process';
  for (let i = 0; i < ${WRITERS}; i += 1) spawn(process.execPath, [process.argv[2], String(i)], { stdio: 'inherit' });`;

const folder = mkdtempSync(join(homesFolder(), 'afterbell-kill-at-write-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([1, 399, 1100])(
  'write no. %i of all kills the whole group, however many processes write at once',
  async (nth) => {
    const home = join(folder, String(nth));
    mkdirSync(home);
    for (const [name, text] of Object.entries({ parent: PARENT, writer: WRITER })) {
      writeFileSync(join(folder, `${name}.mjs`), text);
    }
    const KILLS_LOG = join(folder, `writes-${nth}`);
    const kill = { phase: 'before', nth };
    const env = { PATH: process.env.PATH, KILLS_HOME: home, KILLS_LOG, KILLS_AT: JSON.stringify(kill) };
    const argv = ['--import', preload, join(folder, 'parent.mjs'), join(folder, 'writer.mjs')];
    const parent = spawn(process.execPath, argv, { env, detached: true, stdio: 'ignore' });
    const [, signal] = (await once(parent, 'exit')) as [number | null, NodeJS.Signals | null];
    expect(signal).toBe('SIGKILL');
    const begun = readFileSync(KILLS_LOG, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('before\t'));
    expect(begun.length).toBeGreaterThanOrEqual(nth);
    // The others go on until the signal is there.
    expect(begun.length).toBeLessThan(WRITERS * WRITES_EACH);
  },
);
