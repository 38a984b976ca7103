import { metadata } from '../../src/datasets/metadata.ts';
import { lambda } from '../../src/lambda.ts';
import { enrichmentFunction } from '../../src/night/enrich.ts';

/** Company details, chunk by chunk, within the night's budget. */
export const handler = lambda(enrichmentFunction(metadata));
