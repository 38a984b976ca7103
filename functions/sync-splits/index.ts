import { splits } from '../../src/datasets/splits.ts';
import { lambda } from '../../src/lambda.ts';
import { listFunction } from '../../src/night/sync.ts';

/** One page of Polygon's splits, or the publication of the complete list. */
export const handler = lambda(listFunction(splits));
