import {
  EVENTS_ON_AWS,
  type ExecutionEvent,
  type ExecutionEventType,
  HISTORY_LIMIT,
  type Integration,
} from './events.ts';
import { evaluateExpression } from './expressions.ts';
import { interruptible, StateFailure } from './failure.ts';
import type { Effects, Scope, State } from './machine.ts';
import { evaluateTemplate, requireBounded, type Template } from './template.ts';

/** What surrounds a running scope. */
export interface Surroundings {
  variables: Variables;
  /** Enclosing states and indexes, outermost first. */
  path: string[];
  signal: AbortSignal;
  mapItem: { Index: number; Value: unknown } | undefined;
}

/** A state that was entered. */
export interface Entry extends Surroundings {
  state: State;
  input: unknown;
  /** ISO 8601 UTC. */
  enteredTime: string;
  /** Number of the event in the history on AWS with which the state was entered. */
  eventId: number;
  /** Set for states that can be retried. */
  retryCount?: number;
}

/** How a state was left; `next` is undefined where its scope ends. */
export interface Step {
  output: unknown;
  assign: Record<string, unknown>;
  next: string | undefined;
}

/** Extra members of `$states` for Output, Assign and Catch. */
export interface Extra {
  result?: unknown;
  errorOutput?: unknown;
}

export interface EngineParts {
  /** The context object's Execution and StateMachine. */
  context: Record<string, unknown>;
  integrations: Record<string, Integration>;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  timeScale: number;
  random: () => number;
  now: () => Date;
  onEvent: (event: ExecutionEvent) => void;
  /** Ends the execution: its history on AWS would be full. */
  onFullHistory: () => void;
  /** Runs a scope from StartAt to an end and returns its output. */
  runScope: (engine: Engine, scope: Scope, input: unknown, surroundings: Surroundings) => Promise<unknown>;
}

/** One execution's means: events, clock, integrations, and the evaluation of fields. */
export class Engine {
  readonly parts: EngineParts;
  #entered = 0;
  #retried = 0;
  #history = 0;

  constructor(parts: EngineParts) {
    this.parts = parts;
  }

  emit(type: ExecutionEventType, path: string[], rest: Omit<ExecutionEvent, 'type' | 'at' | 'path'> = {}): void {
    this.parts.onEvent({ type, at: this.parts.now().toISOString(), path, ...rest });
    if (type === 'StateEntered') this.#entered += 1;
    if (type === 'TaskRetried') this.#retried += 1;
    this.note(EVENTS_ON_AWS[type] ?? 0);
  }

  /** Counts events of the history on AWS. The one at the limit is the failure itself, whatever should have come. */
  note(events: number): void {
    this.#history = Math.min(this.#history + events, HISTORY_LIMIT);
    if (this.#history === HISTORY_LIMIT) this.parts.onFullHistory();
  }

  /** Events of the history on AWS so far. */
  get historyEvents(): number {
    return this.#history;
  }

  /** State transitions so far as AWS bills them: states entered and retries. */
  get transitions(): number {
    return this.#entered + this.#retried;
  }

  /** Lets timers and aborts have their turn now and then: a loop of states may never wait for anything itself. */
  async breathe(): Promise<void> {
    if (this.#entered % 500 === 0) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Waits the ASL's seconds times timeScale. */
  pause(seconds: number, signal: AbortSignal): Promise<void> {
    const ms = seconds * 1000 * this.parts.timeScale;
    return interruptible(signal, () => this.parts.sleep(ms, signal));
  }

  runScope(scope: Scope, input: unknown, surroundings: Surroundings): Promise<unknown> {
    return this.parts.runScope(this, scope, input, surroundings);
  }

  context(entry: Entry): Record<string, unknown> {
    const { state, enteredTime, retryCount, mapItem } = entry;
    const own = { Name: state.name, EnteredTime: enteredTime };
    return {
      ...this.parts.context,
      State: retryCount === undefined ? own : { ...own, RetryCount: retryCount },
      ...(mapItem === undefined ? {} : { Map: { Item: mapItem } }),
    };
  }

  /** Fills a field. A variable that has no value is undefined in it, so that `$exists($x)` asks for one. */
  evaluate(template: Template, entry: Entry, extra: Extra = {}): Promise<unknown> {
    if (template.kind === 'literal') return Promise.resolve(template.value);
    const states = { input: entry.input, context: this.context(entry), ...extra };
    return evaluateTemplate(template, (expression, field) => {
      const sentence = sentenceFor(entry, expression.source, field);
      const bindings: Record<string, unknown> = { states };
      for (const name of [...expression.reads, ...expression.calls]) {
        if (entry.variables.has(name)) bindings[name] = entry.variables.get(name);
      }
      return evaluateExpression(expression, sentence, bindings);
    });
  }

  /** An integer field such as Seconds, whose expression may have given anything. */
  async evaluateInteger(template: Template, entry: Entry, field: string, from: number): Promise<number> {
    const value = await this.evaluate(template, entry);
    const number = typeof value === 'number' ? value : Number.NaN;
    if (Number.isInteger(number) && number >= from && number <= 99_999_999) return number;
    throw wrongType(template, entry, field, { wanted: `an integer from ${from} to 99999999`, value });
  }

  /** Evaluates Assign and Output, both from the values at state entry, and leaves the state. */
  async leave(
    entry: Entry,
    effects: Effects,
    next: string | undefined,
    extra: Extra,
    fallback: unknown,
  ): Promise<Step> {
    const assign = effects.assign === undefined ? {} : await this.evaluate(effects.assign.template, entry, extra);
    const output = effects.output === undefined ? fallback : await this.evaluate(effects.output, entry, extra);
    requireBounded(assign, `What the state '${entry.state.name}' assigns`);
    requireBounded(output, `The output of the state '${entry.state.name}'`);
    return { output, assign: assign as Record<string, unknown>, next };
  }
}

/** The failure of an expression that gave a value of the wrong kind. */
export function wrongType(
  template: Template,
  entry: Entry,
  field: string,
  found: { wanted: string; value: unknown },
): StateFailure {
  const source = template.kind === 'expression' ? template.expression.source : field;
  const text = JSON.stringify(found.value) ?? 'undefined';
  return new StateFailure(
    'States.QueryEvaluationError',
    `${sentenceFor(entry, source, field)} returned an unexpected result type. Expected ${found.wanted}, ` +
      `but was '${found.value === null ? 'null' : typeof found.value}' for value: ${text.length > 200 ? `${text.slice(0, 200)}…` : text}`,
  );
}

function sentenceFor(entry: Entry, source: string, field: string): string {
  return `${whileExecuting(entry)} The JSONata expression '${source}' specified for the field '${field}'`;
}

/** How AWS begins the Cause of what a state did wrong. */
export function whileExecuting({ state, eventId }: Entry): string {
  return `An error occurred while executing the state '${state.name}' (entered at the event id #${eventId}).`;
}

/** The workflow variables of one scope; outer ones are seen through it and never written. */
export class Variables {
  readonly #outer: Variables | undefined;
  readonly #values = new Map<string, unknown>();

  constructor(outer?: Variables) {
    this.#outer = outer;
  }

  has(name: string): boolean {
    return this.#values.has(name) || (this.#outer?.has(name) ?? false);
  }

  get(name: string): unknown {
    return this.#values.has(name) ? this.#values.get(name) : this.#outer?.get(name);
  }

  assign(values: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(values)) this.#values.set(name, value);
  }
}
