import * as z from 'zod';
import { AwsFault, jsonRoute, type Routes } from '../../src/local/aws/protocol.ts';
import type { ExecutionDescription } from '../../src/local/aws/services.ts';
import type { ExecutionEvent, ExecutionResult } from '../../src/local/states/events.ts';

const StartExecution = z.object({ stateMachineArn: z.string(), name: z.string(), input: z.string() });
type StartExecution = z.output<typeof StartExecution>;
const GetExecutionHistory = z.object({
  executionArn: z.string(),
  maxResults: z.number().optional(),
  nextToken: z.string().optional(),
});

interface HistoryEvent {
  id: number;
  previousEventId: number;
  type: string;
  /** Seconds since 1970. */
  timestamp: number;
  [details: `${string}EventDetails`]: object;
}

interface Known {
  description: ExecutionDescription;
  events: HistoryEvent[];
  /** The newest event by where it lies: a state's path, `''` for the machine. */
  newest: Map<string, number>;
  /** Types of the states under way, by path and name. */
  types: Map<string, string>;
}

/** The executions of the states engine as the Step Functions API tells of them. */
export class Executions {
  readonly #known = new Map<string, Known>();

  /** @param start begins an execution and answers its ARN */
  constructor(private readonly start: (request: StartExecution) => string) {}

  started(executionArn: string, stateMachineArn: string): void {
    const name = executionArn.split(':').at(-1)!;
    const description = { executionArn, stateMachineArn, name, status: 'RUNNING' as const, startDate: new Date() };
    this.#known.set(executionArn, { description, events: [], newest: new Map(), types: new Map() });
  }

  heard(executionArn: string, event: ExecutionEvent): void {
    const known = this.#known.get(executionArn)!;
    const read = historyEvent(event, known);
    if (!read) return;
    const { path, ...rest } = read;
    const place = path.join('/');
    // A state that fans out again starts its iterations over.
    if (/^(Map|Parallel)StateStarted$/.test(read.type)) {
      const inside = [...path, event.state, ''].join('/');
      for (const one of known.newest.keys()) if (one.startsWith(inside)) known.newest.delete(one);
    }
    // The first state of an iteration follows the iteration's start, that of a branch the Parallel's.
    const before = known.newest.get(place) ?? known.newest.get(path.slice(0, -2).join('/')) ?? 0;
    const id = known.events.length + 1;
    known.events.push({ id, previousEventId: before, timestamp: Date.parse(event.at) / 1000, ...rest });
    known.newest.set(place, id);
  }

  ended(executionArn: string, { status, output, error, cause }: ExecutionResult): void {
    const { description } = this.#known.get(executionArn)!;
    const said = output === undefined ? { error, cause } : { output: JSON.stringify(output) };
    Object.assign(description, { status, stopDate: new Date(), ...said });
  }

  describe(executionArn: string): ExecutionDescription | undefined {
    return this.#known.get(executionArn)?.description;
  }

  /** Input, output and every event of all executions. */
  text(): string {
    return JSON.stringify([...this.#known.values()].map(({ description, events }) => ({ description, events })));
  }

  /** StartExecution and GetExecutionHistory; DescribeExecution has its route already. */
  routes(): Routes {
    return {
      'AWSStepFunctions.StartExecution': jsonRoute(StartExecution, (request) => {
        return { executionArn: this.start(request), startDate: Date.now() / 1000 };
      }),
      'AWSStepFunctions.GetExecutionHistory': jsonRoute(GetExecutionHistory, (request) => {
        const { executionArn, maxResults = 100, nextToken = '0' } = request;
        const known = this.#known.get(executionArn);
        if (!known) throw new AwsFault('ExecutionDoesNotExist', `Execution Does Not Exist: '${executionArn}'`);
        const end = Number(nextToken) + maxResults;
        const events = known.events.slice(Number(nextToken), end);
        return { events, ...(end < known.events.length ? { nextToken: String(end) } : {}) };
      }),
    };
  }
}

type Read = { path: string[]; type: string } & Record<`${string}EventDetails`, object>;

/** The event in Step Functions' words and at its place; undefined for one that a history does not have. */
function historyEvent(event: ExecutionEvent, { types }: Known): Read | undefined {
  const { type, path, state: name = '', error, cause } = event;
  const state = [...path, name].join('/');
  switch (type) {
    case 'StateEntered':
      types.set(state, event.stateType!);
      return { path, type: `${event.stateType}StateEntered`, stateEnteredEventDetails: { name } };
    case 'StateExited':
    case 'StateCaught':
      return { path, type: `${types.get(state)}StateExited`, stateExitedEventDetails: { name } };
    case 'TaskScheduled':
      return { path, type };
    case 'TaskSucceeded':
      return { path, type, taskSucceededEventDetails: { output: JSON.stringify(event.output ?? null) } };
    case 'TaskFailed':
      return { path, type, taskFailedEventDetails: { error, cause } };
    case 'MapStarted':
      return { path, type: 'MapStateStarted', mapStateStartedEventDetails: { length: event.count } };
    case 'ParallelStarted':
      return { path, type: 'ParallelStateStarted' };
    case 'MapIterationStarted':
    case 'MapIterationSucceeded':
    case 'MapIterationFailed': {
      const details = { name, index: Number(path.at(-1)) };
      const field = `${type[0]!.toLowerCase()}${type.slice(1)}EventDetails` as const;
      return { path, type, [field]: details } as Read;
    }
    case 'ExecutionFailed':
      return { path, type, executionFailedEventDetails: { error, cause } };
    case 'ExecutionStarted':
    case 'ExecutionSucceeded':
    case 'ExecutionTimedOut':
    case 'ExecutionAborted':
      return { path, type };
    default:
      return undefined;
  }
}
