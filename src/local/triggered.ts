import type { ExecutionResult } from './states/events.ts';

export type Execution = ExecutionResult & { runId: string };

/** Executions that events have started: nobody called for them, so somebody has to wait for their end. */
export class Triggered {
  #running: Promise<Execution>[] = [];
  readonly #stop = new AbortController();

  start(run: (signal: AbortSignal) => Promise<Execution>): void {
    const execution = run(this.#stop.signal);
    // Whoever waits gets the rejection; until then it must not end the process.
    execution.catch(() => undefined);
    this.#running.push(execution);
  }

  async settled(signal?: AbortSignal): Promise<Execution[]> {
    const stop = () => this.#stop.abort(signal?.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.all(this.#running.splice(0));
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#running.splice(0));
  }
}
