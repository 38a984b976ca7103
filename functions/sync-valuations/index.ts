import { valuationSource } from '../../src/datasets/valuations.ts';
import { lambda } from '../../src/lambda.ts';
import { enrichLane, enrichRequest } from '../../src/night/enrich.ts';

/** Valuations by discounted cash flow, in bulk or chunk by chunk, within the night's budget. */
export const handler = lambda({
  name: 'sync-valuations',
  event: enrichRequest,
  secrets: { fmp: 'FMP_SECRET_ARN' },
  run: (request, call) => enrichLane(request, call, valuationSource(call)),
});
