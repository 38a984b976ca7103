import { type Engine, type Entry, type Step, type Surroundings, wrongType } from './engine.ts';
import { StateFailure } from './failure.ts';
import type { ChoiceState, FailState, Scope, WaitState } from './machine.ts';
import type { Template } from './payload-template.ts';
import { recover } from './recover.ts';
import { tryMap, tryParallel } from './run-fan-out.ts';
import { tryTask } from './run-task.ts';
import { isTimestamp } from './timestamp.ts';

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
    const entry: Entry = { ...surroundings, state, input: value, enteredTime: engine.parts.now().toISOString() };
    engine.emit('StateEntered', entry.path, { state: name, stateType: state.type });
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
      throw wrongType(rule.condition, entry, `Choices[${index}]/Condition`, { wanted: 'a boolean', value: holds });
    }
    if (holds) return engine.leave(entry, rule, rule.next, {}, entry.input);
  }
  if (state.default !== undefined) return engine.leave(entry, state, state.default, {}, entry.input);
  throw new StateFailure(
    'States.NoChoiceMatched',
    `The state '${state.name}' has no choice that matches and no Default.`,
  );
}

async function wait(engine: Engine, entry: Entry, state: WaitState): Promise<void> {
  const seconds =
    state.unit === 'Seconds'
      ? await engine.evaluateInteger(state.until, entry, 'Seconds', 0)
      : Math.max(0, ((await instant(engine, entry, state.until)) - engine.parts.now().getTime()) / 1000);
  engine.emit('WaitStarted', entry.path, { state: state.name, seconds });
  await engine.pause(seconds, entry.signal);
}

async function instant(engine: Engine, entry: Entry, template: Template): Promise<number> {
  const value = await engine.evaluate(template, entry);
  if (typeof value === 'string' && isTimestamp(value)) return Date.parse(value);
  throw wrongType(template, entry, 'Timestamp', { wanted: 'an instant like 2025-11-19T09:00:00Z', value });
}

async function failureOf(engine: Engine, entry: Entry, state: FailState): Promise<StateFailure> {
  const text = async (template: Template | undefined, field: string): Promise<string | undefined> => {
    if (template === undefined) return undefined;
    const value = await engine.evaluate(template, entry);
    if (typeof value !== 'string') throw wrongType(template, entry, field, { wanted: 'a string', value });
    return value;
  };
  return new StateFailure(await text(state.error, 'Error'), await text(state.cause, 'Cause'));
}
