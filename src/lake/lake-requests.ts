import type { Lake } from './lake.ts';
import { type LakeCall, watchedLake } from './watched-lake.ts';

/** Requests to S3 by the two classes it bills; on a disk, what S3 would have been asked. */
export interface Requests {
  /** GET and HEAD. */
  reads: number;
  /** PUT and LIST. */
  writes: number;
}

/** Keys that one LIST answers. */
const LISTED = 1000;

/** The same lake, and what has been asked of it so far. */
export function countedLake(lake: Lake, watch?: (call: LakeCall) => void): { lake: Lake; requests: Requests } {
  const requests: Requests = { reads: 0, writes: 0 };
  const counted = watchedLake(lake, (call) => {
    watch?.(call);
    const { reads, writes } = requestsOf(call);
    requests.reads += reads;
    requests.writes += writes;
  });
  return { lake: counted, requests };
}

/** Deleting costs nothing. */
function requestsOf({ call, keys = 1 }: LakeCall): Requests {
  switch (call) {
    case 'read':
    case 'open':
    case 'holds':
      return { reads: 1, writes: 0 };
    case 'localise':
      return { reads: keys, writes: 0 };
    case 'write':
    case 'keep':
    case 'adopt':
      return { reads: 0, writes: 1 };
    case 'list':
      return { reads: 0, writes: Math.max(1, Math.ceil(keys / LISTED)) };
    default:
      return { reads: 0, writes: 0 };
  }
}
