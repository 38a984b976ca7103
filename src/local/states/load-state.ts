import { expressionSource } from './expressions.ts';
import { Fields, isObject, type Problem } from './fields.ts';
import { loadEffects, loadNext } from './load-effects.ts';
import { loadRecovery } from './load-recovery.ts';
import type { Scope, State, Use } from './machine.ts';
import type { Template } from './payload-template.ts';
import { checkResource } from './resource-arguments.ts';
import { isTimestamp } from './timestamp.ts';

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
      const condition = rule.text('Condition', 'required') ?? '{% false %}';
      if (expressionSource(condition) === undefined) rule.problem('Condition', `wanted {% … %}, found ${condition}`);
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
