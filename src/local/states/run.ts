import { NamedError } from '../../errors.ts';
import { Engine } from './engine.ts';
import type { ExecutionEvent, ExecutionEventType, ExecutionResult, Integration } from './events.ts';
import { Interruption, StateFailure } from './failure.ts';
import { childSignal, startTimer } from './interruption.ts';
import type { Machine } from './machine.ts';
import { boundedCopy } from './payload.ts';
import { runScope } from './run-scope.ts';
import { Variables } from './variables.ts';

export interface RunOptions {
  input: unknown;
  /** `startTime` is ISO 8601 UTC; `roleArn` is shown in the context object when given. */
  execution: { arn: string; name: string; startTime: string; roleArn?: string };
  stateMachine: { arn: string; name: string };
  /** By Resource: 'arn:aws:states:::lambda:invoke', … */
  integrations: Record<string, Integration>;
  /** Multiplies every Wait and every Retry delay; TimeoutSeconds stays as it is. 1 when not given. */
  timeScale?: number;
  /** Waits `ms` milliseconds (already scaled); may give up early once the signal is aborted. */
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** In [0, 1), for JitterStrategy FULL. */
  random?: () => number;
  /** The clock behind event times, EnteredTime and Wait Timestamp. */
  now?: () => Date;
  onEvent?: (event: ExecutionEvent) => void;
  /** Aborting it stops the execution: status ABORTED. */
  signal?: AbortSignal;
}

/**
 * Runs a machine once. Failures of its states are in the result; it rejects only for what is outside the machine.
 * @throws NamedError Config.Invalid before anything starts when an integration is missing.
 */
export async function runMachine(machine: Machine, options: RunOptions): Promise<ExecutionResult> {
  const missing = machine.resources.filter((resource) => !Object.hasOwn(options.integrations, resource));
  if (missing.length > 0) {
    throw new NamedError('Config.Invalid', {
      what: `the state machine ${machine.name} cannot run`,
      found: `no integration for ${missing.join(', ')}`,
    });
  }
  const now = options.now ?? ((): Date => new Date());
  const stop = childSignal(options.signal ?? new AbortController().signal);
  const engine = engineFor(options, now);
  const limit =
    machine.timeoutSeconds === undefined
      ? undefined
      : startTimer(machine.timeoutSeconds * 1000, () => stop.abort(new Interruption('machine-timeout')));
  engine.emit('ExecutionStarted', []);
  const end = await runRoot(engine, machine, options.input, stop.signal).then(
    (output): Ending => ({ status: 'SUCCEEDED', output }),
    (error: unknown): Ending => endingOf(error, stop.signal),
  );
  limit?.();
  stop.release();
  engine.emit(FINAL_EVENT[end.status], [], { error: end.error, cause: end.cause });
  return { ...end, startedAt: options.execution.startTime, stoppedAt: now().toISOString() };
}

async function runRoot(engine: Engine, machine: Machine, given: unknown, signal: AbortSignal): Promise<unknown> {
  const input = boundedCopy(given ?? {}, 'The input of the execution');
  const surroundings = { variables: new Variables(), path: [], signal, mapItem: undefined };
  return boundedCopy(await runScope(engine, machine.root, input, surroundings), 'The output of the execution');
}

type Ending = Omit<ExecutionResult, 'startedAt' | 'stoppedAt'>;

const FINAL_EVENT: Readonly<Record<ExecutionResult['status'], ExecutionEventType>> = {
  SUCCEEDED: 'ExecutionSucceeded',
  FAILED: 'ExecutionFailed',
  TIMED_OUT: 'ExecutionTimedOut',
  ABORTED: 'ExecutionAborted',
};

function endingOf(error: unknown, signal: AbortSignal): Ending {
  if (error instanceof Interruption && error.by === 'machine-timeout') {
    return { status: 'TIMED_OUT', error: 'States.Timeout' };
  }
  // the caller's own abort carries the caller's own reason
  if (signal.aborted && error === signal.reason) return { status: 'ABORTED' };
  if (error instanceof StateFailure) return { status: 'FAILED', error: error.error, cause: error.reason };
  throw error;
}

function engineFor(options: RunOptions, now: () => Date): Engine {
  const { execution, stateMachine } = options;
  const role = execution.roleArn === undefined ? {} : { RoleArn: execution.roleArn };
  return new Engine({
    context: {
      Execution: {
        Id: execution.arn,
        Input: options.input ?? {},
        Name: execution.name,
        ...role,
        RedriveCount: 0,
        StartTime: execution.startTime,
      },
      StateMachine: { Id: stateMachine.arn, Name: stateMachine.name },
    },
    integrations: options.integrations,
    sleep: options.sleep ?? realSleep,
    timeScale: options.timeScale ?? 1,
    random: options.random ?? Math.random,
    now,
    onEvent: options.onEvent ?? ((): void => {}),
    runScope,
  });
}

function realSleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = startTimer(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
