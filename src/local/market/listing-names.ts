import { hash, unit } from './noise.ts';
import { type NamedSymbol, ODD_SYMBOLS } from './odd-symbols.ts';
import { textKey } from './text-key.ts';

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
