import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Retrier } from '../../../src/local/states/machine.ts';
import { RetryCounts, retryDelay } from '../../../src/local/states/try-task.ts';

const retrier = (over: Partial<Retrier> = {}): Retrier => ({
  errorEquals: ['States.ALL'],
  intervalSeconds: 1,
  maxAttempts: 3,
  backoffRate: 2,
  maxDelaySeconds: undefined,
  jitter: 'NONE',
  ...over,
});
const never = (): number => {
  throw new Error('randomness was asked for');
};

describe('retryDelay', () => {
  test('the first retry waits IntervalSeconds, each later one BackoffRate times longer', () => {
    const delays = [0, 1, 2, 3].map((retries) => retryDelay(retrier({ intervalSeconds: 3 }), retries, never));
    expect(delays).toEqual([3, 6, 12, 24]);
  });

  test('BackoffRate 1 keeps the interval', () => {
    expect(retryDelay(retrier({ intervalSeconds: 900, backoffRate: 1 }), 11, never)).toBe(900);
  });

  test('a delay too large to count is cut at MaxDelaySeconds', () => {
    expect(retryDelay(retrier({ maxDelaySeconds: 60 }), 5_000, never)).toBe(60);
  });

  test('full jitter lies between nothing and the full delay and grows with the random number', () => {
    const inputs = fc.tuple(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 0, max: 20 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
    );
    fc.assert(
      fc.property(inputs, ([intervalSeconds, retries, random]) => {
        const plain = retrier({ intervalSeconds, maxDelaySeconds: 5000 });
        const full = retryDelay(plain, retries, never);
        const jittered = retryDelay({ ...plain, jitter: 'FULL' }, retries, () => random);
        expect(jittered).toBe(random * full);
        expect(full).toBeLessThanOrEqual(5000);
      }),
    );
  });
});

describe('RetryCounts', () => {
  test('gives a delay MaxAttempts times, then none', () => {
    const counts = new RetryCounts([retrier({ maxAttempts: 2 })]);
    expect([1, 2, 3].map(() => counts.next('X', never))).toEqual([1, 2, undefined]);
  });

  test('terminal errors and errors nothing names are not retried', () => {
    const counts = new RetryCounts([retrier({ errorEquals: ['X'] }), retrier()]);
    expect(counts.next('States.Runtime', never)).toBeUndefined();
    expect(new RetryCounts([retrier({ errorEquals: ['X'] })]).next('Y', never)).toBeUndefined();
  });
});
