import { sessionAt } from '../../calendar/sessions.ts';
import type { Listing } from './listings.ts';
import type { TickerRow } from './market-source.ts';
import { hash, unit } from './noise.ts';
import { hexOf } from './text-key.ts';

/** The vendor's reference row of a listing as session number `asOf` knew it; undefined before it was listed. */
export function tickerRow(listing: Listing, asOf: number): TickerRow | undefined {
  if (listing.born > asOf) return undefined;
  const { key, ticker, name, market, exchange, type, died } = listing;
  const active = died > asOf;
  const figi = unit(key, 50) < 0.9;
  const updated =
    listing.born === Number.NEGATIVE_INFINITY ? sessionAt(-1 - (hash(key, 51) % 250)) : sessionAt(listing.born);
  return {
    ticker,
    name,
    market,
    locale: 'us',
    ...(exchange !== undefined && { primary_exchange: exchange }),
    ...(unit(key, 52) < 0.97 && { type }),
    active,
    currency_name: 'usd',
    ...(type === 'CS' && unit(key, 53) < 0.92 && { cik: String(hash(key, 54) % 2_000_000).padStart(10, '0') }),
    ...(figi && { composite_figi: `BBG0${hexOf(key, 8).toUpperCase()}` }),
    ...(figi && unit(key, 55) < 0.98 && { share_class_figi: `BBG1${hexOf(key ^ 55, 8).toUpperCase()}` }),
    ...(!active && { delisted_utc: `${sessionAt(died)}T00:00:00Z` }),
    last_updated_utc: `${active ? updated : sessionAt(died)}T00:00:00Z`,
  };
}
