import { companyFacts } from './companies.ts';
import { alterRows } from './misbehave.ts';
import { hash, textKey, unit } from './noise.ts';
import type { MarketRequest, MarketResponse, Vendor, VendorRequest } from './routes.ts';
import { hyphenated, type MarketDay, marketDay, type TickerRow } from './source.ts';

const RESTRICTED =
  'Restricted Endpoint: This endpoint is not available under your current subscription please visit our subscription page to upgrade your plan at https://financialmodelingprep.com/';
const PREMIUM =
  "Premium Query Parameter: 'Special Endpoint : This value set for 'symbol' is not available under your current subscription please visit our subscription page to upgrade your plan at https://financialmodelingprep.com/";
const LIMIT =
  'Limit Reach . Please upgrade your plan or visit our documentation for more details at https://site.financialmodelingprep.com/';

type MakeRow = (row: TickerRow, day: MarketDay, date: string) => object | undefined;

/** Negative for one company in thirty; missing for funds and for one company in fifty. */
const dcfRow: MakeRow = (row, { closes }, date) => {
  const key = textKey(row.ticker, 7);
  const close = closes.get(row.ticker);
  if (!companyFacts(row).isCompany || close === undefined || hash(key, 1) % 50 === 0) return undefined;
  const share = hash(key, 2) % 30 === 0 ? -0.2 : 0.5 + unit(key, 3) + 0.02 * unit(key, 4, textKey(date, 7));
  return { symbol: hyphenated(row.ticker), date, dcf: close * share, 'Stock Price': close };
};

const profileRow: MakeRow = (row, { closes }) => {
  const facts = companyFacts(row);
  const close = closes.get(row.ticker) ?? 0;
  return {
    symbol: hyphenated(row.ticker),
    price: close,
    marketCap: facts.isCompany ? Math.round(close * facts.shares) : 0,
    companyName: row.name,
    currency: 'USD',
    exchange: row.primary_exchange === 'XNAS' ? 'NASDAQ' : 'NYSE',
    industry: facts.isCompany ? facts.industry : '',
    sector: facts.isCompany ? facts.sector : '',
    description: facts.description,
    ipoDate: facts.listDate,
    isEtf: row.type === 'ETF',
    isFund: row.type === 'FUND',
  };
};

/** One symbol as a list of one row, or an empty list. */
function answerOne(make: MakeRow) {
  return async (asked: VendorRequest): Promise<MarketResponse> => {
    if (asked.active.has('payment-required')) return paymentRequired(PREMIUM);
    const day = await marketDay(asked.source, asked.lastClosed);
    const row = day.fmp.get(asked.query.get('symbol') ?? '');
    const made = row === undefined || asked.active.has('empty') ? undefined : make(row, day, asked.lastClosed);
    return { status: 200, json: alterRows(made === undefined ? [] : [made], asked.active) };
  };
}

/** Every symbol at once, values as text, as a table with a header; `part` from 0, and nothing after the first. */
function answerAll(make: MakeRow) {
  return async (asked: VendorRequest): Promise<MarketResponse> => {
    if (asked.active.has('payment-required')) return paymentRequired(RESTRICTED);
    const day = await marketDay(asked.source, asked.lastClosed);
    const listings =
      (asked.query.get('part') ?? '0') === '0' && !asked.active.has('empty') ? [...day.fmp.values()] : [];
    const rows = listings.map((row) => make(row, day, asked.lastClosed)).filter((row) => row !== undefined);
    const altered = alterRows(rows, asked.active);
    const text = asked.active.has('truncated-csv') ? cutCsv(altered) : csv(altered, quoted);
    return { status: 200, text, type: 'text/csv' };
  };
}

type Cell = (value: unknown) => string;

const quoted: Cell = (value) => `"${String(value ?? '').replaceAll('"', '""')}"`;
const bare: Cell = (value) => (/[",\n]/.test(String(value)) ? quoted(value) : String(value ?? ''));

function csv(rows: readonly object[], cell: Cell): string {
  const [first] = rows;
  if (first === undefined) return '';
  const lines = [Object.keys(first), ...rows.map((row) => Object.values(row))].map((cells) =>
    cells.map(cell).join(','),
  );
  return `${lines.join('\n')}\n`;
}

/** Half of the rows, the last one without the second half of its last cell: still as many cells as columns. */
function cutCsv(rows: readonly object[]): string {
  const whole = csv(rows.slice(0, Math.ceil(rows.length / 2)), bare).trimEnd();
  const lastCell = whole.length - whole.lastIndexOf(',') - 1;
  return whole.slice(0, whole.length - Math.ceil(lastCell / 2));
}

function paymentRequired(text: string): MarketResponse {
  return { status: 402, text, type: 'text/plain' };
}

function errorMessage(status: number, message: string): MarketResponse {
  return { status, json: { 'Error Message': message } };
}

/** Financial Modeling Prep's /stable API as far as the pipeline asks it; its plan has bulk answers. */
export const fmp: Vendor = {
  name: 'fmp',
  routes: [
    { name: 'dcf', pattern: /^\/stable\/discounted-cash-flow$/, answer: answerOne(dcfRow) },
    { name: 'dcf-bulk', pattern: /^\/stable\/dcf-bulk$/, answer: answerAll(dcfRow) },
    { name: 'profile', pattern: /^\/stable\/profile$/, answer: answerOne(profileRow) },
    { name: 'profile-bulk', pattern: /^\/stable\/profile-bulk$/, answer: answerAll(profileRow) },
  ],
  authorized: ({ headers, query }: MarketRequest) => Boolean(headers.apikey || query.get('apikey')),
  unauthorized: () =>
    errorMessage(
      401,
      'Invalid API KEY. Feel free to create a Free API Key or visit https://site.financialmodelingprep.com/faqs',
    ),
  // The same words come with either status.
  rateLimited: (_request, bare) => errorMessage(bare ? 200 : 429, LIMIT),
  badRequest: (_request, message) => errorMessage(400, message),
};
