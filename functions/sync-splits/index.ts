import { lambda } from '../../src/lambda.ts';
import { syncSplits } from '../../src/night/splits.ts';
import { syncRequest } from '../../src/night/sync-lane.ts';
import { polygonOf } from '../../src/vendors/polygon-of.ts';

/** One page of Polygon's splits, or the publication of the complete list. */
export const handler = lambda({
  name: 'sync-splits',
  event: syncRequest,
  secrets: { polygon: 'POLYGON_SECRET_ARN' },
  run: (request, call) => syncSplits(request, call, () => polygonOf(call.config, call.secrets.polygon)),
});
