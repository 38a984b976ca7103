import { isSession } from '../../calendar/calendar.ts';
import { readDay } from '../../calendar/dates.ts';
import { INDEX_EVENTS } from '../../calendar/index-events.ts';
import { alterRows } from './misbehave.ts';
import { textKey, unit } from './noise.ts';
import type { MarketResponse, Vendor, VendorRequest } from './routes.ts';
import type { TickerRow } from './source.ts';

/** Where the practice market serves the holdings of its fund: the real file's own path and query. */
export const HOLDINGS_PATH =
  '/us/products/239710/ishares-russell-2000-etf/1467271812596.ajax?fileType=csv&fileName=IWM_holdings&dataType=fund';

const HEADER =
  'Ticker,Name,Sector,Asset Class,Market Value,Weight (%),Notional Value,Quantity,Price,Location,Exchange,Currency,FX Rate,Market Currency,Accrual Date';
const BLANK = '\u00a0';
const CLOSING = `"The content contained herein is made up by the practice market.
It has the form of a fund's holdings, ""quotation marks"" and several lines included.

It says nothing about any company."`;

/** `2025-11-19` as the file writes it: `Nov 19, 2025`. */
function longDate(date: string): string {
  const options = { month: 'short', day: '2-digit', year: 'numeric', timeZone: 'UTC' } as const;
  return new Intl.DateTimeFormat('en-US', options).format(new Date(`${date}T00:00:00Z`));
}

function twoDecimals(value: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function lineOf({ ticker, name, sector, assetClass, price, exchange }: HoldingRow, total: number): string {
  const quantity = 1000 + Math.floor(unit(textKey(String(ticker), 7), 1) * 900_000);
  const value = twoDecimals(price * quantity);
  const weight = twoDecimals(100 / total);
  const cells = [
    ticker ?? '-',
    name ?? '-',
    sector,
    assetClass,
    value,
    weight,
    value,
    twoDecimals(quantity),
    twoDecimals(price),
  ];
  const rest = ['United States', exchange, 'USD', '1.00', 'USD', '-'];
  return [...cells, ...rest].map((cell) => `"${String(cell).replaceAll('"', '""')}"`).join(',');
}

/** The day whose holdings are asked for: `asOfDate=20251119`, else the last session; undefined for one without holdings. */
function dayAsked({ query, lastClosed, source }: VendorRequest): string | undefined {
  const asked = query.get('asOfDate');
  if (asked === null) return lastClosed;
  const date = asked.replace(/^(\d{4})(\d\d)(\d\d)$/, '$1-$2-$3');
  const isKnown = readDay(date) !== undefined && date <= lastClosed && date >= (source.earliest ?? date);
  return isKnown && isSession(date) ? date : undefined;
}

/** What the fund's site answers for a day without holdings. */
const NO_HOLDINGS = `\ufeffPractice Russell 2000 ETF\nFund Holdings as of,"-"\nInception Date,"May 22, 2000"\n${BLANK}\n`;

/** The whole file: byte order mark, a preamble whose length changes from day to day, the table, the closing text. */
async function answerHoldings(asked: VendorRequest): Promise<MarketResponse> {
  const { source, active } = asked;
  const [day, type] = [dayAsked(asked), 'text/csv;charset=UTF-8'];
  if (day === undefined) return { status: 200, text: NO_HOLDINGS, type };
  const holdings = fundHoldings(await source.tickers(undefined, day), day);
  const rows = alterRows(holdings, active) as HoldingRow[];
  const more = [
    'Inception Date,"May 22, 2000"',
    'Shares Outstanding,"275,150,000.00"',
    'Stock,"-"',
    'Bond,"-"',
    'Cash,"-"',
  ];
  const lines = [
    'Practice Russell 2000 ETF',
    `Fund Holdings as of,"${longDate(day)}"`,
    ...more.slice(0, 1 + (Number(day.slice(8)) % more.length)),
    BLANK,
    HEADER,
    ...rows.map((row) => lineOf(row, holdings.length)),
    BLANK,
    CLOSING,
  ];
  return { status: 200, text: `\ufeff${lines.join('\n')}\n`, type };
}

function page(status: number, words: string): MarketResponse {
  const text = `<html><head><title>${words}</title></head><body><h1>${words}</h1></body></html>\n`;
  return { status, text, type: 'text/html' };
}

/** The fund's site as far as the pipeline asks it: one file, for everybody. */
export const ishares: Vendor = {
  name: 'ishares',
  routes: [
    {
      name: 'members',
      pattern: /^\/us\/products\/239710\/ishares-russell-2000-etf\/1467271812596\.ajax$/,
      answer: answerHoldings,
    },
  ],
  authorized: () => true,
  unauthorized: () => page(403, 'Access Denied'),
  rateLimited: (_request, bare) => (bare ? { status: 429, text: '' } : page(429, 'Too Many Requests')),
  badRequest: (_request, message) => page(400, message),
};

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
const EXCLUDED: readonly HoldingRow[] = [
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
  return [...shares, ...EXCLUDED];
}
