import { isNamed, NamedError } from '../errors.ts';

const FIRST_MS = 500;
const LONGEST_MS = 4_000;
/** A vendor's wish up to here is waited for within the call; a longer one is the state machine's to wait. */
const LONGEST_WISH_SECONDS = 5;

/**
 * Milliseconds until the next try within one call, or undefined when trying again is pointless or not ours to wait
 * for. Full jitter: anything between nothing and twice the previous limit, so that callers do not come back together.
 * @param tries tries made so far, from 1
 */
export function quickPause(error: unknown, tries: number, random: () => number): number | undefined {
  if (!(error instanceof NamedError)) return undefined;
  const wish = error.retryAfterSeconds;
  if (wish !== undefined && wish > LONGEST_WISH_SECONDS) return undefined;
  if (isNamed(error, 'Vendor.RateLimited')) return wish === undefined ? undefined : wish * 1000;
  if (!isNamed(error, 'Vendor.Unavailable', 'Vendor.TruncatedBody')) return undefined;
  if (wish !== undefined) return wish * 1000;
  return Math.floor(random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1)));
}
