import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli } from '../nights/program.ts';
import { HELD, SESSION, scratch, warmHome } from '../nights/scene.ts';
import rows from './streams.json';

/** What becomes of a stream: read to its end, closed after its first words or before any, on a full device, or the same pipe as stderr. */
type Stream = 'read' | 'closed' | 'unread' | 'full' | 'stderr';
interface Row {
  input: { args: string[]; stdout?: Stream; stderr?: Stream };
  expected: { code: number; stdout?: string; stderr?: string; nightRan?: boolean };
}

const FULL = '/dev/full';

test.skipIf(!existsSync(FULL)).each(rows as (Row & { name: string })[])(
  '$name ends as it would have, and loses nothing',
  async ({ input, expected }) => {
    const home = await warmHome();
    const { args, stdout = 'read', stderr = 'read' } = input;
    const night = args[0] === 'night' ? ['--session', SESSION] : [];
    const full = openSync(FULL, 'w');
    const opened = (stream: Stream) => (stream === 'full' ? full : 'pipe');
    // A shell joins the two streams as `2>&1` does.
    const joined = stdout === 'stderr' ? ['-c', 'exec "$@" 1>&2', 'bash', process.execPath] : [];
    const child = spawn(joined.length > 0 ? 'bash' : process.execPath, [...joined, cli, ...args, ...night], {
      cwd: scratch(),
      env: {
        PATH: process.env.PATH,
        AFTERBELL_HOME: home,
        SYMBOLS: '60',
        HISTORY_SESSIONS: '0',
        REPORT_SYMBOLS: 'AAPL',
      },
      stdio: ['ignore', opened(stdout), opened(stderr)],
    });
    closeSync(full);
    const said = { stdout: reading(child, 'stdout', stdout), stderr: reading(child, 'stderr', stderr) };
    // Written once nobody reads any more.
    if (args[0] === 'logs') void once(child.stdout!, 'close').then(() => log(home));
    const [code] = await once(child, 'close');
    expect([code, said.stderr()]).toEqual([
      expected.code,
      expect.stringMatching(new RegExp(expected.stderr ?? '', 'm')),
    ]);
    expect(said.stdout()).toMatch(new RegExp(expected.stdout ?? '', 'm'));
    const sessions = readdirSync(join(home, 'lake', 'bronze', 'sessions'));
    if (expected.nightRan !== undefined) expect(sessions.length).toBe(HELD.count + (expected.nightRan ? 1 : 0));
  },
);

function reading(child: ChildProcess, name: 'stdout' | 'stderr', stream: Stream): () => string {
  const pipe = child[name];
  if (stream === 'unread') pipe!.destroy();
  let text = '';
  pipe?.on('data', (chunk: Buffer) => {
    text += chunk;
    if (stream === 'closed') pipe.destroy();
  });
  return () => text;
}

function log(home: string): void {
  const line = { at: '2025-11-20T09:00:00.000Z', name: 'stage-session', id: '1', stream: 'stdout', record: {} };
  for (let lines = 0; lines < 3; lines += 1)
    appendFileSync(join(home, 'logs', 'functions.jsonl'), `${JSON.stringify(line)}\n`);
}
