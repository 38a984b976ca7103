import { lambda } from '../../src/lambda.ts';
import { tableSink } from '../../src/night/sink.ts';
import { syncLane, syncRequest } from '../../src/night/sync-lane.ts';
import { type Asset, parseAssets } from '../../src/records/asset.ts';
import { alpaca } from '../../src/vendors/alpaca.ts';

/** Alpaca's asset list, then its publication. */
export const handler = lambda({
  name: 'sync-assets',
  event: syncRequest,
  secrets: { alpaca: 'ALPACA_SECRET_ARN' },
  run: (request, call) => {
    const baseUrl = call.config.ALPACA_BASE_URL;
    const vendor = alpaca({ baseUrl, keyId: call.secrets.alpaca?.keyId, secretKey: call.secrets.alpaca?.secretKey });
    return syncLane(request, call, {
      task: 'sync-assets',
      dataset: 'assets',
      partitions: ['us_equity'],
      pages: () => vendor.assetPages({ signal: call.signal }),
      parse: parseAssets,
      keyOf: ({ symbol }: Asset) => symbol,
      sink: tableSink(call.tables, call.config.ASSETS_TABLE, 'assets'),
    });
  },
});
