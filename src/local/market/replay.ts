import { isSession } from '../../calendar/calendar.ts';
import { NamedError } from '../../errors.ts';
import { type DayFileRow, flatFiles, noFlatFiles } from '../../vendors/flat-files.ts';
import { assetRow } from './companies.ts';
import { byCodeUnit } from './noise.ts';
import type { BarRow, MarketSource, TickerRow } from './source.ts';

/** The calendar's years: every file there can be. */
const [FIRST, LAST] = ['1962-01-02', '2050-12-31'];

/** Nothing but the symbol is known of a replayed listing, so type, FIGI and exchange are absent. */
function tickerOf(symbol: string, date: string): TickerRow {
  const fixed = { market: 'stocks', locale: 'us', active: true, currency_name: 'usd' } as const;
  return { ticker: symbol, name: symbol, ...fixed, last_updated_utc: `${date}T00:00:00Z` };
}

/**
 * Real days out of a folder of Massive flat files. Folders are listed once, a file is read when its date is asked for;
 * one dated on a day without trading is left out, as no vendor would serve it.
 * Listings are the symbols of the newest file on or before the day asked; nothing is known of splits, dividends or delistings.
 * Errors: Usage.Invalid when the folder holds no flat files, Data.Invalid for a file that cannot be read.
 */
export async function replayMarket(folder: string): Promise<MarketSource> {
  const files = flatFiles(folder);
  const dates = (await files.sessions(FIRST, LAST)).filter(isSession);
  if (dates.length === 0) throw noFlatFiles(folder);
  let last: { date: string; rows: TickerRow[] } | undefined;

  async function barsOn(date: string): Promise<BarRow[]> {
    return (await files.session(date)).rows.map((row) => barOf(row, date));
  }
  async function tickersOn(asOf: string): Promise<TickerRow[]> {
    const date = dates.findLast((held) => held <= asOf);
    if (date === undefined) return [];
    if (last?.date !== date) {
      const symbols = new Set((await barsOn(date)).map((bar) => bar.T));
      last = { date, rows: [...symbols].sort(byCodeUnit).map((symbol) => tickerOf(symbol, date)) };
    }
    return last.rows;
  }

  return {
    kind: 'replay',
    tickers: async (market, asOf) => (market === 'otc' ? [] : tickersOn(asOf)),
    bars: async (date) => (dates.includes(date) ? barsOn(date) : []),
    splits: async () => [],
    dividends: async () => [],
    assets: async (asOf) => (await tickersOn(asOf)).map(assetRow).sort((a, b) => byCodeUnit(a.symbol, b.symbol)),
    span: async () => ({ from: dates[0], to: dates.at(-1) }),
  };
}

const COLUMNS = { o: 'open', h: 'high', l: 'low', c: 'close', v: 'volume', n: 'transactions' } as const;

/** A market serves numbers: unlike a night, which rejects such a row, it has nothing to do with any other cell. */
function barOf({ text: _, ...row }: DayFileRow, date: string): BarRow {
  for (const [field, column] of Object.entries(COLUMNS)) {
    const value = row[field as keyof typeof COLUMNS];
    if (typeof value === 'number' || (field === 'n' && value === undefined)) continue;
    throw new NamedError('Data.Invalid', {
      what: `the flat file ${date}.csv.gz cannot be replayed`,
      found: `${column} "${value ?? ''}" for ${row.T}`,
      wanted: 'a number',
      todo: 'Fetch the file again or remove it from the folder.',
    });
  }
  return row as BarRow;
}
