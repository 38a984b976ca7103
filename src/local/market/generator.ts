import { isSession, sessionAt, sessionNumber } from '../../calendar/calendar.ts';
import { NamedError } from '../../errors.ts';
import { assetRow, PLACEHOLDER_ASSETS, tickerRow } from './companies.ts';
import { dividendRows } from './dividends.ts';
import { FIRST_SESSION, generatedBar, sessionNumberOn } from './generated-bar.ts';
import { generateListings } from './listings.ts';
import { byCodeUnit, hexOf } from './noise.ts';
import type { DividendRow, MarketSource, SplitRow, TickerRow } from './source.ts';

export interface GeneratorOptions {
  /** About how many listings are active today, 1 … 20000; the odd symbols are there however small it is. */
  symbols: number;
  /** Any integer; another seed is another market. */
  seed: number;
}

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

/**
 * A whole US market out of a seed: listings, delistings, splits, dividends, one-day halts and bars for every NYSE session from
 * 1990-01-02 on. A pure function of seed, symbols and date, so a rerun meets the very same answers.
 * Errors: Usage.Invalid for symbols or seed out of range.
 */
export function generateMarket(options: GeneratorOptions): MarketSource {
  checkOptions(options);
  const listings = generateListings(options.symbols, options.seed);
  const sorted = listings.toSorted((a, b) => byCodeUnit(a.ticker, b.ticker));
  // One sync asks page after page for the same day.
  let last: { asOf: number; rows: TickerRow[] } | undefined;
  let lastDividends: { asOf: string; rows: DividendRow[] } | undefined;

  function rowsAsOf(date: string): TickerRow[] {
    const asOf = sessionNumberOn(date);
    if (last?.asOf !== asOf) {
      const rows = sorted.map((listing) => tickerRow(listing, asOf)).filter((row) => row !== undefined);
      // Some had other symbols then.
      rows.sort((a, b) => byCodeUnit(a.ticker, b.ticker));
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
    async dividends(asOf) {
      if (lastDividends?.asOf !== asOf)
        lastDividends = { asOf, rows: listings.flatMap((listing) => dividendRows(listing, asOf)) };
      return lastDividends.rows;
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
