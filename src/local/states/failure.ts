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
  readonly by: 'machine-timeout' | 'sibling';

  constructor(by: Interruption['by']) {
    super(`interrupted: ${by}`);
    this.name = 'Interruption';
    this.by = by;
  }
}

/** Errors that end an execution whatever Retry and Catch say. Source: AWS, "Handling errors", error names. */
const TERMINAL: ReadonlySet<string | undefined> = new Set(['States.Runtime', 'States.DataLimitExceeded']);

/**
 * Whether one ErrorEquals list matches an error. `States.ALL` matches everything but the terminal errors,
 * `States.TaskFailed` everything but those and `States.Timeout`.
 */
export function matchesError(errorEquals: readonly string[], error: string | undefined): boolean {
  if (TERMINAL.has(error)) return false;
  return errorEquals.some(
    (name) => name === 'States.ALL' || name === error || (name === 'States.TaskFailed' && error !== 'States.Timeout'),
  );
}
