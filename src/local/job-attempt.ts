import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { eachLine, type LineLog } from './line-log.ts';

const REASON_LINES = 3;

export interface Attempt {
  exitCode: number;
  /** The last lines of stderr, when the exit code was not 0 and there were any. */
  reason: string | undefined;
  /** True when the attempt ran into its own time limit. */
  timedOut: boolean;
  /** Epoch milliseconds. */
  startedAt: number;
  stoppedAt: number;
}

export interface AttemptSpec {
  jobProcess: string;
  program: string;
  command: string[];
  env: Record<string, string>;
  timeoutSeconds: number | undefined;
  /** From SIGTERM to SIGKILL. */
  killAfterSeconds: number;
  name: string;
  id: string;
}

/**
 * Runs a job's program once, to its end. `signal` and the time limit send SIGTERM, and SIGKILL
 * `killAfterSeconds` later; either way the process is gone and its output logged when this resolves.
 */
export async function runAttempt(spec: AttemptSpec, log: LineLog, signal: AbortSignal | undefined): Promise<Attempt> {
  const { jobProcess, program, command, env, timeoutSeconds, killAfterSeconds, name, id } = spec;
  const startedAt = Date.now();
  const child = spawn(process.execPath, ['--enable-source-maps', jobProcess, program, ...command], {
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const timers: NodeJS.Timeout[] = [];
  const stop = () => {
    child.kill('SIGTERM');
    timers.push(setTimeout(() => child.kill('SIGKILL'), killAfterSeconds * 1000));
  };
  let timedOut = false;
  if (timeoutSeconds !== undefined) {
    timers.push(
      setTimeout(() => {
        timedOut = true;
        stop();
      }, timeoutSeconds * 1000),
    );
  }
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const telling: string[] = [];
  const reading = (['stdout', 'stderr'] as const).map((stream) =>
    eachLine(child[stream] as Readable, (line) => {
      log.write({ name, id, stream }, line);
      if (stream === 'stderr' && isTelling(line)) telling.push(line);
      if (telling.length > REASON_LINES) telling.shift();
    }),
  );
  let exitCode: number;
  try {
    exitCode = await exitCodeOf(child);
    await Promise.all(reading);
  } finally {
    signal?.removeEventListener('abort', stop);
    for (const timer of timers) clearTimeout(timer);
  }
  const reason = exitCode === 0 || telling.length === 0 ? undefined : telling.join('\n');
  return { exitCode, reason, timedOut, startedAt, stoppedAt: Date.now() };
}

/** Stack frames and Node.js' closing version line say nothing of the cause. */
function isTelling(line: string): boolean {
  return line.trim() !== '' && !/^\s+at /.test(line) && !/^Node\.js v\d/.test(line);
}

const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = {
  SIGINT: 2,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};

/** A shell's and Docker's convention: 128 plus the signal's number. */
function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + ((signal && SIGNAL_NUMBERS[signal]) ?? 0)));
  });
}
