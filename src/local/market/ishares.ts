import { alterRows } from './altered-rows.ts';
import { fundHoldings, type HoldingRow } from './fund-holdings.ts';
import type { Answer, Asked, Vendor } from './market-route.ts';
import { unit } from './noise.ts';
import { textKey } from './text-key.ts';

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

function figure(value: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

function lineOf({ ticker, name, sector, assetClass, price, exchange }: HoldingRow, total: number): string {
  const quantity = 1000 + Math.floor(unit(textKey(String(ticker), 7), 1) * 900_000);
  const value = figure(price * quantity);
  const weight = figure(100 / total);
  const cells = [ticker ?? '-', name ?? '-', sector, assetClass, value, weight, value, figure(quantity), figure(price)];
  const rest = ['United States', exchange, 'USD', '1.00', 'USD', '-'];
  return [...cells, ...rest].map((cell) => `"${String(cell).replaceAll('"', '""')}"`).join(',');
}

/** The whole file: byte order mark, a preamble whose length changes from day to day, the table, the closing text. */
async function answerHoldings({ source, lastClosed, active }: Asked): Promise<Answer> {
  const holdings = fundHoldings(await source.tickers(undefined, lastClosed), lastClosed);
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
    `Fund Holdings as of,"${longDate(lastClosed)}"`,
    ...more.slice(0, 1 + (Number(lastClosed.slice(8)) % more.length)),
    BLANK,
    HEADER,
    ...rows.map((row) => lineOf(row, holdings.length)),
    BLANK,
    CLOSING,
  ];
  return { status: 200, text: `\ufeff${lines.join('\n')}\n`, type: 'text/csv;charset=UTF-8' };
}

function page(status: number, words: string): Answer {
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
