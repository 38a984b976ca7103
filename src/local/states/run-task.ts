import type { Engine, Entry, Step } from './engine.ts';
import { StateFailure } from './failure.ts';
import { childSignal, interruptible, startTimer } from './interruption.ts';
import type { TaskState } from './machine.ts';
import { boundedCopy } from './payload.ts';
import { requireArguments } from './resource-arguments.ts';

/** One try of a Task: Arguments, the integration under its TimeoutSeconds, then Assign and Output. */
export async function tryTask(engine: Engine, entry: Entry & { retryCount: number }, state: TaskState): Promise<Step> {
  const { path, retryCount: attempt } = entry;
  const args = boundedCopy(await engine.evaluate(state.arguments, entry), `The Arguments of the task '${state.name}'`);
  requireArguments(state.resource, args);
  const timeout = state.timeoutSeconds;
  const seconds = timeout && (await engine.evaluateInteger(timeout, entry, 'TimeoutSeconds', 1));
  engine.emit('TaskScheduled', path, { state: state.name, attempt });
  let result: unknown;
  try {
    const given = await underTimeout(entry.signal, seconds, (signal) => {
      const info = { stateName: state.name, context: engine.context(entry), signal, attempt };
      return integrate(engine, state, args, info);
    });
    result = boundedCopy(given, `The state/task '${state.name}' returned a result that`);
  } catch (failure) {
    if (failure instanceof StateFailure) {
      engine.emit('TaskFailed', path, { state: state.name, attempt, error: failure.error, cause: failure.reason });
    }
    throw failure;
  }
  engine.emit('TaskSucceeded', path, { state: state.name, attempt, output: result });
  return engine.leave(entry, state, state.next, { result }, result);
}

async function integrate(
  engine: Engine,
  state: TaskState,
  args: unknown,
  info: Parameters<Engine['parts']['integrations'][string]>[1],
): Promise<unknown> {
  try {
    return await engine.parts.integrations[state.resource]!(args, info);
  } catch (error) {
    if (error instanceof Error) throw new StateFailure(error.name, error.message);
    throw new StateFailure('States.TaskFailed', String(error));
  }
}

/** TimeoutSeconds is real time whatever timeScale is: scaled waits leave the work itself as long as it was. */
async function underTimeout<T>(
  parent: AbortSignal,
  seconds: number | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const child = childSignal(parent);
  const limit =
    seconds === undefined
      ? undefined
      : startTimer(seconds * 1000, () => child.abort(new StateFailure('States.Timeout')));
  try {
    return await interruptible(child.signal, () => work(child.signal));
  } finally {
    limit?.();
    child.release();
  }
}
