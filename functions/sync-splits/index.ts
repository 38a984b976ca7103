import { splitsSource } from '../../src/datasets/splits.ts';
import { lambda } from '../../src/lambda.ts';
import { syncLane, syncRequest } from '../../src/night/sync.ts';
import { polygonOf } from '../../src/vendors/polygon.ts';

/** One page of Polygon's splits, or the publication of the complete list. */
export const handler = lambda({
  name: 'sync-splits',
  event: syncRequest,
  secrets: { polygon: 'POLYGON_SECRET_ARN' },
  run: (request, call) => {
    const vendor = () => polygonOf(call.config, call.secrets.polygon);
    return syncLane(request, call, splitsSource(vendor, call.warehouse, call.signal));
  },
});
