import { matchesError } from './failure.ts';
import type { Retrier } from './machine.ts';

/**
 * Seconds to wait before the next try.
 * @param retries tries this retrier has already caused: 0 before the first retry.
 * @param random in [0, 1), asked only for JitterStrategy FULL, which waits between nothing and the full delay.
 */
export function retryDelay(retrier: Retrier, retries: number, random: () => number): number {
  const delay = Math.min(
    retrier.intervalSeconds * retrier.backoffRate ** retries,
    retrier.maxDelaySeconds ?? Number.MAX_SAFE_INTEGER,
  );
  return retrier.jitter === 'FULL' ? random() * delay : delay;
}

/** Counts the retries of one state's entry; every retrier has a count of its own. */
export class RetryCounts {
  readonly #retriers: readonly Retrier[];
  readonly #counts: number[];

  constructor(retriers: readonly Retrier[]) {
    this.#retriers = retriers;
    this.#counts = retriers.map(() => 0);
  }

  /** Seconds until the next try, or undefined when there is none: the first retrier that matches decides alone. */
  next(error: string | undefined, random: () => number): number | undefined {
    const index = this.#retriers.findIndex(({ errorEquals }) => matchesError(errorEquals, error));
    const retrier = this.#retriers[index];
    const count = this.#counts[index] ?? 0;
    if (retrier === undefined || count >= retrier.maxAttempts) return undefined;
    this.#counts[index] = count + 1;
    return retryDelay(retrier, count, random);
  }
}
