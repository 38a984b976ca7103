import { Worker } from 'node:worker_threads';
import { NamedError } from '../../errors.ts';
import type { PgliteEngine } from './pglite-engine.ts';
import type { SqlResult } from './sql.ts';

/** A statement for the thread, or the request to close where there is no text. */
export interface EngineCall {
  id: number;
  text?: string;
  values?: (string | null)[];
}

/** The answer to the call of this id; 0 is the opening. */
export interface EngineAnswer {
  id: number;
  result?: SqlResult;
  error?: PlainError;
}

type PlainError = Record<string, string | undefined> & { name: string; message: string };

/** A statement under way when the command is told to end has as long; PostgreSQL recovers from the loss of its thread as from a crash. */
const GRACE_MS = 800;

interface Waiting {
  resolve(result: SqlResult | undefined): void;
  reject(error: Error): void;
}

/**
 * The embedded PostgreSQL in a thread of its own.
 * @param program the bundled pglite-worker
 * @param signal ends the thread, also in the middle of a statement
 */
export async function startEngineThread(
  dataDir: string,
  { program, signal }: { program: string; signal?: AbortSignal },
): Promise<PgliteEngine> {
  const thread = new Worker(program, { workerData: { dataDir } });
  const waiting = new Map<number, Waiting>();
  let ended: Error | undefined;
  const end = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  thread.on('error', end);
  const gone = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
  thread.once('exit', () => end(new Error('the thread of the warehouse has ended')));
  thread.on('message', ({ id, result, error }: EngineAnswer) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) thread.unref();
    if (error) call?.reject(Object.assign(new Error(error.message), error));
    else call?.resolve(result);
  });
  const call = (id: number, send: () => void) =>
    new Promise<SqlResult | undefined>((resolve, reject) => {
      if (ended) return reject(ended);
      waiting.set(id, { resolve, reject });
      thread.ref();
      send();
    });
  const stop = () => {
    setTimeout(() => {
      if (waiting.size === 0) return;
      end(new NamedError('Job.Interrupted', 'the statement under way was interrupted'));
      void thread.terminate();
    }, GRACE_MS).unref();
  };
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  let calls = 0;
  const ask = (message: Omit<EngineCall, 'id'>) => {
    calls += 1;
    const id = calls;
    return call(id, () => thread.postMessage({ id, ...message }));
  };
  await call(0, () => undefined);
  return {
    query: async (text, values) => (await ask({ text, values }))!,
    close: async () => {
      signal?.removeEventListener('abort', stop);
      if (!ended) await ask({});
      await thread.terminate();
      await gone;
    },
  };
}

/** An error as a thread can hand it on: what PostgreSQL and the system say of it, too. */
export function plainError(error: unknown): PlainError {
  const { name = 'Error', message = String(error) } = error as Error;
  const fields = ['code', 'severity', 'hint', 'position'].map((field) => [field, (error as PlainError)[field]]);
  return { ...Object.fromEntries(fields.filter(([, value]) => typeof value === 'string')), name, message };
}
