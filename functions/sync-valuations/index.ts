import { valuations } from '../../src/datasets/valuations.ts';
import { lambda } from '../../src/lambda.ts';
import { enrichmentFunction } from '../../src/night/enrich.ts';

/** Valuations by discounted cash flow, in bulk or chunk by chunk, within the night's budget. */
export const handler = lambda(enrichmentFunction(valuations));
