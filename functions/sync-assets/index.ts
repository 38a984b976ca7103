import { tableSink } from '../../src/datasets/dataset.ts';
import { lambda } from '../../src/lambda.ts';
import { syncLane, syncRequest } from '../../src/night/sync.ts';
import { assetIdentity, parseAssets } from '../../src/records/asset.ts';
import { alpacaOf } from '../../src/vendors/alpaca.ts';

/** Alpaca's asset list, then its publication. */
export const handler = lambda({
  name: 'sync-assets',
  event: syncRequest,
  secrets: { alpaca: 'ALPACA_SECRET_ARN' },
  run: (request, call) => {
    const { config, secrets, signal, tables } = call;
    return syncLane(request, call, {
      task: 'sync-assets',
      dataset: 'assets',
      partitions: ['us_equity'],
      // Opened when it is asked: a held list is released without a key.
      pages: () => alpacaOf(config, secrets.alpaca).assetPages({ signal }),
      parse: parseAssets,
      keyOf: ({ symbol }) => symbol,
      identity: assetIdentity,
      sink: tableSink(tables, config.ASSETS_TABLE, 'assets'),
    });
  },
});
