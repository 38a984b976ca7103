import { dividends } from '../../src/datasets/dividends.ts';
import { lambda } from '../../src/lambda.ts';
import { listFunction } from '../../src/night/sync.ts';

/** One page of Polygon's dividends, or the publication of the complete list. */
export const handler = lambda(listFunction(dividends));
