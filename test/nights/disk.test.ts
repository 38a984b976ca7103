import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { LOG_BYTES } from '../../src/local/rotate-logs.ts';
import { afterbell } from './command.ts';
import { scratch } from './scene.ts';

let home: string;
let env: Record<string, string>;
const logged = (name: string) => join(home, 'logs', name);
const lineOf = (runId: string) =>
  `${JSON.stringify({ at: '2025-01-01T00:00:00Z', name: 'sync-tickers', record: { runId, message: 'once' } })}\n`;

beforeAll(async () => {
  home = join(scratch(), 'home');
  env = { AFTERBELL_HOME: home };
  const { code, stderr } = await afterbell(['night'], env);
  expect(code, stderr).toBe(0);
});

test('status names what takes the disk, and what a night adds once two sessions had theirs', async () => {
  const before = JSON.parse((await afterbell(['status', '--json'], env)).stdout).disk;
  expect(Object.keys(before.parts)).toEqual(
    expect.arrayContaining(['lake/bronze', 'lake/silver', 'warehouse', 'write-ahead log', 'tables', 'logs']),
  );
  const sum = Object.values<number>(before.parts).reduce((total, bytes) => total + bytes, 0);
  expect(before).toMatchObject({ total: sum, growth: null });

  const [measured] = readFileSync(logged('disk.jsonl'), 'utf8').trim().split('\n');
  const { total } = JSON.parse(measured!) as { total: number };
  // A session's second night counts in place of its first.
  for (const [session, more] of [
    ['2026-01-05', 9e6],
    ['2026-01-05', 1.5e6],
    ['2026-01-06', 3e6],
  ] as const)
    appendFileSync(logged('disk.jsonl'), `${JSON.stringify({ session, total: total + more })}\n`);
  const { stdout } = await afterbell(['status'], env);
  expect(stdout).toMatch(/^Disk: [\d.]+ MB: .*\blake\/bronze [\d.]+/m);
  expect(stdout).toContain('A night adds 1.5 MB, by the last 2 nights.');
});

test('a large log is set aside by the next command that writes, four of each are kept, and `logs` reads them all', async () => {
  const log = logged('functions.jsonl');
  for (const number of [1, 2, 3, 4]) writeFileSync(`${log}.${number}`, lineOf(`old-${number}`));
  writeFileSync(log, lineOf('yesterday') + `${'x'.repeat(LOG_BYTES)}\n`);
  expect(await afterbell(['night'], env)).toMatchObject({ code: 0 });
  expect(existsSync(`${log}.5`)).toBe(false);
  expect(readFileSync(`${log}.4`, 'utf8')).toBe(lineOf('old-3'));
  const asked = (run: string) => afterbell(['logs', 'sync-tickers', '--run', run], env);
  expect(await asked('yesterday')).toMatchObject({ code: 0, stdout: expect.stringContaining('once') });
  expect(await asked('old-3')).toMatchObject({ code: 0 });
  expect(await asked('old-4')).toMatchObject({ code: 1 });
});
