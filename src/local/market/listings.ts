import { sessionNumber } from '../../calendar/calendar.ts';
import { hash, textKey, unit } from './noise.ts';
import type { MarketKind } from './source.ts';

/** A split takes effect at the opening of session number `session`. */
export interface ListingSplit {
  session: number;
  from: number;
  to: number;
}

/** One generated security with everything that decides its rows and bars. Sessions are calendar session numbers. */
export interface Listing extends NamedSymbol {
  key: number;
  /** First session with a bar; -Infinity when it was listed before the served history. */
  born: number;
  /** First session without it; Infinity when it is never delisted. */
  died: number;
  splits: ListingSplit[];
  /** The symbol it had before session number `until`, when it took its present one. */
  former?: { ticker: string; until: number };
  /** Natural logarithm of its middle price in USD on today's share basis. */
  baseLog: number;
  /** Scale of a daily log return; the largest move is about seven times this. */
  sigma: number;
  baseVolume: number;
}

const LATE_SHARE = 0.06;
const DELISTED_SHARE = 0.04;
const SPLIT_EVERY = 40;
// About 1.1 % of all listings are still to come and 3.3 % are gone in the middle 2020s.
const ACTIVE_SHARE = 0.956;
const RATIOS: readonly (readonly [from: number, to: number])[] = [
  [1, 2],
  [10, 1],
  [1, 4],
  [20, 1],
  [2, 3],
  [1, 10],
];

/** A session of life events: half of them anywhere since 1991, half in recent and coming years. */
function eventSession(key: number, stream: number): number {
  const last = sessionNumber('2029-12-31');
  const first = unit(key, stream, 1) < 0.5 ? sessionNumber('1991-01-02') : sessionNumber('2019-01-02');
  return first + Math.floor(unit(key, stream, 2) * (last - first));
}

function lifeOf(key: number): { born: number; died: number } {
  const draw = unit(key, 20);
  if (draw < LATE_SHARE) return { born: eventSession(key, 21), died: Number.POSITIVE_INFINITY };
  if (draw < LATE_SHARE + DELISTED_SHARE) return { born: Number.NEGATIVE_INFINITY, died: eventSession(key, 22) };
  return { born: Number.NEGATIVE_INFINITY, died: Number.POSITIVE_INFINITY };
}

/** Every 40th listing splits once in 2015–2026, every third of those twice, forward and reverse in turn. */
function splitsOf(index: number, key: number, life: { born: number; died: number }): ListingSplit[] {
  if (index % SPLIT_EVERY !== 3) return [];
  const turn = Math.floor(index / SPLIT_EVERY);
  const first = sessionNumber('2015-01-02');
  const span = sessionNumber('2026-12-31') - first;
  const count = turn % 3 === 2 ? 2 : 1;
  const splits = Array.from({ length: count }, (_, i) => {
    const [from, to] = RATIOS[(turn + i) % RATIOS.length]!;
    // Two splits of one listing lie in the two halves, so they never share a session.
    const part = (i + unit(key, 30, i)) / count;
    return { session: first + Math.floor(part * span), from, to };
  });
  return splits.filter(({ session }) => session > life.born && session < life.died);
}

/** Every 40th listing had another symbol until a session in 2013–2024; none of those that split. */
function formerOf(name: NamedSymbol, index: number, key: number, life: { born: number; died: number }) {
  if (index < ODD_SYMBOLS.length || index % SPLIT_EVERY !== 23 || !/^[A-Z]{3,4}$/.test(name.ticker)) return {};
  const [first, last] = [sessionNumber('2013-01-02'), sessionNumber('2024-12-31')];
  const until = first + Math.floor(unit(key, 23) * (last - first));
  // Generated symbols have no Q in them: nobody else has or had this one.
  return until > life.born && until < life.died ? { former: { ticker: `Q${name.ticker}`, until } } : {};
}

/** What a listing was called in a session. */
export function tickerIn({ ticker, former }: Listing, session: number): string {
  return former !== undefined && session < former.until ? former.ticker : ticker;
}

function listingOf(name: NamedSymbol, index: number, seed: number): Listing {
  const key = textKey(name.ticker, seed);
  const life =
    index < ODD_SYMBOLS.length ? { born: Number.NEGATIVE_INFINITY, died: Number.POSITIVE_INFINITY } : lifeOf(key);
  const [low, high] = name.market === 'otc' ? [0.1, 20] : [4, 300];
  return {
    ...name,
    key,
    ...life,
    splits: splitsOf(index, key, life),
    ...formerOf(name, index, key, life),
    baseLog: Math.log(low) + unit(key, 40) * Math.log(high / low),
    sigma: name.type === 'ETF' ? 0.003 + unit(key, 41) * 0.006 : 0.006 + unit(key, 41) * 0.014,
    baseVolume: 10 ** (3.2 + unit(key, 42) * (name.market === 'otc' ? 2 : 3.8)),
  };
}

/** The whole universe of a seed, sized so that about `symbols` of its listings are active today. */
export function generateListings(symbols: number, seed: number): Listing[] {
  const names = nameListings(Math.round(symbols / ACTIVE_SHARE), seed);
  return names.map((name, index) => listingOf(name, index, seed));
}

const LETTERS = 'ABCDEFGHJLMNOPRSTVWXYZ';
const FIRST_WORDS =
  'Amber Alder Beacon Birch Cedar Cobalt Delta Ember Falcon Granite Harbor Indigo Juniper Keystone Lantern Maple Northern Onyx Prairie Quarry River Summit Timber Union Valley Western';
const SECOND_WORDS =
  'Analytics Bancorp Biosciences Capital Devices Energy Foods Genetics Health Industries Labs Logistics Materials Media Metals Networks Partners Power Realty Retail Robotics Semiconductor Software Systems Therapeutics Water';
const STOCK_EXCHANGES = ['XNYS', 'XNAS', 'XNAS', 'XASE'];
const FUND_EXCHANGES = ['ARCX', 'ARCX', 'BATS', 'XNAS'];

/** Share of each security type among exchange-listed symbols; the rest is common stock. */
const TYPE_SHARES: readonly (readonly [type: string, share: number])[] = [
  ['ETF', 0.24],
  ['ADRC', 0.05],
  ['PFD', 0.05],
  ['WARRANT', 0.03],
  ['FUND', 0.03],
  ['UNIT', 0.02],
];
const OTC_SHARE = 0.12;

function pick<T>(from: readonly T[], key: number, a: number, b = 0): T {
  return from[hash(key, a, b) % from.length]!;
}

function letters(key: number, count: number, attempt: number): string {
  return Array.from({ length: count }, (_, i) => LETTERS[hash(key, 10 + i, attempt) % LETTERS.length]).join('');
}

function typeOf(key: number): string {
  let rest = unit(key, 2);
  for (const [type, share] of TYPE_SHARES) {
    if (rest < share) return type;
    rest -= share;
  }
  return 'CS';
}

function tickerOf(type: string, otc: boolean, key: number, attempt: number): string {
  // OTC symbols have five letters, foreign ones end in F and depositary receipts in Y.
  if (otc) return letters(key, 4, attempt) + (type === 'ADRC' ? 'Y' : 'F');
  const root = letters(key, type === 'CS' ? 3 + (hash(key, 3) % 2) : 3, attempt);
  if (type === 'PFD') return `${root}p${letters(key, 1, attempt + 100)}`;
  if (type === 'WARRANT') return `${root}.WS`;
  if (type === 'UNIT') return `${root}.U`;
  return root;
}

function companyName(type: string, key: number): string {
  const words = `${pick(FIRST_WORDS.split(' '), key, 4)} ${pick(SECOND_WORDS.split(' '), key, 5)}`;
  if (type === 'ETF') return `${words} ETF`;
  if (type === 'FUND') return `${words} Income Fund`;
  if (type === 'PFD') return `${words} Inc. Preferred Series ${pick(['A', 'B', 'C', 'D'], key, 6)}`;
  if (type === 'WARRANT') return `${words} Acquisition Corp Warrants`;
  if (type === 'UNIT') return `${words} Acquisition Corp Units`;
  if (type === 'ADRC') return `${words} plc American Depositary Shares`;
  return `${words} ${pick(['Inc.', 'Corp.', 'Holdings, Inc.', 'Ltd.'], key, 7)}`;
}

/** `count` distinct symbols with names and types, the odd ones first; never fewer than the odd ones. */
export function nameListings(count: number, seed: number): NamedSymbol[] {
  const names: NamedSymbol[] = [...ODD_SYMBOLS];
  const taken = new Set(names.map((name) => name.ticker));
  for (let index = names.length; index < count; index++) {
    const key = hash(textKey('listing', seed), index);
    const otc = unit(key, 1) < OTC_SHARE;
    const type = otc ? pick(['OS', 'ADRC', 'OS', 'PFD'], key, 8) : typeOf(key);
    let ticker = tickerOf(type, otc, key, 0);
    for (let attempt = 1; taken.has(ticker); attempt++) ticker = tickerOf(type, otc, key, attempt);
    taken.add(ticker);
    const name = companyName(type, key);
    if (otc) names.push({ ticker, name, type, market: 'otc' });
    else {
      const exchange = pick(type === 'ETF' || type === 'FUND' ? FUND_EXCHANGES : STOCK_EXCHANGES, key, 9);
      names.push({ ticker, name, type, exchange, market: 'stocks' });
    }
  }
  return names;
}

export interface NamedSymbol {
  ticker: string;
  name: string;
  type: string;
  exchange?: string;
  market: MarketKind;
}

function listed(ticker: string, name: string, type: string, exchange: string): NamedSymbol {
  return { ticker, name, type, exchange, market: 'stocks' };
}

/**
 * Symbols every generated market has, always listed: words that parsers take for booleans, numbers, nulls or device
 * names, class shares, lower-case preferreds and warrants, and three that everybody knows.
 */
export const ODD_SYMBOLS: readonly NamedSymbol[] = [
  listed('AAPL', 'Apple Inc.', 'CS', 'XNAS'),
  listed('MSFT', 'Microsoft Corp', 'CS', 'XNAS'),
  listed('SPY', 'SPDR S&P 500 ETF Trust', 'ETF', 'ARCX'),
  listed('TRUE', 'TrueCar, Inc.', 'CS', 'XNAS'),
  listed('NAN', 'Nuveen New York Quality Municipal Income Fund', 'FUND', 'XNYS'),
  listed('ON', 'ON Semiconductor Corporation', 'CS', 'XNAS'),
  listed('E', 'Eni S.p.A.', 'ADRC', 'XNYS'),
  listed('T', 'AT&T Inc.', 'CS', 'XNYS'),
  listed('F', 'Ford Motor Company', 'CS', 'XNYS'),
  listed('ALL', 'Allstate Corporation', 'CS', 'XNYS'),
  listed('CON', 'Concentra Group Holdings Parent, Inc.', 'CS', 'XNYS'),
  listed('NA', 'Nano Labs Ltd', 'CS', 'XNAS'),
  listed('INF', 'Brookfield Global Listed Infrastructure Income Fund', 'FUND', 'XNYS'),
  listed('BRK.A', 'Berkshire Hathaway Inc. Class A', 'CS', 'XNYS'),
  listed('BRK.B', 'Berkshire Hathaway Inc. Class B', 'CS', 'XNYS'),
  listed('KIMpL', 'Kimco Realty Corporation Preferred Series L', 'PFD', 'XNYS'),
  listed('BACpL', 'Bank of America Corporation Preferred Series L', 'PFD', 'XNYS'),
  listed('BAC-I', 'Bank of America Corporation Series I', 'PFD', 'XNYS'),
  listed('ABC', 'Practice Acquisition Corp', 'CS', 'XNYS'),
  listed('ABC.WS', 'Practice Acquisition Corp Warrants', 'WARRANT', 'XNYS'),
];

/** A row of Polygon's reference tickers that is no security: no type, no FIGI, no bars here. */
export interface OtherTickerRow {
  ticker: string;
  name: string;
  market: 'crypto' | 'fx' | 'indices';
  locale: 'us' | 'global';
  type?: undefined;
  active: true;
  currency_name?: string;
  currency_symbol?: string;
  base_currency_name?: string;
  base_currency_symbol?: string;
  last_updated_utc: string;
}

const UPDATED = { active: true, last_updated_utc: '2017-01-01T00:00:00Z' } as const;
const DOLLAR = { currency_name: 'United States dollar', currency_symbol: 'USD' };

const COINS = { BTC: 'Bitcoin', DOGE: 'Dogecoin', ETH: 'Ethereum' };
const CURRENCIES = { AUD: 'Australian dollar', EUR: 'Euro', GBP: 'Pound sterling', JPY: 'Japanese yen' };
const INDICES = { 'I:DJI': 'Dow Jones Industrial Average', 'I:NDX': 'Nasdaq-100', 'I:SPX': 'S&P 500' };

/** The few rows the practice market has of currencies and indices, in ticker order; the real lists have thousands. */
export function otherTickers(market: OtherTickerRow['market']): OtherTickerRow[] {
  if (market === 'indices')
    return Object.entries(INDICES).map(([ticker, name]) => ({ ticker, name, market, locale: 'us', ...UPDATED }));
  const [prefix, names] = market === 'crypto' ? ['X', COINS] : ['C', CURRENCIES];
  return Object.entries(names).map(([symbol, name]) => ({
    ticker: `${prefix}:${symbol}USD`,
    name: `${name} - ${DOLLAR.currency_name}`,
    market,
    locale: 'global',
    ...DOLLAR,
    base_currency_name: name,
    base_currency_symbol: symbol,
    ...UPDATED,
  }));
}
