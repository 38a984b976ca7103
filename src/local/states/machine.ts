import type { Expression } from './expressions.ts';
import type { Template } from './template.ts';

/** A compiled state machine, as loadMachine returns it. */
export interface Machine {
  name: string;
  comment: string | undefined;
  /** Seconds for the whole execution; undefined is no limit. */
  timeoutSeconds: number | undefined;
  root: Scope;
  /** Every Resource its Tasks name, sorted, each once. */
  resources: string[];
  definition: Record<string, unknown>;
}

/** One `States` object: the machine itself, a Map's ItemProcessor or a Parallel's branch. Has its own variables. */
export interface Scope {
  /** Where it stands: '' for the machine, 'States.Sync Reference.ItemProcessor' for a Map. */
  place: string;
  startAt: string;
  states: Map<string, State>;
}

/** `names` are the variables it assigns; `template` gives an object with just these keys. */
export interface Assign {
  names: string[];
  template: Template;
}

/** What a state leaves behind on one way out. */
export interface Effects {
  assign: Assign | undefined;
  output: Template | undefined;
}

/** An expression of the definition, with its place: 'States.Check Night.Arguments.Payload.session'. */
export interface Use {
  place: string;
  expression: Expression;
}

interface Base {
  name: string;
  place: string;
  comment: string | undefined;
  /** Its own expressions, not those of states inside it. */
  uses: Use[];
}

/** `next` is undefined for `End: true`. */
interface Onward extends Effects {
  next: string | undefined;
}

export interface Retrier {
  errorEquals: string[];
  intervalSeconds: number;
  maxAttempts: number;
  backoffRate: number;
  maxDelaySeconds: number | undefined;
  jitter: 'FULL' | 'NONE';
}

export interface Catcher extends Effects {
  errorEquals: string[];
  next: string;
}

export interface Recovery {
  retry: Retrier[];
  catch: Catcher[];
}

export interface ChoiceRule extends Effects {
  condition: Template;
  next: string;
}

export interface PassState extends Base, Onward {
  type: 'Pass';
}
export interface TaskState extends Base, Onward, Recovery {
  type: 'Task';
  resource: string;
  arguments: Template;
  timeoutSeconds: Template | undefined;
}
export interface MapState extends Base, Onward, Recovery {
  type: 'Map';
  items: Template | undefined;
  itemSelector: Template | undefined;
  maxConcurrency: Template;
  processor: Scope;
}
export interface ParallelState extends Base, Onward, Recovery {
  type: 'Parallel';
  arguments: Template | undefined;
  branches: Scope[];
}
/** Its own Assign and Output belong to Default; each rule has its own. */
export interface ChoiceState extends Base, Effects {
  type: 'Choice';
  choices: ChoiceRule[];
  default: string | undefined;
}
export interface WaitState extends Base, Onward {
  type: 'Wait';
  unit: 'Seconds' | 'Timestamp';
  until: Template;
}
export interface SucceedState extends Base {
  type: 'Succeed';
  output: Template | undefined;
}
export interface FailState extends Base {
  type: 'Fail';
  error: Template | undefined;
  cause: Template | undefined;
}
export type RecoverableState = TaskState | MapState | ParallelState;
export type State = RecoverableState | PassState | ChoiceState | WaitState | SucceedState | FailState;
