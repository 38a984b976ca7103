import { NamedError } from '../../errors.ts';
import { counted } from '../../text.ts';
import { allStates, checkGraph, checkVariables } from './check-graph.ts';
import { expressionSource } from './expressions.ts';
import { type Available, checkResource, Fields, isObject, isTimestamp, type Problem } from './fields.ts';
import type { Assign, Catcher, Effects, Machine, Recovery, Retrier, Scope, State, Use } from './machine.ts';
import type { Template } from './template.ts';

/**
 * Reads a state machine and compiles every expression in it. Whatever the engine does not know is refused here.
 * @param definition the parsed JSON of an ASL file in JSONata, placeholders already filled in.
 * @throws NamedError Config.Invalid, naming every problem with its place.
 */
export function loadMachine(definition: unknown, options: { name?: string } = {}): Machine {
  const name = options.name ?? 'machine';
  const { machine, problems } = inspectMachine(definition, name);
  if (problems.length === 0) return machine;
  const lines = problems.map(({ place, text }) => `\n  ${place === '' ? '(top level)' : place}: ${text}`);
  throw new NamedError('Config.Invalid', {
    what: `the state machine ${name} was refused`,
    found: `${counted(problems.length, 'problem')}${lines.join('')}`,
  });
}

/** The machine as far as it could be read, with everything wrong with it. */
export function inspectMachine(definition: unknown, name: string): { machine: Machine; problems: Problem[] } {
  const problems: Problem[] = [];
  const json = isObject(definition) ? definition : {};
  if (!isObject(definition)) problems.push({ place: '', text: 'wanted a JSON object' });
  const fields = new Fields('', json, problems);
  fields.allow(['Comment', 'QueryLanguage', 'StartAt', 'States', 'TimeoutSeconds', 'Version'], 'A state machine');
  if (json.QueryLanguage !== 'JSONata') fields.problem('QueryLanguage', 'must be JSONata');
  if (json.Version !== undefined && json.Version !== '1.0') fields.problem('Version', 'wanted 1.0');
  const root = loadScope(fields, false, problems);
  const machine: Machine = {
    name,
    comment: fields.text('Comment', 'optional'),
    timeoutSeconds: fields.number('TimeoutSeconds', { integer: true, from: 1, to: 99_999_999 }),
    root,
    resources: resourcesOf(root),
    definition: json,
  };
  checkGraph(machine.root, problems);
  checkVariables(machine.root, problems);
  return { machine, problems };
}

function loadScope(fields: Fields, mapItem: boolean, problems: Problem[]): Scope {
  const states = new Map<string, State>();
  const json = fields.raw('States');
  if (!isObject(json) || Object.keys(json).length === 0) fields.problem('States', 'wanted at least one state');
  for (const [name, state] of Object.entries(isObject(json) ? json : {})) {
    const place = fields.place === '' ? `States.${name}` : `${fields.place}.States.${name}`;
    if (name.length > 80) problems.push({ place, text: 'a state name has at most 80 characters' });
    const loaded = loadState({ name, place, json: state, mapItem }, problems, (inner, inMap) =>
      loadScope(inner, inMap, problems),
    );
    if (loaded !== undefined) states.set(name, loaded);
  }
  return { place: fields.place, startAt: fields.text('StartAt', 'required') ?? '', states };
}

function resourcesOf(root: Scope): string[] {
  const resources = new Set<string>();
  for (const state of allStates(root)) if (state.type === 'Task') resources.add(state.resource);
  return [...resources].sort();
}

const COMMON = ['Type', 'Comment', 'QueryLanguage'];
const ONWARD = ['Assign', 'Output', 'Next', 'End'];
const RECOVERY = ['Retry', 'Catch'];
const KNOWN: Readonly<Record<State['type'], readonly string[]>> = {
  Pass: [...COMMON, ...ONWARD],
  Task: [...COMMON, 'Resource', 'Arguments', 'TimeoutSeconds', ...ONWARD, ...RECOVERY],
  Map: [...COMMON, 'Items', 'ItemSelector', 'ItemProcessor', 'MaxConcurrency', ...ONWARD, ...RECOVERY],
  Parallel: [...COMMON, 'Arguments', 'Branches', ...ONWARD, ...RECOVERY],
  Choice: [...COMMON, 'Choices', 'Default', 'Assign', 'Output'],
  Wait: [...COMMON, 'Seconds', 'Timestamp', ...ONWARD],
  Succeed: [...COMMON, 'Output'],
  Fail: [...COMMON, 'Error', 'Cause'],
};
/** Longest Wait, TimeoutSeconds and largest MaxConcurrency. Source: the Amazon States Language. */
const MAX = 99_999_999;

/** Reads the scope inside a Map or a Parallel; load.ts gives it, as scopes hold states and states hold scopes. */
export type LoadScope = (fields: Fields, mapItem: boolean) => Scope;

/**
 * Reads one state. A state whose Type is unknown is noted and gives undefined.
 * @param mapItem whether it stands inside a Map's iteration.
 */
export function loadState(
  at: { name: string; place: string; json: unknown; mapItem: boolean },
  problems: Problem[],
  loadScope: LoadScope,
): State | undefined {
  const { name, place, json, mapItem } = at;
  if (!isObject(json)) {
    problems.push({ place, text: `wanted a state, found ${JSON.stringify(json)}` });
    return undefined;
  }
  const uses: Use[] = [];
  const fields = new Fields(place, json, problems, uses);
  const type = fields.text('Type', 'required');
  if (type === undefined) return undefined;
  if (!isStateType(type)) {
    fields.problem('Type', `wanted ${Object.keys(KNOWN).join(', ')}; found ${type}`);
    return undefined;
  }
  fields.allow(KNOWN[type], type);
  const language = fields.raw('QueryLanguage');
  if (language !== undefined && language !== 'JSONata') fields.problem('QueryLanguage', 'only JSONata is known');
  const base = { name, place, comment: fields.text('Comment', 'optional'), uses };
  return { ...base, ...readers[type](fields, mapItem, loadScope) } as State;
}

function isStateType(type: string): type is State['type'] {
  return Object.hasOwn(KNOWN, type);
}

type Own<T extends State['type']> = Omit<Extract<State, { type: T }>, 'name' | 'place' | 'comment' | 'uses'>;
type Readers = { [T in State['type']]: (fields: Fields, mapItem: boolean, loadScope: LoadScope) => Own<T> };

const readers: Readers = {
  Pass: (fields, mapItem) => ({ type: 'Pass', ...loadEffects(fields, { mapItem }), next: loadNext(fields) }),
  Succeed: (fields, mapItem) => ({ type: 'Succeed', output: fields.template('Output', { mapItem }) }),
  Fail: (fields, mapItem) => {
    for (const name of ['Error', 'Cause']) fields.text(name, 'optional');
    return { type: 'Fail', error: fields.template('Error', { mapItem }), cause: fields.template('Cause', { mapItem }) };
  },
  Task: (fields, mapItem) => ({
    type: 'Task',
    resource: checkResource(fields),
    arguments: fields.template('Arguments', { mapItem }) ?? { kind: 'literal', value: {} },
    timeoutSeconds: numberOrExpression(fields, 'TimeoutSeconds', mapItem, 1),
    ...loadEffects(fields, { result: true, mapItem }),
    ...loadRecovery(fields, mapItem),
    next: loadNext(fields),
  }),
  Map: (fields, mapItem, loadScope) => ({
    type: 'Map',
    items: listOrExpression(fields, mapItem),
    itemSelector: fields.template('ItemSelector', { mapItem: true }),
    maxConcurrency: numberOrExpression(fields, 'MaxConcurrency', mapItem, 0) ?? { kind: 'literal', value: 0 },
    processor: loadProcessor(fields, loadScope),
    ...loadEffects(fields, { result: true, mapItem }),
    ...loadRecovery(fields, mapItem),
    next: loadNext(fields),
  }),
  Parallel: (fields, mapItem, loadScope) => ({
    type: 'Parallel',
    arguments: fields.template('Arguments', { mapItem }),
    branches: fields.objects('Branches', 'required').map((branch) => {
      branch.allow(['Comment', 'StartAt', 'States'], 'A branch');
      return loadScope(branch, mapItem);
    }),
    ...loadEffects(fields, { result: true, mapItem }),
    ...loadRecovery(fields, mapItem),
    next: loadNext(fields),
  }),
  Choice: (fields, mapItem) => ({
    type: 'Choice',
    choices: fields.objects('Choices', 'required').map((rule) => {
      rule.allow(['Condition', 'Next', 'Assign', 'Output', 'Comment'], 'A choice');
      const constant = typeof rule.raw('Condition') === 'boolean';
      const condition = constant ? undefined : rule.text('Condition', 'required');
      if (condition !== undefined && expressionSource(condition) === undefined) {
        rule.problem('Condition', `wanted {% … %}, true or false; found ${condition}`);
      }
      return {
        condition: rule.template('Condition', { mapItem }) ?? { kind: 'literal', value: false },
        next: rule.text('Next', 'required') ?? '',
        ...loadEffects(rule, { mapItem }),
      };
    }),
    default: fields.text('Default', 'optional'),
    ...loadEffects(fields, { mapItem }),
  }),
  Wait: (fields, mapItem) => {
    const unit = fields.has('Timestamp') ? 'Timestamp' : 'Seconds';
    if (fields.has('Seconds') === fields.has('Timestamp')) fields.problem('', 'wanted one of Seconds and Timestamp');
    const until = unit === 'Seconds' ? numberOrExpression(fields, 'Seconds', mapItem, 0) : timestamp(fields, mapItem);
    const onward = { ...loadEffects(fields, { mapItem }), next: loadNext(fields) };
    return { type: 'Wait', unit, until: until ?? { kind: 'literal', value: 0 }, ...onward };
  },
};

function loadProcessor(fields: Fields, loadScope: LoadScope): Scope {
  const json = fields.raw('ItemProcessor');
  if (!isObject(json)) {
    fields.problem('ItemProcessor', json === undefined ? 'is missing' : 'wanted an object');
    return { place: `${fields.place}.ItemProcessor`, startAt: '', states: new Map() };
  }
  const config = json.ProcessorConfig;
  if (config !== undefined && !(isObject(config) && config.Mode === 'INLINE' && Object.keys(config).length === 1)) {
    fields.problem('ItemProcessor.ProcessorConfig', `wanted {"Mode": "INLINE"}, found ${JSON.stringify(config)}`);
  }
  const nested = fields.nested('ItemProcessor', json);
  nested.allow(['Comment', 'ProcessorConfig', 'StartAt', 'States'], 'An ItemProcessor');
  return loadScope(nested, true);
}

function numberOrExpression(fields: Fields, name: string, mapItem: boolean, from: number): Template | undefined {
  const value = fields.raw(name);
  const expression = typeof value === 'string' && expressionSource(value) !== undefined;
  if (!expression && fields.number(name, { integer: true, from, to: MAX }) === undefined) return undefined;
  return fields.template(name, { mapItem });
}

function listOrExpression(fields: Fields, mapItem: boolean): Template | undefined {
  const value = fields.raw('Items');
  const expression = typeof value === 'string' && expressionSource(value) !== undefined;
  if (value !== undefined && !Array.isArray(value) && !expression) {
    fields.problem('Items', `wanted a list or an expression, found ${JSON.stringify(value)}`);
  }
  return fields.template('Items', { mapItem });
}

function timestamp(fields: Fields, mapItem: boolean): Template | undefined {
  const value = fields.text('Timestamp', 'required');
  if (value !== undefined && expressionSource(value) === undefined && !isTimestamp(value)) {
    fields.problem('Timestamp', `wanted an instant like 2025-11-19T09:00:00Z, found ${value}`);
  }
  return fields.template('Timestamp', { mapItem });
}

const VARIABLE = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;

/** Reads Assign and Output. */
export function loadEffects(fields: Fields, available: Available): Effects {
  return { assign: loadAssign(fields, available), output: fields.template('Output', available) };
}

/** Reads `Next` or `End: true`; exactly one of the two. Undefined is the end. */
export function loadNext(fields: Fields): string | undefined {
  const end = fields.raw('End');
  if (end !== undefined && end !== true) fields.problem('End', `wanted true, found ${JSON.stringify(end)}`);
  if (fields.has('Next') && fields.has('End')) fields.problem('', 'has both Next and End');
  if (!fields.has('Next') && !fields.has('End')) fields.problem('', 'has neither Next nor End');
  return fields.text('Next', 'optional');
}

function loadAssign(fields: Fields, available: Available): Assign | undefined {
  const template = fields.template('Assign', available);
  if (template === undefined) return undefined;
  const json = fields.raw('Assign');
  if (!isObject(json)) {
    fields.problem('Assign', 'wanted an object of variable names and values');
    return undefined;
  }
  for (const name of Object.keys(json)) {
    const problem = nameProblem(name);
    if (problem !== undefined) fields.problem(`Assign.${name}`, problem);
  }
  return { names: Object.keys(json), template };
}

function nameProblem(name: string): string | undefined {
  if (name === 'states') return '$states belongs to Step Functions';
  if (!VARIABLE.test(name) || name.length > 80) return 'not a variable name: letters, digits and _, at most 80';
  return name === 'eval' ? '$eval is refused where it is read' : undefined;
}

const MAX_SECONDS = 99_999_999;
/** Longest MaxDelaySeconds, exclusive. Source: AWS, "Retrying after an error". */
const MAX_DELAY = 31_622_400;

/** Names beginning with `States.` that AWS has, but for the one that nothing catches. Source: AWS, "Handling errors". */
const CATCHABLE = (
  'States.ALL States.TaskFailed States.Timeout States.QueryEvaluationError States.NoChoiceMatched ' +
  'States.DataLimitExceeded States.Permissions States.BranchFailed States.HeartbeatTimeout States.Http.Socket ' +
  'States.ItemReaderFailed States.ResultWriterFailed States.ExceedToleratedFailureThreshold States.IntrinsicFailure ' +
  'States.ParameterPathFailure States.ResultPathMatchFailure'
).split(' ');

/** Reads Retry and Catch. */
export function loadRecovery(fields: Fields, mapItem: boolean): Recovery {
  const retriers = fields.objects('Retry', 'optional');
  const catchers = fields.objects('Catch', 'optional');
  return {
    retry: retriers.map((retrier, index) => loadRetrier(retrier, index === retriers.length - 1)),
    catch: catchers.map((catcher, index) => loadCatcher(catcher, index === catchers.length - 1, mapItem)),
  };
}

function loadRetrier(fields: Fields, last: boolean): Retrier {
  const known = ['ErrorEquals', 'IntervalSeconds', 'MaxAttempts', 'BackoffRate', 'MaxDelaySeconds', 'JitterStrategy'];
  fields.allow([...known, 'Comment'], 'Retry');
  const intervalSeconds = fields.number('IntervalSeconds', { integer: true, from: 1, to: MAX_SECONDS }) ?? 1;
  const maxDelaySeconds = fields.number('MaxDelaySeconds', { integer: true, from: 1, to: MAX_DELAY - 1 });
  if (maxDelaySeconds !== undefined && maxDelaySeconds <= intervalSeconds) {
    fields.problem('MaxDelaySeconds', `must be greater than IntervalSeconds ${intervalSeconds}`);
  }
  const jitter = fields.raw('JitterStrategy') ?? 'NONE';
  if (jitter !== 'FULL' && jitter !== 'NONE') {
    fields.problem('JitterStrategy', `wanted FULL or NONE, found ${JSON.stringify(jitter)}`);
  }
  return {
    errorEquals: loadErrorEquals(fields, last),
    intervalSeconds,
    maxAttempts: fields.number('MaxAttempts', { integer: true, from: 0, to: MAX_SECONDS }) ?? 3,
    backoffRate: fields.number('BackoffRate', { integer: false, from: 1, to: Number.MAX_VALUE }) ?? 2,
    maxDelaySeconds,
    jitter: jitter === 'FULL' ? 'FULL' : 'NONE',
  };
}

function loadCatcher(fields: Fields, last: boolean, mapItem: boolean): Catcher {
  fields.allow(['ErrorEquals', 'Next', 'Assign', 'Output', 'Comment'], 'Catch');
  return {
    errorEquals: loadErrorEquals(fields, last),
    next: fields.text('Next', 'required') ?? '',
    ...loadEffects(fields, { errorOutput: true, mapItem }),
  };
}

function loadErrorEquals(fields: Fields, last: boolean): string[] {
  const value = fields.raw('ErrorEquals');
  const names = Array.isArray(value)
    ? value.filter((name): name is string => typeof name === 'string' && name !== '')
    : [];
  if (!Array.isArray(value) || names.length === 0 || names.length !== value.length) {
    fields.problem('ErrorEquals', 'wanted a list of at least one error name');
    return names;
  }
  if (names.includes('States.ALL') && names.length > 1) fields.problem('ErrorEquals', 'States.ALL must stand alone');
  if (names.includes('States.ALL') && !last) fields.problem('ErrorEquals', 'States.ALL must come last');
  for (const name of names) {
    if (name === 'States.Runtime') {
      fields.problem('ErrorEquals', `${name} ends the execution; nothing catches it`);
    } else if (name.startsWith('States.') && !CATCHABLE.includes(name)) {
      fields.problem('ErrorEquals', `AWS has no ${name}; it has ${CATCHABLE.join(', ')}`);
    }
  }
  return names;
}
