import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { delimiter, dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { lastStep } from './last-steps.ts';
import { eachLine, type LineLog, openLineLog } from './line-log.ts';
import { requireStarted } from './open-files.ts';

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
  /** Starts one of them. */
  startProcess?: typeof startFunctionProcess;
}

export interface Functions {
  /**
   * Runs one function and resolves to its payload. Calls beyond `size` wait their turn; the timeout runs
   * from the moment the handler starts. A stopped call's worker is killed and replaced.
   * @throws Error whose `name` and `message` are the Error and Cause Step Functions would see: the handler's
   *   own error, `Home.Unwritable` (no more files may be open), `Sandbox.Timedout`, `Lambda.Unknown` (the worker died), `Lambda.ResourceNotFoundException`;
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
export function startFunctions(options: FunctionsOptions): Functions {
  const { bundles, worker, env, logFile, size = 2, startProcess = startFunctionProcess } = options;
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
    try {
      const started = startProcess(worker, environment, log);
      all.add(started);
      return started;
    } catch (error) {
      // Its turn is another's.
      waiting.shift()?.();
      throw error;
    }
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

/** Loading a bundle is not part of a function's own timeout, but it is not endless either. */
const LOAD_LIMIT_SECONDS = 60;

export type Outcome = { payload: string } | { fault: FunctionFault } | { died: string };

/** One warm worker process. Runs one call at a time. */
export interface FunctionProcess {
  /** Names of the functions it has loaded. */
  loaded: Set<string>;
  run(invocation: Invocation): Promise<Outcome>;
  /** False once it ended or must not be used again. */
  usable(): boolean;
  /** Ends it at once; resolves when it is gone and its output is logged. */
  kill(): Promise<void>;
}

interface Call {
  invocation: Invocation;
  marks: number;
  outcome?: Outcome;
  timer: NodeJS.Timeout;
  settle: (outcome: Outcome) => void;
}

/** Starts a worker. `env` is its whole environment; its output goes to `log`. */
export function startFunctionProcess(program: string, env: Record<string, string>, log: LineLog): FunctionProcess {
  const child = fork(program, [], {
    env,
    execArgv: ['--enable-source-maps'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  requireStarted(child);
  const killed = lastStep(() => child.kill('SIGKILL'));
  let call: Call | undefined;
  let usable = true;
  let last: { name: string; id: string } = { name: 'worker', id: '' };

  const finish = (outcome: Outcome) => {
    if (!call) return;
    clearTimeout(call.timer);
    const { settle } = call;
    call = undefined;
    settle(outcome);
  };
  /** The answer counts once both streams have shown that the call's output is complete. */
  const finishWhenComplete = () => {
    if (call?.outcome && call.marks === 2) finish(call.outcome);
  };
  const arm = (seconds: number, invocation: Invocation) =>
    setTimeout(() => {
      usable = false;
      child.kill('SIGKILL');
      finish({ fault: timeoutFault(invocation) });
    }, seconds * 1000);

  child.on('message', (message: WorkerMessage) => {
    if (call?.invocation.id !== message.id) return;
    if (message.kind === 'started') {
      clearTimeout(call.timer);
      call.timer = arm(call.invocation.timeoutSeconds, call.invocation);
      return;
    }
    call.outcome = message.kind === 'result' ? { payload: message.payload } : { fault: message.fault };
    if (message.kind === 'fault' && message.retire) usable = false;
    finishWhenComplete();
  });
  const reading = (['stdout', 'stderr'] as const).map((stream) =>
    eachLine(child[stream] as Readable, (line) => {
      if (!line.startsWith(endMark(''))) return log.write({ ...last, stream }, line);
      if (call && line === endMark(call.invocation.id)) call.marks += 1;
      finishWhenComplete();
    }),
  );
  const gone = whenGone(child).then(async (reason) => {
    usable = false;
    killed();
    await Promise.all(reading);
    finish(call?.outcome ?? { died: reason });
  });

  return {
    loaded: new Set(),
    usable: () => usable,
    run(invocation) {
      last = { name: invocation.name, id: invocation.id };
      return new Promise((settle) => {
        call = { invocation, marks: 0, settle, timer: arm(LOAD_LIMIT_SECONDS, invocation) };
        child.send(invocation, (error) => {
          if (error) finish({ died: error.message });
        });
      });
    },
    async kill() {
      usable = false;
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** How the process ended, in the words Lambda uses. */
function whenGone(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) =>
      resolve(`Runtime exited with error: ${signal === null ? `exit status ${code}` : `signal: ${signal}`}`),
    );
  });
}

function timeoutFault({ id, timeoutSeconds }: Invocation): FunctionFault {
  const errorMessage = `RequestId: ${id} Error: Task timed out after ${timeoutSeconds.toFixed(2)} seconds`;
  return { errorType: 'Sandbox.Timedout', errorMessage };
}

/** What the pool sends a worker: run `handler` of the bundle at `path` once. */
export interface Invocation {
  id: string;
  name: string;
  path: string;
  payload: unknown;
  timeoutSeconds: number;
}

/** Lambda's error payload, which is also the Cause Step Functions hands on. */
export interface FunctionFault {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}

/** What a worker sends back. `retire`: it cannot be trusted with another call. */
export type WorkerMessage =
  | { kind: 'started'; id: string }
  | { kind: 'result'; id: string; payload: string }
  | { kind: 'fault'; id: string; fault: FunctionFault; retire: boolean };

/** The line that ends an invocation's output on each stream, so that no line is put under the next call. */
export function endMark(id: string): string {
  return `\u0000end ${id}`;
}

/**
 * The PATH of a child: this Node.js and the system's own directories, so that the user's shell settings
 * reach it no more than the rest of the environment does.
 */
export function childPath(): string {
  return [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter);
}
