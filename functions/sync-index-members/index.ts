import { indexMembers } from '../../src/datasets/index-members.ts';
import { lambda } from '../../src/lambda.ts';
import { listFunction } from '../../src/night/sync.ts';

/** The members of the Russell 2000 by a fund's holdings, then their publication. */
export const handler = lambda(listFunction(indexMembers));
