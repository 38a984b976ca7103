import type { Engine, Entry, Step } from './engine.ts';
import { matchesError, StateFailure } from './failure.ts';
import type { RecoverableState } from './machine.ts';
import { RetryCounts } from './retry.ts';

/**
 * Runs a state's tries until one succeeds, its Retry is used up, or a Catch takes the failure. The whole try
 * counts, so a failing Arguments, Assign or Output is retried and caught as well.
 * @param attempt one try; gets the entry with its RetryCount.
 */
export async function recover(
  engine: Engine,
  entry: Entry,
  state: RecoverableState,
  attempt: (entry: Entry & { retryCount: number }) => Promise<Step>,
): Promise<Step> {
  const retries = new RetryCounts(state.retry);
  for (let retryCount = 0; ; retryCount += 1) {
    const current = { ...entry, retryCount };
    try {
      return await attempt(current);
    } catch (failure) {
      if (!(failure instanceof StateFailure)) throw failure;
      const { error, reason: cause } = failure;
      const delaySeconds = retries.next(error, engine.parts.random);
      if (delaySeconds === undefined) return handOver(engine, current, state, failure);
      engine.emit('TaskRetried', entry.path, {
        state: state.name,
        attempt: retryCount + 1,
        delaySeconds,
        error,
        cause,
      });
      await engine.pause(delaySeconds, entry.signal);
    }
  }
}

async function handOver(engine: Engine, entry: Entry, state: RecoverableState, failure: StateFailure): Promise<Step> {
  const { error, reason: cause, errorOutput } = failure;
  const catcher = state.catch.find(({ errorEquals }) => matchesError(errorEquals, error));
  if (catcher === undefined) throw failure;
  engine.emit('StateCaught', entry.path, { state: state.name, error, cause, next: catcher.next });
  return engine.leave(entry, catcher, catcher.next, { errorOutput }, errorOutput);
}
