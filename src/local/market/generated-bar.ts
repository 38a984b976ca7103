import { isSession, previousSession, sessionNumber } from '../../calendar/calendar.ts';
import { type Listing, tickerIn } from './listings.ts';
import { hash, unit, walk } from './noise.ts';
import type { BarRow } from './source.ts';

export const FIRST_SESSION = '1990-01-02';

/** The number of the last session on or before a calendar date; dates before the history count as its first session. */
export function sessionNumberOn(date: string): number {
  if (date <= FIRST_SESSION) return sessionNumber(FIRST_SESSION);
  return sessionNumber(isSession(date) ? date : previousSession(date));
}

const HALT_SHARE = 0.0025;
const BARE_SHARE = 0.02;

function round4(price: number): number {
  return Math.max(Math.round(price * 1e4) / 1e4, 1e-4);
}

/** What one of today's shares was in shares of session `n`: multiplies prices, divides volumes. */
export function shareFactor(listing: Listing, n: number): number {
  let factor = 1;
  for (const split of listing.splits) if (split.session <= n) factor *= split.from / split.to;
  return factor;
}

/**
 * The unadjusted bar of session number `n`, or undefined when the listing did not trade: not yet listed, delisted or
 * halted for the day. Prices in USD with four decimals, l <= o,c <= h; `v` is whole but for one bar in a hundred;
 * `vw` and `n` are missing on one in fifty.
 */
export function generatedBar(listing: Listing, n: number): BarRow | undefined {
  const { key, sigma } = listing;
  if (n < listing.born || n >= listing.died || unit(key, 60, n) < HALT_SHARE) return undefined;
  const factor = shareFactor(listing, n);
  const closeAt = (session: number) => Math.exp(listing.baseLog + sigma * walk(key, session)) * factor;
  const close = closeAt(n);
  // The previous close on this session's share basis, so that a split is a jump between sessions, not within one.
  const open = closeAt(n - 1) * Math.exp(sigma * (unit(key, 61, n) - 0.5));
  const o = round4(open);
  const c = round4(close);
  const h = round4(Math.max(open, close) * (1 + sigma * unit(key, 62, n)));
  const l = round4(Math.min(open, close) * (1 - sigma * unit(key, 63, n)));
  const busy = Math.exp(2 * (unit(key, 64, n) + unit(key, 65, n) - 1));
  const whole = Math.max(1, Math.round((listing.baseVolume * busy) / factor));
  const v = hash(key, 66, n) % 100 === 0 ? whole + (1 + (hash(key, 67, n) % 9)) / 10 : whole;
  const row: BarRow = { T: tickerIn(listing, n), o, h, l, c, v };
  if (unit(key, 68, n) >= BARE_SHARE) {
    row.vw = Math.round((l + (h - l) * unit(key, 69, n)) * 1e4) / 1e4;
    row.n = Math.max(1, Math.round(whole / (40 + 160 * unit(key, 70, n))));
  }
  if (listing.market === 'otc') row.otc = true;
  return row;
}
