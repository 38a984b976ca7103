import { setTimeout as timer } from 'node:timers/promises';
import { NamedError } from '../errors.ts';

export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>;

/** Waits by the real clock; ends early with the signal's reason. */
export const realSleep: Sleep = async (ms, signal) => {
  try {
    await timer(ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
};

export interface Limiter {
  /** Resolves when a call may start. `deadline` is epoch ms: a turn after it is Vendor.RateLimited at once. */
  take(wait?: { signal?: AbortSignal; deadline?: number }): Promise<void>;
  /** Lets every later call through: practice answers have no budget. */
  switchOff(): void;
}

/**
 * A token bucket that holds one token: calls are at least 60/callsPerMinute seconds apart, so no minute, wherever
 * it begins, sees more than callsPerMinute of them. A larger bucket would let nearly twice as many into one minute.
 * 0 means no limit.
 */
export function createLimiter(options: {
  callsPerMinute: number;
  /** Monotonic clock in ms. A test's `now` is also its `wall`, unless that is given. */
  now?: () => number;
  wall?: () => number;
  sleep?: Sleep;
  vendor?: string;
}): Limiter {
  const { callsPerMinute, sleep = realSleep, vendor = 'the vendor' } = options;
  // A wall clock that is set back by a day would keep the next call waiting for a day; deadlines are the wall clock's.
  const { now = () => performance.now(), wall = options.now ?? Date.now } = options;
  const apartMs = callsPerMinute > 0 ? 60_000 / callsPerMinute : 0;
  let off = apartMs === 0;
  let nextTurn = Number.NEGATIVE_INFINITY;
  return {
    async take({ signal, deadline } = {}) {
      if (off) return;
      const start = now();
      const turn = Math.max(start, nextTurn);
      if (deadline !== undefined && wall() + turn - start > deadline) {
        const seconds = Math.ceil((turn - start) / 1000);
        const text = {
          what: `The next call to ${vendor} is due only after the time this run has left`,
          found: `${seconds} s to wait at ${callsPerMinute} calls a minute`,
        };
        throw new NamedError('Vendor.RateLimited', text, { retryAfterSeconds: seconds });
      }
      // The turn is taken before the wait, so that callers at the same time queue up instead of going together.
      nextTurn = turn + apartMs;
      if (turn > start) await sleep(turn - start, signal);
    },
    switchOff() {
      off = true;
    },
  };
}
