import type { AssetRow, TickerRow } from './market-source.ts';
import { hash, unit } from './noise.ts';
import { hexOf, textKey } from './text-key.ts';

const EXCHANGES: Record<string, string> = {
  XNYS: 'NYSE',
  XNAS: 'NASDAQ',
  XASE: 'AMEX',
  ARCX: 'ARCA',
  BATS: 'BATS',
};

/** Alpaca spells preferreds `KIM.PRL` where Polygon writes `KIMpL` (vendor-apis 6e). */
function alpacaSymbol(ticker: string): string {
  return ticker.replace(/^([A-Z]+)p([A-Z])$/, '$1.PR$2');
}

function uuidOf(key: number): string {
  const hex = hexOf(key, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** The Alpaca asset of a Polygon listing; its fields are a function of the ticker and its row alone. */
export function assetRow(ticker: TickerRow): AssetRow {
  const key = textKey(ticker.ticker, 2);
  const otc = ticker.market === 'otc';
  const tradable = ticker.active && unit(key, 1) < (otc ? 0.6 : 0.97);
  const shortable = tradable && !otc && unit(key, 2) < 0.8;
  const margin = otc || unit(key, 3) < 0.1 ? 100 : 30;
  return {
    id: uuidOf(key),
    class: 'us_equity',
    exchange: otc ? 'OTC' : (EXCHANGES[ticker.primary_exchange ?? ''] ?? 'NYSE'),
    symbol: alpacaSymbol(ticker.ticker),
    name: ticker.name,
    status: ticker.active ? 'active' : 'inactive',
    tradable,
    marginable: tradable && margin < 100,
    ...(unit(key, 4) < 0.95 && {
      maintenance_margin_requirement: margin,
      margin_requirement_long: String(margin),
      margin_requirement_short: String(margin),
    }),
    shortable,
    easy_to_borrow: shortable && unit(key, 5) < 0.9,
    fractionable: tradable && !otc && unit(key, 6) < 0.85,
    attributes: !otc && hash(key, 7) % 2 === 0 ? ['options_enabled'] : [],
  };
}

function placeholder(symbol: string, name: string): AssetRow {
  return {
    id: uuidOf(textKey(symbol, 2)),
    class: 'us_equity',
    exchange: 'NYSE',
    symbol,
    name,
    status: 'active',
    tradable: false,
    marginable: false,
    shortable: false,
    easy_to_borrow: false,
    fractionable: false,
    attributes: [],
  };
}

/** Symbols Alpaca really lists that are no tickers: a contra CUSIP, all digits, and a right. */
export const PLACEHOLDER_ASSETS: readonly AssetRow[] = [
  placeholder('231992017', 'PRACTICE CONTRA CUSIP'),
  placeholder('292RGT016', 'PRACTICE SUBSCRIPTION RIGHTS'),
];
