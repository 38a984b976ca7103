/** What the pool sends a worker: run `handler` of the bundle at `path` once. */
export interface Invocation {
  id: string;
  name: string;
  path: string;
  payload: unknown;
  timeoutSeconds: number;
}

/** Lambda's error payload, which is also the Cause Step Functions hands on. */
export interface FunctionFault {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}

/** What a worker sends back. `retire`: it cannot be trusted with another call. */
export type WorkerMessage =
  | { kind: 'started'; id: string }
  | { kind: 'result'; id: string; payload: string }
  | { kind: 'fault'; id: string; fault: FunctionFault; retire: boolean };

/** The line that ends an invocation's output on each stream, so that no line is put under the next call. */
export function endMark(id: string): string {
  return `\u0000end ${id}`;
}
