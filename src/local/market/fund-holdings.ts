import { INDEX_EVENTS } from '../../calendar/index-events.ts';
import type { TickerRow } from './market-source.ts';
import { unit } from './noise.ts';
import { textKey } from './text-key.ts';

/** A row of the fund's table as the practice market makes it, before it is written as CSV. */
export interface HoldingRow {
  ticker: string;
  name: string | null;
  sector: string;
  assetClass: string;
  price: number;
  exchange: string;
}

const MEMBER_SHARE = 0.75;
/** A word that is a device elsewhere, and a class whose dot the file leaves out. */
const ALWAYS: ReadonlySet<string> = new Set(['CON', 'BRK.B']);
/** Of every hundred members three are others after each reconstitution. */
const KEPT_SHARE = 0.97;
/** Far from any year: the draw of a year's second reconstitution. */
const SECOND_DRAW = 10_000;
const SECTORS = ['Industrials', 'Health Care', 'Financials', 'Information Technology', 'Energy', 'Materials'];
const EXCHANGES: Record<string, string> = {
  XNYS: 'New York Stock Exchange Inc.',
  XNAS: 'NASDAQ',
  XASE: 'Nyse Mkt Llc',
  BATS: 'Cboe BZX',
};

/** What a real file has besides shares: cash, a money fund, a future, escrows and rights without a market. */
const BESIDES: readonly HoldingRow[] = [
  row('XTSLA', 'BLK CSH FND TREASURY SL AGENCY', 'Cash and/or Derivatives', 'Money Market', 1, '-'),
  row('USD', 'USD CASH', 'Cash and/or Derivatives', 'Cash', 100, '-'),
  row('CAD', 'CAD CASH', 'Cash and/or Derivatives', 'Cash', 73.2, '-'),
  row('MSFUT', 'CASH COLLATERAL MSFUT USD', 'Cash and/or Derivatives', 'Cash Collateral and Margins', 100, '-'),
  row('-', 'PRACTICE CVR', 'Health Care', 'Equity', 0.01, 'NO MARKET (E.G. UNLISTED)'),
  row('P5N994', 'PRACTICE ESCROW', 'Energy', 'Equity', 0.1, 'NO MARKET (E.G. UNLISTED)'),
  row('ADRO', 'PRACTICE CVR ADRO', 'Health Care', 'Equity', 0.05, 'NO MARKET (E.G. UNLISTED)'),
  row('ADRO', 'PRACTICE CVR ADRO', 'Health Care', 'Equity', 0.05, 'NO MARKET (E.G. UNLISTED)'),
  row('TSEOF', 'PRACTICE NON-NMS', 'Industrials', 'Equity', 0.2, 'Non-Nms Quotation Service (Nnqs)'),
  row('GTXI', 'PRACTICE LEFTOVER', 'Health Care', 'Equity', 0, 'NASDAQ'),
  row('RTYM6', 'RUSSELL 2000 EMINI CME', 'Cash and/or Derivatives', 'Futures', 2_150.4, 'Index And Options Market'),
];

function row(ticker: string, name: string, sector: string, assetClass: string, price: number, exchange: string) {
  return { ticker, name, sector, assetClass, price, exchange };
}

/** Whether a listing belongs to the practice index on a date; a function of its ticker and the reconstitution before. */
function isMember(ticker: TickerRow, date: string): boolean {
  const { active, market, type, primary_exchange: exchange, ticker: symbol } = ticker;
  // Of a replayed day nothing but symbols is known.
  const isStock = type === 'CS' || (type === undefined && exchange === undefined);
  if (!active || market !== 'stocks' || !isStock) return false;
  const key = textKey(symbol, 6);
  return ALWAYS.has(symbol) || (unit(key, 1) < MEMBER_SHARE && unit(key, 2, drawOf(date)) < KEPT_SHARE);
}

/** A number for the time since one reconstitution; before the first one listed it is a year's. */
function drawOf(date: string): number {
  const latest = INDEX_EVENTS.findLast((event) => event.date <= date)?.date;
  if (latest === undefined) return Number(date.slice(0, 4)) - (date.slice(5) < '06-26' ? 1 : 0);
  return Number(latest.slice(0, 4)) + (latest.slice(5) < '07' ? 0 : SECOND_DRAW);
}

/** The fund's table on a date: members without the dots of their classes, then what is no share. */
export function fundHoldings(tickers: readonly TickerRow[], date: string): HoldingRow[] {
  const members = tickers.filter((ticker) => isMember(ticker, date));
  const shares = members.map(({ ticker, name, primary_exchange: exchange }) => {
    const key = textKey(ticker, 6);
    const sector = SECTORS[Math.floor(unit(key, 3) * SECTORS.length)]!;
    const price = Math.round((4 + unit(key, 4) * 200) * 100) / 100;
    return row(
      ticker.replaceAll('.', ''),
      name.toUpperCase(),
      sector,
      'Equity',
      price,
      EXCHANGES[exchange ?? ''] ?? 'NASDAQ',
    );
  });
  return [...shares, ...BESIDES];
}
