import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inFlight } from '../src/concurrency.ts';

test('work is begun in order, at most so many at once', async () => {
  const begun: number[] = [];
  let [running, most] = [0, 0];
  await inFlight([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
    begun.push(item);
    running += 1;
    most = Math.max(most, running);
    for (let turns = 0; turns < item % 3; turns += 1) await turn();
    running -= 1;
  });
  expect({ begun, most }).toEqual({ begun: [1, 2, 3, 4, 5, 6, 7], most: 3 });
});

test('the error thrown is the one that came first, once the work under way has ended and with nothing begun after it', async () => {
  const log: string[] = [];
  const failing = inFlight(['slow', 'quick', 'never'], 2, async (item) => {
    log.push(`begun ${item}`);
    for (let turns = 0; item === 'slow' && turns < 5; turns += 1) await turn();
    log.push(`ended ${item}`);
    throw new Error(item);
  });
  await expect(failing).rejects.toThrow('quick');
  expect(log).toEqual(['begun slow', 'begun quick', 'ended quick', 'ended slow']);
});

test('a signal stops the taking of items with Job.Interrupted', async () => {
  const stop = new AbortController();
  const begun: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    if (item === 2) stop.abort();
  };
  await expect(inFlight([1, 2, 3, 4], 1, work, stop.signal)).rejects.toThrow('the job was told to stop');
  expect(begun).toEqual([1, 2]);
});
