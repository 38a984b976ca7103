import { setMaxListeners } from 'node:events';

/**
 * A failure a state machine can see: `error` is the ASL Error name, `message` the Cause. A Fail state may
 * leave both out, so `error` can be undefined.
 */
export class StateFailure extends Error {
  readonly error: string | undefined;
  readonly reason: string | undefined;

  constructor(error: string | undefined, reason?: string) {
    super(reason ?? error ?? 'failed');
    this.name = error ?? 'StateFailure';
    this.error = error;
    this.reason = reason;
  }

  /** What `$states.errorOutput` holds. An absent Cause reads as '', so that a Catch can always name it. */
  get errorOutput(): { Error: string; Cause: string } {
    return { Error: this.error ?? '', Cause: this.reason ?? '' };
  }
}

/** Why running work was stopped from outside itself. No Retry and no Catch ever sees it. */
export class Interruption extends Error {
  readonly by: 'machine-timeout' | 'history-limit' | 'sibling';

  constructor(by: Interruption['by']) {
    super(`interrupted: ${by}`);
    this.name = 'Interruption';
    this.by = by;
  }
}

/**
 * Whether one ErrorEquals list matches an error. `States.ALL` matches everything but States.Runtime, which ends an
 * execution whatever Retry and Catch say; `States.TaskFailed` does not match States.Timeout either.
 * States.DataLimitExceeded is matched like any other: see passesBy.
 */
export function matchesError(errorEquals: readonly string[], error: string | undefined): boolean {
  if (error === 'States.Runtime') return false;
  return errorEquals.some(
    (name) => name === 'States.ALL' || name === error || (name === 'States.TaskFailed' && error !== 'States.Timeout'),
  );
}

/**
 * Whether a Map or Parallel lets an error of what is inside it pass, whatever its Retry and Catch say. AWS's page on
 * errors says so of every States.DataLimitExceeded; that of a Task was caught, by name and by States.ALL, each time AWS
 * was recorded.
 */
export function passesBy(stateType: string, error: string | undefined): boolean {
  return error === 'States.DataLimitExceeded' && stateType !== 'Task';
}

/** Longest delay setTimeout keeps; anything longer would fire at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/** An abort signal below another: aborted with it, and on its own. */
export interface ChildSignal {
  signal: AbortSignal;
  abort(reason: unknown): void;
  /** Lets go of the parent; to be called when the work is over. */
  release(): void;
}

/** Cheaper than AbortSignal.any, and leaves nothing behind on a parent that outlives thousands of children. */
export function childSignal(parent: AbortSignal): ChildSignal {
  const controller = new AbortController();
  // forty iterations listen to one signal at once, which Node would take for a leak
  setMaxListeners(0, controller.signal);
  const follow = (): void => controller.abort(parent.reason);
  if (parent.aborted) follow();
  else parent.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => parent.removeEventListener('abort', follow),
  };
}

/**
 * Settles as `work` does, or rejects with the signal's reason the moment it is aborted, whether or not the work
 * listens. What the work does afterwards is ignored, as Step Functions ignores a Lambda it no longer waits for.
 */
export function interruptible<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    // work may also throw before it returns its promise
    new Promise<T>((begin) => begin(work()))
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}

/** Calls `act` after `ms` milliseconds, however many; the returned function calls it off. */
export function startTimer(ms: number, act: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (left: number): void => {
    timer =
      left > LONGEST_TIMER_MS ? setTimeout(arm, LONGEST_TIMER_MS, left - LONGEST_TIMER_MS) : setTimeout(act, left);
  };
  arm(ms);
  return () => clearTimeout(timer);
}
