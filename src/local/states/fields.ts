import { expressionSource } from './expressions.ts';
import { StateFailure } from './failure.ts';
import type { Use } from './machine.ts';
import { compileTemplate, type Template } from './template.ts';

/** Something that keeps a definition from being loaded, with its place. */
export interface Problem {
  place: string;
  text: string;
}

/** What `$states` holds where an expression stands. `input` and `context` are always there. */
export interface Available {
  result?: boolean;
  errorOutput?: boolean;
  /** `$states.context.Map`: inside an iteration, and in an ItemSelector. */
  mapItem: boolean;
}

type Json = Record<string, unknown>;

const CONTEXT_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  Execution: ['Id', 'Input', 'Name', 'RedriveCount', 'RoleArn', 'StartTime'],
  State: ['EnteredTime', 'Name', 'RetryCount'],
  StateMachine: ['Id', 'Name'],
};

/** Reads the fields of one JSON object of a definition and notes everything that is wrong with them. */
export class Fields {
  readonly place: string;
  readonly #json: Json;
  readonly #problems: Problem[];
  readonly #uses: Use[];
  readonly #within: string;

  /** @param within prefix of the field as Causes name it: '' for a state, 'Catch[0]/' for its first Catch. */
  constructor(place: string, json: Json, problems: Problem[], uses: Use[] = [], within = '') {
    this.place = place;
    this.#json = json;
    this.#problems = problems;
    this.#uses = uses;
    this.#within = within;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#json, name);
  }

  raw(name: string): unknown {
    return this.#json[name];
  }

  problem(field: string, text: string): void {
    this.#problems.push({ place: [this.place, field].filter((part) => part !== '').join('.'), text });
  }

  /** Refuses every field not named. */
  allow(names: readonly string[], of: string): void {
    for (const name of Object.keys(this.#json)) {
      if (names.includes(name)) continue;
      const jsonPath = JSON_PATH_FIELDS.get(name);
      const hint = jsonPath === undefined ? `${of} has ${names.join(', ')}` : `JSONPath; JSONata has ${jsonPath}`;
      this.problem(name, `a field the engine does not know; ${hint}`);
    }
  }

  text(name: string, need: 'required' | 'optional'): string | undefined {
    const value = this.#json[name];
    if (typeof value === 'string' && value !== '') return value;
    if (value !== undefined) this.problem(name, `wanted text, found ${JSON.stringify(value)}`);
    else if (need === 'required') this.problem(name, 'is missing');
    return undefined;
  }

  number(name: string, wanted: { integer: boolean; from: number; to: number }): number | undefined {
    const value = this.#json[name];
    if (value === undefined) return undefined;
    const number = typeof value === 'number' ? value : Number.NaN;
    if (number >= wanted.from && number <= wanted.to && (!wanted.integer || Number.isInteger(number))) return number;
    const kind = wanted.integer ? 'an integer' : 'a number';
    this.problem(name, `wanted ${kind} from ${wanted.from} to ${wanted.to}, found ${JSON.stringify(value)}`);
    return undefined;
  }

  /** An array of JSON objects, each as Fields; a wrong one is noted and left out. */
  objects(name: string, need: 'required' | 'optional'): Fields[] {
    const value = this.#json[name];
    if (value === undefined && need === 'optional') return [];
    if (!Array.isArray(value) || value.length === 0) {
      this.problem(name, value === undefined ? 'is missing' : 'wanted a list with at least one object');
      return [];
    }
    return value.flatMap((item: unknown, index) => {
      const field = `${name}[${index}]`;
      if (isObject(item)) return [this.nested(field, item)];
      this.problem(field, `wanted an object, found ${JSON.stringify(item)}`);
      return [];
    });
  }

  nested(field: string, json: Json): Fields {
    return new Fields(`${this.place}.${field}`, json, this.#problems, this.#uses, `${this.#within}${field}/`);
  }

  template(name: string, available: Available): Template | undefined {
    if (!this.has(name)) return undefined;
    // the place of a nested object already holds its part of the field
    const at = (field: string): string => field.slice(this.#within.length).replaceAll('/', '.');
    return compileTemplate(this.#json[name], `${this.#within}${name}`, {
      problem: (field, text) => this.problem(at(field), text),
      expression: (field, expression) => {
        this.#uses.push({ place: `${this.place}.${at(field)}`, expression });
        for (const member of expression.members) {
          const problem = unavailable(member, available);
          if (problem !== undefined) this.problem(at(field), problem);
        }
      },
    });
  }
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function unavailable(member: readonly string[], available: Available): string | undefined {
  const [first, second, third, fourth] = member;
  if (first === undefined || first === 'input') return undefined;
  if (first === 'result') return available.result ? undefined : '$states.result does not exist here';
  if (first === 'errorOutput') return available.errorOutput ? undefined : '$states.errorOutput exists only in a Catch';
  if (first !== 'context') return `$states has input, result, errorOutput and context; found ${first}`;
  if (second === undefined) return undefined;
  const found = `$states.${member.slice(0, 4).join('.')}`;
  if (second === 'Map') {
    if (!available.mapItem)
      return '$states.context.Map exists only in a Map: in its ItemSelector and its ItemProcessor';
    const known = (third ?? 'Item') === 'Item' && ['Index', 'Value'].includes(fourth ?? 'Value');
    return known ? undefined : `$states.context.Map has Item.Index and Item.Value; found ${found}`;
  }
  const members = Object.hasOwn(CONTEXT_MEMBERS, second) ? CONTEXT_MEMBERS[second]! : undefined;
  if (members !== undefined && (third === undefined || members.includes(third))) return undefined;
  return `the context object has no ${found} here`;
}

const JSON_PATH_FIELDS: ReadonlyMap<string, string> = new Map([
  ['InputPath', 'Arguments'],
  ['Parameters', 'Arguments'],
  ['ResultSelector', 'Output'],
  ['ResultPath', 'Output and Assign'],
  ['OutputPath', 'Output'],
  ['Result', 'Output'],
  ['ItemsPath', 'Items'],
  ['MaxConcurrencyPath', 'MaxConcurrency'],
  ['TimeoutSecondsPath', 'TimeoutSeconds'],
  ['SecondsPath', 'Seconds'],
  ['TimestampPath', 'Timestamp'],
  ['ErrorPath', 'Error'],
  ['CausePath', 'Cause'],
]);

/** The Resources the engine knows; keys of the integrations given to runMachine. */
export const LAMBDA_INVOKE = 'arn:aws:states:::lambda:invoke';
export const BATCH_SUBMIT_JOB_SYNC = 'arn:aws:states:::batch:submitJob.sync';
export const SNS_PUBLISH = 'arn:aws:states:::sns:publish';

interface Parameters {
  required: readonly string[];
  optional: readonly string[];
}

/** The Arguments of each integration. Source: AWS, "Integrating optimized services". */
const PARAMETERS: Readonly<Record<string, Parameters>> = {
  [LAMBDA_INVOKE]: {
    required: ['FunctionName'],
    optional: ['ClientContext', 'InvocationType', 'Payload', 'Qualifier'],
  },
  [BATCH_SUBMIT_JOB_SYNC]: {
    required: ['JobDefinition', 'JobName', 'JobQueue'],
    optional: [
      ...['ArrayProperties', 'ContainerOverrides', 'DependsOn', 'Parameters', 'RetryStrategy'],
      ...['SchedulingPriorityOverride', 'ShareIdentifier', 'Tags', 'Timeout'],
    ],
  },
  [SNS_PUBLISH]: {
    required: ['Message'],
    optional: [
      ...['MessageAttributes', 'MessageDeduplicationId', 'MessageGroupId', 'MessageStructure'],
      ...['PhoneNumber', 'Subject', 'TargetArn', 'TopicArn'],
    ],
  },
};

/** Notes an unknown Resource, and Arguments the integration does not have or cannot do without. */
export function checkResource(fields: Fields): string {
  const resource = fields.text('Resource', 'required') ?? '';
  const parameters = Object.hasOwn(PARAMETERS, resource) ? PARAMETERS[resource]! : undefined;
  if (parameters === undefined) {
    if (resource !== '') fields.problem('Resource', `wanted ${Object.keys(PARAMETERS).join(', ')}; found ${resource}`);
    return resource;
  }
  const args = fields.raw('Arguments');
  if (typeof args === 'string' && expressionSource(args) !== undefined) return resource;
  if (!isObject(args)) {
    fields.problem('Arguments', args === undefined ? 'is missing' : 'wanted an object or an expression');
    return resource;
  }
  const known = [...parameters.required, ...parameters.optional];
  for (const name of Object.keys(args)) {
    if (!known.includes(name)) fields.problem(`Arguments.${name}`, `${resource} takes ${known.join(', ')}`);
  }
  for (const name of parameters.required) {
    if (!Object.hasOwn(args, name)) fields.problem(`Arguments.${name}`, 'is missing');
  }
  return resource;
}

/**
 * Fails with States.Runtime, which nothing catches, on Arguments the integration cannot take: on AWS a Batch
 * parameter that is not a string does just that.
 */
export function requireArguments(resource: string, args: unknown): void {
  const parameters = PARAMETERS[resource];
  const given = isObject(args) ? args : {};
  const missing = parameters?.required.filter((name) => given[name] === undefined || given[name] === null) ?? [];
  if (!isObject(args) || missing.length > 0) {
    throw new StateFailure('States.Runtime', `Arguments of ${resource} lack ${missing.join(', ')}.`);
  }
  if (resource !== BATCH_SUBMIT_JOB_SYNC || !isObject(args.Parameters)) return;
  for (const [name, value] of Object.entries(args.Parameters)) {
    if (typeof value === 'string') continue;
    throw new StateFailure(
      'States.Runtime',
      `The value of the field 'Parameters/${name}' must be a STRING, found ${JSON.stringify(value)}.`,
    );
  }
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** Whether `text` is an instant as the Amazon States Language writes it (RFC 3339 with a capital T and Z). */
export function isTimestamp(text: string): boolean {
  return TIMESTAMP.test(text) && !Number.isNaN(Date.parse(text));
}
