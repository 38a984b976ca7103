import { StateFailure } from './failure.ts';

/** Bytes of UTF-8 JSON that a state's input, a task's result and a state's output may have. Source: AWS quotas. */
export const PAYLOAD_LIMIT = 262_144;

/**
 * Returns `value` as plain JSON that shares nothing with it, or fails with States.DataLimitExceeded.
 * A value that JSON cannot hold (undefined, a function) becomes null.
 * @param what names the value in the Cause: "The state/task 'Stage Sessions'".
 */
export function boundedCopy(value: unknown, what: string): unknown {
  const text = JSON.stringify(value) ?? 'null';
  refuseOversize(text, what);
  return JSON.parse(text);
}

/** Fails with States.DataLimitExceeded when `value` is larger than PAYLOAD_LIMIT; costs one serialisation. */
export function requireBounded(value: unknown, what: string): void {
  refuseOversize(JSON.stringify(value) ?? 'null', what);
}

function refuseOversize(text: string, what: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= PAYLOAD_LIMIT) return;
  throw new StateFailure(
    'States.DataLimitExceeded',
    `${what} has a size exceeding the maximum number of bytes service limit: ${bytes} bytes, at most ${PAYLOAD_LIMIT}.`,
  );
}
