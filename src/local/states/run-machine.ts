import { NamedError } from '../../errors.ts';
import { Engine, type Entry, type Step, type Surroundings, Variables, whileExecuting, wrongType } from './engine.ts';
import {
  type ExecutionEvent,
  type ExecutionEventType,
  type ExecutionResult,
  HISTORY_LIMIT,
  type Integration,
} from './events.ts';
import { childSignal, Interruption, StateFailure, startTimer } from './failure.ts';
import { tryMap, tryParallel } from './fan-out.ts';
import { isTimestamp } from './fields.ts';
import type { ChoiceState, FailState, Machine, Scope, WaitState } from './machine.ts';
import { boundedCopy, type Template } from './template.ts';
import { recover, tryTask } from './try-task.ts';

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
  const engine = engineFor(options, now, () => stop.abort(new Interruption('history-limit')));
  const limit =
    machine.timeoutSeconds === undefined
      ? undefined
      : startTimer(machine.timeoutSeconds * 1000, () => stop.abort(new Interruption('machine-timeout')));
  engine.emit('ExecutionStarted', []);
  const end = await runRoot(engine, machine, options.input, stop.signal).then(
    (output): Ending => ({ status: 'SUCCEEDED', output }),
    (error: unknown): Ending => executionEnd(error, stop.signal),
  );
  limit?.();
  stop.release();
  engine.emit(FINAL_EVENT[end.status], [], { error: end.error, cause: end.cause });
  const { historyEvents, transitions } = engine;
  const stoppedAt = now().toISOString();
  return { ...end, historyEvents, transitions: transitions + 1, startedAt: options.execution.startTime, stoppedAt };
}

async function runRoot(engine: Engine, machine: Machine, given: unknown, signal: AbortSignal): Promise<unknown> {
  const input = boundedCopy(given ?? {}, 'The input of the execution');
  const surroundings = { variables: new Variables(), path: [], signal, mapItem: undefined };
  const output = await runScope(engine, machine.root, input, surroundings);
  // the last state's own end may have been one event too many
  signal.throwIfAborted();
  return boundedCopy(output, 'The output of the execution');
}

type Ending = Pick<ExecutionResult, 'status' | 'output' | 'error' | 'cause'>;

const FINAL_EVENT: Readonly<Record<ExecutionResult['status'], ExecutionEventType>> = {
  SUCCEEDED: 'ExecutionSucceeded',
  FAILED: 'ExecutionFailed',
  TIMED_OUT: 'ExecutionTimedOut',
  ABORTED: 'ExecutionAborted',
};

function executionEnd(error: unknown, signal: AbortSignal): Ending {
  if (error instanceof Interruption && error.by === 'machine-timeout') {
    return { status: 'TIMED_OUT' };
  }
  if (error instanceof Interruption && error.by === 'history-limit') {
    const cause = `The execution reached the maximum number of history events (${HISTORY_LIMIT}).`;
    return { status: 'FAILED', error: 'States.Runtime', cause };
  }
  // the caller's own abort carries the caller's own reason
  if (signal.aborted && error === signal.reason) return { status: 'ABORTED' };
  if (error instanceof StateFailure) return { status: 'FAILED', error: error.error, cause: error.reason };
  throw error;
}

function engineFor(options: RunOptions, now: () => Date, onFullHistory: () => void): Engine {
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
    onFullHistory,
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

/** Runs a scope from StartAt until a state ends it. @returns the last state's output. */
export async function runScope(
  engine: Engine,
  scope: Scope,
  input: unknown,
  surroundings: Surroundings,
): Promise<unknown> {
  let name = scope.startAt;
  let value = input;
  for (;;) {
    await engine.breathe();
    surroundings.signal.throwIfAborted();
    const state = scope.states.get(name)!;
    const enteredTime = engine.parts.now().toISOString();
    engine.emit('StateEntered', surroundings.path, { state: name, stateType: state.type });
    const entry: Entry = { ...surroundings, state, input: value, enteredTime, eventId: engine.historyEvents };
    const { output, assign, next } = await runState(engine, entry);
    surroundings.variables.assign(assign);
    engine.emit('StateExited', entry.path, { state: name, stateType: state.type, next });
    if (next === undefined) return output;
    value = output;
    name = next;
  }
}

async function runState(engine: Engine, entry: Entry): Promise<Step> {
  const { state } = entry;
  switch (state.type) {
    case 'Task':
      return recover(engine, entry, state, (attempt) => tryTask(engine, attempt, state));
    case 'Map':
      return recover(engine, entry, state, (attempt) => tryMap(engine, attempt, state));
    case 'Parallel':
      return recover(engine, entry, state, (attempt) => tryParallel(engine, attempt, state));
    case 'Pass':
      return engine.leave(entry, state, state.next, {}, entry.input);
    case 'Succeed':
      return engine.leave(entry, { assign: undefined, output: state.output }, undefined, {}, entry.input);
    case 'Choice':
      return choose(engine, entry, state);
    case 'Wait':
      await wait(engine, entry, state);
      return engine.leave(entry, state, state.next, {}, entry.input);
    case 'Fail':
      throw await failureOf(engine, entry, state);
  }
}

async function choose(engine: Engine, entry: Entry, state: ChoiceState): Promise<Step> {
  for (const [index, rule] of state.choices.entries()) {
    const holds = await engine.evaluate(rule.condition, entry);
    if (typeof holds !== 'boolean') {
      throw wrongType(rule.condition, entry, `Choices[${index}]/Condition`, { wanted: "'boolean'", value: holds });
    }
    if (holds) return engine.leave(entry, rule, rule.next, {}, entry.input);
  }
  if (state.default !== undefined) return engine.leave(entry, state, state.default, {}, entry.input);
  throw new StateFailure(
    'States.NoChoiceMatched',
    `The state '${state.name}' has no choice that matches and no Default.`,
  );
}

/** Seconds until a Timestamp at most, some 24,855 days; AWS keeps them in 32 bits. */
const LONGEST_WAIT = 2 ** 31 - 1;

async function wait(engine: Engine, entry: Entry, state: WaitState): Promise<void> {
  const seconds =
    state.unit === 'Seconds'
      ? await engine.evaluateInteger(state.until, entry, 'Seconds', 0)
      : Math.max(0, ((await instant(engine, entry, state.until)) - engine.parts.now().getTime()) / 1000);
  if (seconds > LONGEST_WAIT) {
    throw new StateFailure('States.Runtime', `${whileExecuting(entry)} Wait state delay is too long.`);
  }
  engine.emit('WaitStarted', entry.path, { state: state.name, seconds });
  await engine.pause(seconds, entry.signal);
}

async function instant(engine: Engine, entry: Entry, template: Template): Promise<number> {
  const value = await engine.evaluate(template, entry);
  if (typeof value === 'string' && isTimestamp(value)) return Date.parse(value);
  if (typeof value !== 'string') throw wrongType(template, entry, 'Timestamp', { wanted: "'string'", value });
  throw new StateFailure(
    'States.QueryEvaluationError',
    `${whileExecuting(entry)} The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: ${value}`,
  );
}

async function failureOf(engine: Engine, entry: Entry, state: FailState): Promise<StateFailure> {
  const text = async (template: Template | undefined, field: string): Promise<string | undefined> => {
    if (template === undefined) return undefined;
    const value = await engine.evaluate(template, entry);
    if (typeof value !== 'string') throw wrongType(template, entry, field, { wanted: "'string'", value });
    return value;
  };
  return new StateFailure(await text(state.error, 'Error'), await text(state.cause, 'Cause'));
}
