import { randomUUID } from 'node:crypto';
import { childPath } from './child-path.ts';
import { type FunctionProcess, type Outcome, startFunctionProcess } from './function-process.ts';
import { openLineLog } from './line-log.ts';

export interface FunctionsOptions {
  /** Bundle (.mjs exporting `handler`) by function name. */
  bundles: Record<string, string>;
  /** The bundled function-worker program. */
  worker: string;
  /** The workers' whole environment, but for PATH. */
  env: Record<string, string>;
  /** JSONL file their output is appended to. */
  logFile: string;
  /** Worker processes at most; 2 by default. */
  size?: number;
}

export interface Functions {
  /**
   * Runs one function and resolves to its payload. Calls beyond `size` wait their turn; the timeout runs
   * from the moment the handler starts. A stopped call's worker is killed and replaced.
   * @throws Error whose `name` and `message` are the Error and Cause Step Functions would see: the handler's
   *   own error, `Sandbox.Timedout`, `Lambda.Unknown` (the worker died), `Lambda.ResourceNotFoundException`;
   *   AbortError after `signal`
   */
  invoke(name: string, payload: unknown, options: InvokeOptions): Promise<unknown>;
  close(): Promise<void>;
}

export interface InvokeOptions {
  timeoutSeconds: number;
  signal?: AbortSignal;
}

/** A pool of warm Lambda workers in processes of their own. */
export function startFunctions({ bundles, worker, env, logFile, size = 2 }: FunctionsOptions): Functions {
  const log = openLineLog(logFile);
  const environment = { PATH: childPath(), ...env };
  const idle: FunctionProcess[] = [];
  const all = new Set<FunctionProcess>();
  const waiting: (() => void)[] = [];
  let closed = false;

  const dying = new Set<Promise<void>>();

  const retire = (process: FunctionProcess) => {
    all.delete(process);
    const end = process.kill().finally(() => dying.delete(end));
    dying.add(end);
  };
  /** Prefers a worker that has the bundle loaded, then a new one, then any. */
  const take = async (name: string, signal: AbortSignal | undefined): Promise<FunctionProcess> => {
    while (!closed && idle.length === 0 && all.size >= size) await turn(waiting, signal);
    if (signal?.aborted) waiting.shift()?.();
    throwIfStopped(signal, closed);
    for (const process of idle.filter((candidate) => !candidate.usable())) {
      idle.splice(idle.indexOf(process), 1);
      retire(process);
    }
    const warm = idle.findIndex((process) => process.loaded.has(name));
    const ready = warm >= 0 || all.size >= size ? idle.splice(Math.max(warm, 0), 1)[0] : undefined;
    if (ready) return ready;
    const started = startFunctionProcess(worker, environment, log);
    all.add(started);
    return started;
  };
  const giveBack = (process: FunctionProcess) => {
    if (process.usable()) idle.push(process);
    else retire(process);
    waiting.shift()?.();
  };

  return {
    async invoke(name, payload, { timeoutSeconds, signal }) {
      const path = Object.hasOwn(bundles, name) ? bundles[name] : undefined;
      if (path === undefined) {
        throw named(
          'Lambda.ResourceNotFoundException',
          `Function not found: ${name}. There are ${Object.keys(bundles)}`,
        );
      }
      const id = randomUUID();
      const process = await take(name, signal);
      const stop = () => void process.kill();
      signal?.addEventListener('abort', stop, { once: true });
      try {
        const outcome = await process.run({ id, name, path, payload: payload ?? null, timeoutSeconds });
        throwIfStopped(signal, closed);
        process.loaded.add(name);
        return resultOf(outcome, id);
      } finally {
        signal?.removeEventListener('abort', stop);
        giveBack(process);
      }
    },
    async close() {
      closed = true;
      for (const wake of waiting.splice(0)) wake();
      await Promise.all([...all].map((process) => process.kill()));
      await Promise.all(dying);
      // Lost lines change nothing of how the work ended.
      await log.close().catch(() => undefined);
    },
  };
}

/** Resolves when a worker was given back or the pool closed; rejects, out of the queue, when `signal` aborts. */
function turn(waiting: (() => void)[], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    throwIfStopped(signal, false);
    const wake = () => {
      signal?.removeEventListener('abort', leave);
      resolve();
    };
    const leave = () => {
      waiting.splice(waiting.indexOf(wake), 1);
      reject(named('AbortError', 'The call was stopped while it waited for a worker'));
    };
    signal?.addEventListener('abort', leave, { once: true });
    waiting.push(wake);
  });
}

function resultOf(outcome: Outcome, id: string): unknown {
  if ('payload' in outcome) return JSON.parse(outcome.payload) as unknown;
  if ('fault' in outcome) throw named(outcome.fault.errorType, JSON.stringify(outcome.fault));
  // Step Functions' own sentence; its Cause is not JSON in this one case.
  const payload = JSON.stringify({ errorMessage: `RequestId: ${id} Error: ${outcome.died}` });
  const reason = 'The cause could not be determined because Lambda did not return an error type.';
  throw named('Lambda.Unknown', `${reason} Returned payload: ${payload}`);
}

function throwIfStopped(signal: AbortSignal | undefined, closed: boolean): void {
  if (signal?.aborted || closed) throw named('AbortError', 'The call was stopped');
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
