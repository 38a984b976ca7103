import { inFlight } from '../../concurrency.ts';
import {
  type Engine,
  type Entry,
  type Step,
  type Surroundings,
  Variables,
  whileExecuting,
  wrongType,
} from './engine.ts';
import type { ExecutionEventType } from './events.ts';
import { childSignal, Interruption, StateFailure } from './failure.ts';
import type { MapState, ParallelState } from './machine.ts';
import { requireBounded } from './template.ts';

/** Names of the events of a Map's iterations or a Parallel's branches. */
export type FanOutKind = 'MapIteration' | 'ParallelBranch';

/**
 * Runs `count` pieces of work, at most `limit` at once, begun in order. Each has variables of its own. The first
 * that fails stops the others, which are not waited for beyond their next await, and fails the whole.
 * @returns their results, by index.
 */
export async function fanOut(
  engine: Engine,
  entry: Entry,
  fan: { kind: FanOutKind; count: number; limit: number },
  work: (index: number, surroundings: Surroundings) => Promise<unknown>,
): Promise<unknown[]> {
  const stop = childSignal(entry.signal);
  const results: unknown[] = new Array(fan.count);
  let first: { error: unknown } | undefined;

  const one = async (index: number): Promise<void> => {
    const path = [...entry.path, entry.state.name, String(index)];
    const tell = (how: 'Started' | 'Succeeded' | 'Failed' | 'Aborted', rest = {}): void =>
      engine.emit(`${fan.kind}${how}` satisfies ExecutionEventType, path, { state: entry.state.name, ...rest });
    tell('Started');
    try {
      const variables = new Variables(entry.variables);
      results[index] = await work(index, { variables, path, signal: stop.signal, mapItem: entry.mapItem });
      tell('Succeeded');
    } catch (error) {
      if (error instanceof StateFailure) tell('Failed', { error: error.error, cause: error.reason });
      else tell('Aborted');
      first ??= { error };
      stop.abort(new Interruption('sibling'));
      throw first.error;
    }
  };
  try {
    await inFlight(results.keys(), fan.limit, one);
  } finally {
    stop.release();
    // MapStateSucceeded, ParallelStateFailed, …
    engine.note(1);
  }
  return results;
}

/** Iterations an Inline Map runs at once at most, also where MaxConcurrency is 0. Source: AWS, "Inline mode". */
const INLINE_LIMIT = 40;

/** One try of a Map, with all its iterations. */
export async function tryMap(engine: Engine, entry: Entry, state: MapState): Promise<Step> {
  const items = state.items === undefined ? entry.input : await engine.evaluate(state.items, entry);
  if (!Array.isArray(items)) throw notItems(entry, state, items);
  const wanted = await engine.evaluateInteger(state.maxConcurrency, entry, 'MaxConcurrency', 0);
  const limit = wanted === 0 ? INLINE_LIMIT : Math.min(wanted, INLINE_LIMIT);
  engine.emit('MapStarted', entry.path, { state: state.name, count: items.length });
  const fan = { kind: 'MapIteration' as const, count: items.length, limit };
  const results = await fanOut(engine, entry, fan, async (index, surroundings) => {
    const mapItem = { Index: index, Value: items[index] as unknown };
    const selector = state.itemSelector;
    const input = selector === undefined ? mapItem.Value : await engine.evaluate(selector, { ...entry, mapItem });
    requireBounded(input, `The input of an iteration of '${state.name}'`);
    return engine.runScope(state.processor, input, { ...surroundings, mapItem });
  });
  return leaveWith(engine, entry, state, results);
}

/** One try of a Parallel, with all its branches. */
export async function tryParallel(engine: Engine, entry: Entry, state: ParallelState): Promise<Step> {
  const input = state.arguments === undefined ? entry.input : await engine.evaluate(state.arguments, entry);
  requireBounded(input, `The Arguments of '${state.name}'`);
  const count = state.branches.length;
  engine.emit('ParallelStarted', entry.path, { state: state.name, count });
  const fan = { kind: 'ParallelBranch' as const, count, limit: count };
  const results = await fanOut(engine, entry, fan, (index, surroundings) =>
    engine.runScope(state.branches[index]!, input, surroundings),
  );
  return leaveWith(engine, entry, state, results);
}

function leaveWith(engine: Engine, entry: Entry, state: MapState | ParallelState, results: unknown[]): Promise<Step> {
  requireBounded(results, `The state/task '${state.name}' returned a result that`);
  return engine.leave(entry, state, state.next, { result: results }, results);
}

function notItems(entry: Entry, state: MapState, found: unknown): StateFailure {
  if (state.items !== undefined) {
    return wrongType(state.items, entry, 'Items', { wanted: "'array'", value: found });
  }
  const text = JSON.stringify(found);
  return new StateFailure(
    'States.QueryEvaluationError',
    `${whileExecuting(entry)} Map state input must be an array but was: ${text.length > 200 ? `${text.slice(0, 200)}…` : text}`,
  );
}
