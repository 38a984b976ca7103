import { lambda } from '../../src/lambda.ts';
import { tableSink } from '../../src/night/sink.ts';
import { syncLane, syncRequest } from '../../src/night/sync-lane.ts';
import { parseTickers, type Ticker } from '../../src/records/ticker.ts';
import { polygonOf } from '../../src/vendors/polygon-of.ts';

/** One page of Polygon's reference tickers, or the publication of the complete list. */
export const handler = lambda({
  name: 'sync-tickers',
  event: syncRequest,
  secrets: { polygon: 'POLYGON_SECRET_ARN' },
  run: (request, call) => {
    const vendor = polygonOf(call.config, call.secrets.polygon);
    return syncLane(request, call, {
      task: 'sync-tickers',
      dataset: 'tickers',
      partitions: call.config.POLYGON_MARKETS,
      pages: (market, from) => vendor.tickerPages({ market, ...from, signal: call.signal }),
      parse: parseTickers,
      keyOf: ({ symbol }: Ticker) => symbol,
      sink: tableSink(call.tables, call.config.TICKERS_TABLE, 'tickers'),
    });
  },
});
