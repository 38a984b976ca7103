import { isSession, previousSession, sessionAt, sessionNumber } from '../../calendar/sessions.ts';
import { NamedError } from '../../errors.ts';
import { assetRow, PLACEHOLDER_ASSETS } from './asset-row.ts';
import { byCodeUnit } from './code-unit-order.ts';
import { generatedBar } from './generated-bar.ts';
import { generateListings } from './listings.ts';
import type { MarketSource, SplitRow, TickerRow } from './market-source.ts';
import { hexOf } from './text-key.ts';
import { tickerRow } from './ticker-row.ts';

export interface GeneratorOptions {
  /** About how many listings are active today, 1 … 20000; the odd symbols are there however small it is. */
  symbols: number;
  /** Any integer; another seed is another market. */
  seed: number;
}

const FIRST_SESSION = '1990-01-02';
const MOST_SYMBOLS = 20_000;

function checkOptions({ symbols, seed }: GeneratorOptions): void {
  if (!Number.isInteger(symbols) || symbols < 1 || symbols > MOST_SYMBOLS)
    throw new NamedError('Usage.Invalid', {
      what: 'the practice market cannot have that many symbols',
      found: String(symbols),
      wanted: `an integer from 1 to ${MOST_SYMBOLS}`,
      todo: 'Set SYMBOLS accordingly.',
    });
  if (!Number.isSafeInteger(seed))
    throw new NamedError('Usage.Invalid', {
      what: 'the seed is no integer',
      found: String(seed),
      wanted: 'an integer',
    });
}

/** The number of the last session on or before a calendar date; dates before the history count as its first session. */
function sessionNumberOn(date: string): number {
  if (date <= FIRST_SESSION) return sessionNumber(FIRST_SESSION);
  return sessionNumber(isSession(date) ? date : previousSession(date));
}

/**
 * A whole US market out of a seed: listings, delistings, splits, one-day halts and bars for every NYSE session from
 * 1990-01-02 on. A pure function of seed, symbols and date, so a rerun meets the very same answers.
 * Errors: Usage.Invalid for symbols or seed out of range.
 */
export function generateMarket(options: GeneratorOptions): MarketSource {
  checkOptions(options);
  const listings = generateListings(options.symbols, options.seed);
  const sorted = listings.toSorted((a, b) => byCodeUnit(a.ticker, b.ticker));
  // One sync asks page after page for the same day.
  let last: { asOf: number; rows: TickerRow[] } | undefined;

  function rowsAsOf(date: string): TickerRow[] {
    const asOf = sessionNumberOn(date);
    if (last?.asOf !== asOf) {
      const rows = sorted.map((listing) => tickerRow(listing, asOf)).filter((row) => row !== undefined);
      last = { asOf, rows };
    }
    return last.rows;
  }

  return {
    kind: 'generated',
    earliest: FIRST_SESSION,
    async tickers(market, asOf) {
      const rows = rowsAsOf(asOf);
      return market === undefined ? rows : rows.filter((row) => row.market === market);
    },
    async bars(date) {
      if (!isSession(date) || date < FIRST_SESSION) return [];
      const n = sessionNumber(date);
      return listings.map((listing) => generatedBar(listing, n)).filter((row) => row !== undefined);
    },
    async splits() {
      return listings.flatMap(({ ticker, key, splits }) =>
        splits.map(
          (split): SplitRow => ({
            id: `P${hexOf(key ^ split.session, 15)}`,
            execution_date: sessionAt(split.session),
            split_from: split.from,
            split_to: split.to,
            ticker,
          }),
        ),
      );
    },
    async assets(asOf) {
      const rows = [...rowsAsOf(asOf).map(assetRow), ...PLACEHOLDER_ASSETS];
      return rows.sort((a, b) => byCodeUnit(a.symbol, b.symbol));
    },
    async span() {
      return { from: FIRST_SESSION };
    },
  };
}
