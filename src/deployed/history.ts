import type { HistoryEvent } from '@aws-sdk/client-sfn';
import type { ExecutionEvent } from '../local/states/events.ts';

interface Place {
  path: string[];
  /** The state whose inside this event is, or the one it enters. */
  state?: string;
  stateType?: string;
  /** What this event was, for the one that follows it. */
  kind: string;
  error?: string;
  attempt: number;
  /** Branches of a Parallel that have begun. */
  branches: number;
}

/**
 * Reads a Step Functions execution history into the events of our own states engine, so that one display serves both.
 * Events may come in batches, in order; what an event is in follows from the one before it (`previousEventId`).
 * Source: the HistoryEvent of the Step Functions API reference.
 */
export class History {
  private readonly places = new Map<number, Place>();

  /** The next event, or undefined for one that has no counterpart. */
  read(event: HistoryEvent): ExecutionEvent | undefined {
    const before = this.places.get(event.previousEventId ?? 0) ?? { path: [], kind: '', attempt: 0, branches: 0 };
    const place: Place = { ...before, kind: event.type ?? '', branches: 0 };
    this.places.set(event.id ?? 0, place);
    const at = (event.timestamp ?? new Date(0)).toISOString();
    const read = translate(event, before, place);
    return read && { at, path: place.path, ...(place.state === undefined ? {} : { state: place.state }), ...read };
  }
}

type Read = Pick<ExecutionEvent, 'type'> & Partial<ExecutionEvent>;

function translate(event: HistoryEvent, before: Place, place: Place): Read | undefined {
  const type = event.type ?? '';
  if (type === 'ExecutionStarted') return { type };
  if (type === 'ExecutionSucceeded') return { type };
  if (type === 'ExecutionFailed') return { type, ...trouble(event.executionFailedEventDetails) };
  if (type === 'ExecutionTimedOut') return { type, ...trouble(event.executionTimedOutEventDetails) };
  if (type === 'ExecutionAborted') return { type, ...trouble(event.executionAbortedEventDetails) };
  if (type.endsWith('StateEntered')) return entered(event, before, place);
  if (type.endsWith('StateExited')) {
    place.state = event.stateExitedEventDetails?.name ?? place.state ?? '';
    place.stateType = type.slice(0, -'StateExited'.length);
    const caught = before.error !== undefined && before.state === place.state;
    place.error = undefined;
    return caught ? { type: 'StateCaught', error: before.error! } : { type: 'StateExited', stateType: place.stateType };
  }
  if (type === 'MapStateStarted') {
    return { type: 'MapStarted', count: event.mapStateStartedEventDetails?.length ?? 0 };
  }
  if (type === 'MapIterationStarted') return iteration(event.mapIterationStartedEventDetails, before, place, type);
  if (type === 'MapIterationSucceeded') return iteration(event.mapIterationSucceededEventDetails, before, place, type);
  if (type === 'MapIterationFailed') return iteration(event.mapIterationFailedEventDetails, before, place, type);
  if (type === 'ParallelStateStarted') return { type: 'ParallelStarted' };
  return task(event, before, place);
}

function entered(event: HistoryEvent, before: Place, place: Place): Read {
  // The first state inside a Map's iteration or a Parallel's branch lies one level deeper.
  if (before.kind === 'MapIterationStarted') place.path = before.path;
  if (before.kind === 'ParallelStateStarted') {
    place.path = [...before.path, before.state ?? '', String(before.branches)];
    before.branches += 1;
  }
  place.state = event.stateEnteredEventDetails?.name ?? '';
  place.stateType = (event.type ?? '').slice(0, -'StateEntered'.length);
  place.attempt = 0;
  place.error = undefined;
  return { type: 'StateEntered', stateType: place.stateType };
}

function iteration(
  details: { name?: string | undefined; index?: number | undefined } | undefined,
  before: Place,
  place: Place,
  type: 'MapIterationStarted' | 'MapIterationSucceeded' | 'MapIterationFailed',
): Read {
  const map = details?.name ?? before.state ?? '';
  const index = String(details?.index ?? 0);
  const started = type === 'MapIterationStarted';
  place.path = started ? [...before.path, map, index] : before.path;
  place.state = undefined as never;
  return { type };
}

function task(event: HistoryEvent, before: Place, place: Place): Read | undefined {
  switch (event.type) {
    case 'TaskScheduled': {
      const again = before.error;
      place.error = undefined;
      if (again === undefined) return { type: 'TaskScheduled', attempt: 0 };
      place.attempt = before.attempt + 1;
      return { type: 'TaskRetried', attempt: place.attempt, error: again };
    }
    case 'TaskSucceeded':
      return { type: 'TaskSucceeded', output: parsed(event.taskSucceededEventDetails?.output) };
    case 'TaskFailed':
      return failed(event.taskFailedEventDetails, place);
    case 'TaskTimedOut':
      return failed({ error: 'States.Timeout', ...event.taskTimedOutEventDetails }, place);
    case 'TaskSubmitFailed':
      return failed(event.taskSubmitFailedEventDetails, place);
    default:
      return undefined;
  }
}

function failed(details: { error?: string | undefined; cause?: string | undefined } | undefined, place: Place): Read {
  place.error = details?.error ?? 'States.TaskFailed';
  return { type: 'TaskFailed', attempt: place.attempt, ...trouble({ ...details, error: place.error }) };
}

function trouble(details: { error?: string | undefined; cause?: string | undefined } | undefined) {
  const { error, cause } = details ?? {};
  return { ...(error === undefined ? {} : { error }), ...(cause === undefined ? {} : { cause }) };
}

function parsed(output: string | undefined): unknown {
  try {
    return JSON.parse(output ?? 'null');
  } catch {
    return output;
  }
}
