import { tableSink } from '../../src/datasets/dataset.ts';
import { lambda } from '../../src/lambda.ts';
import { syncLane, syncRequest } from '../../src/night/sync.ts';
import { ofTypes, parseTickers, tickerIdentity } from '../../src/records/ticker.ts';
import { polygonOf } from '../../src/vendors/polygon.ts';

/** One page of Polygon's reference tickers, or the publication of the complete list. */
export const handler = lambda({
  name: 'sync-tickers',
  event: syncRequest,
  secrets: { polygon: 'POLYGON_SECRET_ARN' },
  run: (request, call) => {
    const { config, secrets, signal, tables } = call;
    const { POLYGON_MARKETS: partitions, POLYGON_TYPES: types } = config;
    return syncLane(request, call, {
      task: 'sync-tickers',
      dataset: 'tickers',
      barsFollow: true,
      partitions,
      selection: [...partitions, ...types].join(','),
      pages: (market, from) => polygonOf(config, secrets.polygon).tickerPages({ market, ...from, signal }),
      parse: (rows) => ofTypes(parseTickers(rows), types),
      keyOf: ({ symbol }) => symbol,
      identity: tickerIdentity,
      sink: tableSink(tables, config.TICKERS_TABLE, 'tickers'),
    });
  },
});
