import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { exclusively } from '../../src/lake/file-lake.ts';
import { temporaryFolder } from '../local/programs.ts';

afterEach(() => void vi.useRealTimers());

test('one works at a time, everyone in the end', async () => {
  const folder = temporaryFolder();
  let inside = 0;
  let most = 0;
  const work = async (index: number) => {
    inside += 1;
    most = Math.max(most, inside);
    for (let round = 0; round < 5; round += 1) await turn();
    inside -= 1;
    return index;
  };
  const ends = await Promise.all(
    Array.from({ length: 10 }, (_, index) => exclusively(join(folder, 'lock'), () => work(index))),
  );
  expect(ends).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(most).toBe(1);
  expect(readdirSync(folder)).toEqual([]);
});

test('a holder that died is passed over, by many at once', async () => {
  const folder = temporaryFolder();
  const dead = spawnSync(process.execPath, ['-e', '']).pid;
  writeFileSync(join(folder, 'lock'), `${dead} left behind`);
  const ends = await Promise.all([1, 2, 3].map((index) => exclusively(join(folder, 'lock'), async () => index)));
  expect(ends).toEqual([1, 2, 3]);
  expect(readdirSync(folder)).toEqual([]);
});

test('a failing work frees the lock and keeps its error', async () => {
  const lock = join(temporaryFolder(), 'lock');
  const failing = exclusively(lock, async () => {
    throw new Error('the work failed');
  });
  await expect(failing).rejects.toThrow('the work failed');
  expect(await exclusively(lock, async () => 'next')).toBe('next');
});

test('a living holder is waited for', async () => {
  // However long the holder takes here, its lock gets no older.
  vi.useFakeTimers({ toFake: ['Date'] });
  const folder = temporaryFolder();
  const lock = join(folder, 'lock');
  const order: string[] = [];
  let finish = () => {};
  const first = exclusively(lock, () =>
    new Promise<void>((resolve) => (finish = resolve)).then(() => order.push('first')),
  );
  while (!readdirSync(folder).includes('lock')) await turn();
  const second = exclusively(lock, async () => order.push('second'));
  for (let round = 0; round < 20; round += 1) await turn();
  finish();
  await Promise.all([first, second]);
  expect(order).toEqual(['first', 'second']);
});
