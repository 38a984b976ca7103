import { type ChildProcess, fork } from 'node:child_process';
import type { Readable } from 'node:stream';
import { endMark, type FunctionFault, type Invocation, type WorkerMessage } from './function-messages.ts';
import { eachLine, type LineLog } from './line-log.ts';

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
