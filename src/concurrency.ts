import { NamedError } from './errors.ts';

/**
 * Runs `work` over the items, at most `workers` at once, in order of start. The first error stops the taking of new
 * items and is thrown when those under way have ended, so nothing goes on behind the caller's back (p-map and p-limit
 * throw while they go on).
 * @throws Job.Interrupted when the signal stopped it before every item was done
 */
export async function inFlight<T>(
  items: Iterable<T>,
  workers: number,
  work: (item: T) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const errors: unknown[] = [];
  const worker = async () => {
    try {
      for (let next = queue.next(); errors.length === 0 && !next.done; next = queue.next()) {
        stopIfAsked(signal);
        await work(next.value);
      }
    } catch (error) {
      errors.push(error);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  if (errors.length > 0) throw errors[0];
}

/** @throws Job.Interrupted when the signal has come. */
export function stopIfAsked(signal: AbortSignal | undefined): void {
  if (!signal?.aborted) return;
  throw new NamedError('Job.Interrupted', {
    what: 'the job was told to stop',
    todo: 'What it had begun is finished or undone; run it again to go on.',
  });
}

/** What `work` comes to, or the signal's reason as soon as it has come: nobody waits for the work then. */
export function untilStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
