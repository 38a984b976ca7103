import type { Engine, Entry, Surroundings } from './engine.ts';
import type { ExecutionEventType } from './events.ts';
import { Interruption, StateFailure } from './failure.ts';
import { childSignal } from './interruption.ts';
import { Variables } from './variables.ts';

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
  let failed: { error: unknown } | undefined;
  let begun = 0;

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
      failed ??= { error };
      stop.abort(new Interruption('sibling'));
    }
  };
  const worker = async (): Promise<void> => {
    while (failed === undefined && begun < fan.count) {
      begun += 1;
      await one(begun - 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(fan.limit, fan.count) }, worker));
  stop.release();
  // read through a function: the compiler does not see the assignment inside `one`
  const failure = ((): typeof failed => failed)();
  if (failure !== undefined) throw failure.error;
  return results;
}
