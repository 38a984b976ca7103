import { assets } from '../../src/datasets/assets.ts';
import { lambda } from '../../src/lambda.ts';
import { listFunction } from '../../src/night/sync.ts';

/** Alpaca's asset list, then its publication. */
export const handler = lambda(listFunction(assets));
