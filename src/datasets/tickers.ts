import { ofTypes, parseTickers, type Ticker, tickerIdentity } from '../records/ticker.ts';
import { polygonOf } from '../vendors/polygon.ts';
import { type ListDataset, tableSink } from './dataset.ts';
import type { Fields } from './snapshots.ts';

const fields = {
  name: 'text',
  market: 'text',
  locale: 'text',
  primaryExchange: 'text',
  type: 'text',
  active: 'boolean',
  currencyName: 'text',
  currencySymbol: 'text',
  baseCurrencyName: 'text',
  baseCurrencySymbol: 'text',
  cik: 'text',
  compositeFigi: 'text',
  shareClassFigi: 'text',
  delistedUtc: 'text',
  lastUpdatedUtc: 'text',
} as const satisfies Fields;

/** Polygon's reference tickers, market by market; the bars of a symbol start over with each company that carries it. */
export const tickers: ListDataset<Ticker> = {
  name: 'tickers',
  task: 'sync-tickers',
  vendor: 'polygon',
  round: 0,
  fields,
  identity: tickerIdentity,
  source(_request, { config, secrets, signal, tables }) {
    const { POLYGON_MARKETS: partitions, POLYGON_TYPES: types } = config;
    return {
      barsFollow: true,
      partitions,
      selection: [...partitions, ...types].join(','),
      pages: (market, from) => polygonOf(config, secrets.polygon).tickerPages({ market, ...from, signal }),
      parse: (rows) => ofTypes(parseTickers(rows), types),
      keyOf: ({ symbol }) => symbol,
      sink: tableSink(tables, config.TICKERS_TABLE, fields),
    };
  },
};
