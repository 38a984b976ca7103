import { metadataSource } from '../../src/datasets/metadata.ts';
import { lambda } from '../../src/lambda.ts';
import { enrichLane, enrichRequest } from '../../src/night/enrich.ts';

/** Company details, chunk by chunk, within the night's budget. */
export const handler = lambda({
  name: 'sync-metadata',
  event: enrichRequest,
  secrets: { polygon: 'POLYGON_SECRET_ARN', fmp: 'FMP_SECRET_ARN' },
  run: (request, call) => enrichLane(request, call, metadataSource(call)),
});
