import type { Use } from './machine.ts';
import { compileTemplate, type Template } from './payload-template.ts';

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
