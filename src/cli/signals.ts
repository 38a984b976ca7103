import { constants } from 'node:os';
import { NamedError } from '../errors.ts';
import { takeLastSteps } from '../local/last-steps.ts';

/** What ends a command: a terminal that is closed, Ctrl-C, and whoever manages processes. */
const ENDING = ['SIGHUP', 'SIGINT', 'SIGTERM'] as const;

/** What a command has for ending in order; with the last steps it is gone within two seconds. */
const GRACE_MS = 1500;

export interface Signals {
  /** Aborted by the first signal that asks the command to end. */
  signal: AbortSignal;
  /** A shell's convention for a command ended by a signal: 128 and its number. Undefined without one. */
  exitCode(): number | undefined;
}

/**
 * The one place that listens for signals. The first one aborts the work, which then ends in order; what has not ended
 * when the grace is over, or at a second signal, ends at once.
 */
export function watchSignals(): Signals {
  const stop = new AbortController();
  let first: NodeJS.Signals | undefined;
  for (const name of ENDING) {
    process.on(name, () => {
      if (first) return endNow(name);
      first = name;
      setTimeout(() => endNow(name), GRACE_MS).unref();
      stop.abort(new NamedError('Job.Interrupted', `interrupted by ${name}; the same command goes on from here`));
    });
  }
  return { signal: stop.signal, exitCode: () => (first ? 128 + constants.signals[first] : undefined) };
}

/** By the signal itself: `process.exit` would first wait for threads that are still reading or computing. */
function endNow(name: NodeJS.Signals): void {
  takeLastSteps();
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}
