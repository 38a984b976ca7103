import { indexMembersSource } from '../../src/datasets/index-members.ts';
import { lambda } from '../../src/lambda.ts';
import { syncLane, syncRequest } from '../../src/night/sync.ts';
import { isharesOf } from '../../src/vendors/ishares.ts';

/** The members of the Russell 2000 by a fund's holdings, then their publication. */
export const handler = lambda({
  name: 'sync-index-members',
  event: syncRequest,
  run: (request, call) => {
    const vendor = () => isharesOf(call.config);
    return syncLane(request, call, indexMembersSource(vendor, request, call));
  },
});
