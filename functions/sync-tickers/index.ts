import { tickers } from '../../src/datasets/tickers.ts';
import { lambda } from '../../src/lambda.ts';
import { listFunction } from '../../src/night/sync.ts';

/** One page of Polygon's reference tickers, or the publication of the complete list. */
export const handler = lambda(listFunction(tickers));
