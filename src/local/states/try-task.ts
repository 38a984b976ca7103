import type { Engine, Entry, Step } from './engine.ts';
import { childSignal, interruptible, matchesError, passesBy, StateFailure, startTimer } from './failure.ts';
import { requireArguments } from './fields.ts';
import type { RecoverableState, Retrier, TaskState } from './machine.ts';
import { boundedCopy } from './template.ts';

/** One try of a Task: Arguments, the integration under its TimeoutSeconds, then Assign and Output. */
export async function tryTask(engine: Engine, entry: Entry & { retryCount: number }, state: TaskState): Promise<Step> {
  const { path, retryCount: attempt } = entry;
  const args = boundedCopy(await engine.evaluate(state.arguments, entry), `The Arguments of the task '${state.name}'`);
  requireArguments(state.resource, args);
  const timeout = state.timeoutSeconds;
  const seconds = timeout && (await engine.evaluateInteger(timeout, entry, 'TimeoutSeconds', 1));
  engine.emit('TaskScheduled', path, { state: state.name, attempt });
  // TaskSubmitted: what another service carries out
  if (state.resource.endsWith('.sync')) engine.note(1);
  let result: unknown;
  try {
    const given = await underTimeout(entry.signal, seconds, (signal) => {
      const info = { stateName: state.name, context: engine.context(entry), signal, attempt };
      return integrate(engine, state, args, info);
    });
    result = boundedCopy(given, `The state/task '${state.name}' returned a result that`);
  } catch (failure) {
    if (failure instanceof StateFailure) {
      engine.emit('TaskFailed', path, { state: state.name, attempt, error: failure.error, cause: failure.reason });
    }
    throw failure;
  }
  engine.emit('TaskSucceeded', path, { state: state.name, attempt, output: result });
  return engine.leave(entry, state, state.next, { result }, result);
}

async function integrate(
  engine: Engine,
  state: TaskState,
  args: unknown,
  info: Parameters<Engine['parts']['integrations'][string]>[1],
): Promise<unknown> {
  try {
    return await engine.parts.integrations[state.resource]!(args, info);
  } catch (error) {
    if (error instanceof Error) throw new StateFailure(error.name, error.message);
    throw new StateFailure('States.TaskFailed', String(error));
  }
}

/** TimeoutSeconds is real time whatever timeScale is: scaled waits leave the work itself as long as it was. */
async function underTimeout<T>(
  parent: AbortSignal,
  seconds: number | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const child = childSignal(parent);
  const limit =
    seconds === undefined
      ? undefined
      : startTimer(seconds * 1000, () => child.abort(new StateFailure('States.Timeout')));
  try {
    return await interruptible(child.signal, () => work(child.signal));
  } finally {
    limit?.();
    child.release();
  }
}

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
      // EvaluationFailed
      if (error === 'States.QueryEvaluationError') engine.note(1);
      if (passesBy(state.type, error)) throw failure;
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

/**
 * Seconds to wait before the next try.
 * @param retries tries this retrier has already caused: 0 before the first retry.
 * @param random in [0, 1), asked only for JitterStrategy FULL, which waits between nothing and the full delay.
 */
export function retryDelay(retrier: Retrier, retries: number, random: () => number): number {
  const delay = Math.min(
    retrier.intervalSeconds * retrier.backoffRate ** retries,
    retrier.maxDelaySeconds ?? Number.MAX_SAFE_INTEGER,
  );
  return retrier.jitter === 'FULL' ? random() * delay : delay;
}

/** Counts the retries of one state's entry; every retrier has a count of its own. */
export class RetryCounts {
  readonly #retriers: readonly Retrier[];
  readonly #counts: number[];

  constructor(retriers: readonly Retrier[]) {
    this.#retriers = retriers;
    this.#counts = retriers.map(() => 0);
  }

  /** Seconds until the next try, or undefined when there is none: the first retrier that matches decides alone. */
  next(error: string | undefined, random: () => number): number | undefined {
    const index = this.#retriers.findIndex(({ errorEquals }) => matchesError(errorEquals, error));
    const retrier = this.#retriers[index];
    const count = this.#counts[index] ?? 0;
    if (retrier === undefined || count >= retrier.maxAttempts) return undefined;
    this.#counts[index] = count + 1;
    return retryDelay(retrier, count, random);
  }
}
