import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createLimiter } from '../../src/vendors/rate-limiter.ts';

/** A clock that only moves when somebody sleeps or the test lets time pass. */
function virtualClock() {
  let now = 1_000_000;
  return {
    now: () => now,
    pass: (ms: number) => {
      now += ms;
    },
    sleep: async (ms: number) => {
      now += ms;
    },
  };
}

describe('limiter', () => {
  test('no minute, wherever it begins, sees more calls than the budget, however the calls come', async () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 30 }), gaps, async (callsPerMinute, pauses) => {
        const clock = virtualClock();
        const limiter = createLimiter({ callsPerMinute, ...clock });
        const starts: number[] = [];
        for (const pause of pauses) {
          clock.pass(pause);
          await limiter.take();
          starts.push(clock.now());
        }
        for (const from of starts) {
          // Rounding of fractions of a millisecond must not count as one call too many.
          const within = starts.filter((at) => at >= from && at < from + 60_000 - 0.001);
          expect(within.length).toBeLessThanOrEqual(callsPerMinute);
        }
      }),
    );
  });

  test('callers at the same time get turns one after another', async () => {
    const slept: number[] = [];
    const limiter = createLimiter({ callsPerMinute: 5, now: () => 0, sleep: async (ms) => void slept.push(ms) });
    await Promise.all([limiter.take(), limiter.take(), limiter.take()]);
    expect(slept).toEqual([12_000, 24_000]);
  });

  test('idle time saves up no more than one call', async () => {
    const clock = virtualClock();
    const limiter = createLimiter({ callsPerMinute: 6, ...clock });
    await limiter.take();
    clock.pass(600_000);
    const begin = clock.now();
    for (let call = 0; call < 4; call++) await limiter.take();
    expect(clock.now() - begin).toBe(30_000);
  });

  test('0 calls a minute and a switched-off limiter let everything through', async () => {
    const clock = virtualClock();
    const unlimited = createLimiter({ callsPerMinute: 0, ...clock });
    const off = createLimiter({ callsPerMinute: 1, ...clock });
    off.switchOff();
    for (let call = 0; call < 100; call++) await Promise.all([unlimited.take(), off.take()]);
    expect(clock.now()).toBe(1_000_000);
  });

  test('a turn after the deadline is Vendor.RateLimited at once and takes no turn', async () => {
    const clock = virtualClock();
    const limiter = createLimiter({ callsPerMinute: 5, vendor: 'Polygon', ...clock });
    await limiter.take();
    const late = limiter.take({ deadline: clock.now() + 11_000 });
    await expect(late).rejects.toMatchObject({ name: 'Vendor.RateLimited', retryAfterSeconds: 12 });
    await limiter.take({ deadline: clock.now() + 12_000 });
    expect(clock.now()).toBe(1_012_000);
  });

  test('a wall clock set back by days adds no wait', async () => {
    const slept: number[] = [];
    vi.useFakeTimers({ toFake: ['Date'], now: 1_000_000_000 });
    try {
      const limiter = createLimiter({ callsPerMinute: 5, sleep: async (ms) => void slept.push(ms) });
      await limiter.take();
      vi.setSystemTime(1_000_000_000 - 3 * 86_400_000);
      await limiter.take({ deadline: Date.now() + 60_000 });
    } finally {
      vi.useRealTimers();
    }
    expect(slept).toHaveLength(1);
    expect(slept.every((ms) => ms <= 12_000)).toBe(true);
  });

  test('a wait ends early with the reason of an abort', async () => {
    const limiter = createLimiter({ callsPerMinute: 1 });
    await limiter.take();
    const stop = new AbortController();
    const waiting = limiter.take({ signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});
