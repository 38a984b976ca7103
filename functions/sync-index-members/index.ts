import { lambda } from '../../src/lambda.ts';
import { indexMembersSource } from '../../src/night/index-members.ts';
import { syncLane, syncRequest } from '../../src/night/sync-lane.ts';
import { isharesOf } from '../../src/vendors/ishares-of.ts';

/** The members of the Russell 2000 by a fund's holdings, then their publication. */
export const handler = lambda({
  name: 'sync-index-members',
  event: syncRequest,
  run: (request, call) => {
    const vendor = () => isharesOf(call.config);
    return syncLane(request, call, indexMembersSource(vendor, request, call));
  },
});
