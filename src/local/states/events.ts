/** Kinds of event, close to the names of the execution history on AWS. */
export type ExecutionEventType =
  | 'ExecutionStarted'
  | 'ExecutionSucceeded'
  | 'ExecutionFailed'
  | 'ExecutionTimedOut'
  | 'ExecutionAborted'
  | 'StateEntered'
  | 'StateExited'
  | 'StateCaught'
  | 'TaskScheduled'
  | 'TaskSucceeded'
  | 'TaskFailed'
  | 'TaskRetried'
  | 'WaitStarted'
  | 'MapStarted'
  | 'MapIterationStarted'
  | 'MapIterationSucceeded'
  | 'MapIterationFailed'
  | 'MapIterationAborted'
  | 'ParallelStarted'
  | 'ParallelBranchStarted'
  | 'ParallelBranchSucceeded'
  | 'ParallelBranchFailed'
  | 'ParallelBranchAborted';

/** Events that one execution may have on AWS; the last may only be its end. Source: AWS, "Avoid reaching the history quota". */
export const HISTORY_LIMIT = 25_000;

/**
 * How many events the history on AWS has for one of ours, 0 where none is named. Three belong to no event of ours: a
 * job that is waited for is also submitted, an expression that fails is noted, and a Map or Parallel itself ends.
 */
export const EVENTS_ON_AWS: Readonly<Partial<Record<ExecutionEventType, number>>> = {
  ExecutionStarted: 1,
  ExecutionSucceeded: 1,
  ExecutionFailed: 1,
  ExecutionTimedOut: 1,
  ExecutionAborted: 1,
  StateEntered: 1,
  StateExited: 1,
  // TaskScheduled and TaskStarted
  TaskScheduled: 2,
  TaskSucceeded: 1,
  TaskFailed: 1,
  MapStarted: 1,
  MapIterationStarted: 1,
  MapIterationSucceeded: 1,
  MapIterationFailed: 1,
  MapIterationAborted: 1,
  ParallelStarted: 1,
};

export interface ExecutionEvent {
  type: ExecutionEventType;
  /** Instant, ISO 8601 UTC. */
  at: string;
  state?: string;
  /** Type of the state, on StateEntered and StateExited: 'Task', 'Map', … */
  stateType?: string;
  /** Enclosing states and iteration or branch indexes, outermost first: ['Sync Reference', '0']. */
  path: string[];
  /** 0 for the first try of a Task; on TaskRetried (of a Task, Map or Parallel), the try that comes next. */
  attempt?: number;
  /** Seconds until that try as the ASL has it, before timeScale. */
  delaySeconds?: number;
  /** Seconds of a Wait as the ASL has it, before timeScale. */
  seconds?: number;
  /** Number of iterations or branches, on MapStarted and ParallelStarted. */
  count?: number;
  /** Name of the state that follows, on StateExited and StateCaught; absent at an end. */
  next?: string;
  error?: string;
  cause?: string;
  /** The task's result as the integration gave it, on TaskSucceeded only. */
  output?: unknown;
}

/** What an integration is told besides its Arguments. */
export interface IntegrationInfo {
  stateName: string;
  /** The context object, as `$states.context` shows it. */
  context: Record<string, unknown>;
  /** Aborted on TimeoutSeconds, when a sibling failed, and when the execution is stopped. */
  signal: AbortSignal;
  /** 0 for the first try. */
  attempt: number;
}

/**
 * Carries out a Task. Returns the result in the shape of the AWS integration (`{Payload, StatusCode, …}`);
 * a thrown error's `name` becomes the ASL Error, its `message` the Cause.
 */
export type Integration = (args: unknown, info: IntegrationInfo) => Promise<unknown>;

/** How an execution ended. */
export interface ExecutionEnd {
  status: 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  output?: unknown;
  error?: string;
  cause?: string;
  /** The execution's StartTime. */
  startedAt: string;
  stoppedAt: string;
}

export interface ExecutionResult extends ExecutionEnd {
  /** Events its history has on AWS, at most HISTORY_LIMIT. */
  historyEvents: number;
  /** What AWS bills: states entered, retries, and the end. */
  transitions: number;
}
