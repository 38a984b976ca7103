import { allStates, reachableFrom, scopesWithin, transitionsOf } from '../src/local/states/check-graph.ts';
import { isFunctionName } from '../src/local/states/expressions.ts';
import { BATCH_SUBMIT_JOB_SYNC, isObject, type Problem, SNS_PUBLISH } from '../src/local/states/fields.ts';
import { inspectMachine } from '../src/local/states/load.ts';
import type { Scope, State, TaskState } from '../src/local/states/machine.ts';
import type { Template } from '../src/local/states/template.ts';

/** The only errors a batch:submitJob.sync may retry: a failed job's own retries belong to Batch. */
const BATCH_RETRIABLE = ['Batch.ServerException', 'Batch.AWSBatchException'];

/**
 * Checks a definition against the house's rules, beyond what loading asks: time limits, placeholders, Batch
 * parameters, retries of jobs, failure branches, comments, variables. Placeholders need not be filled in.
 * @returns findings, each with its place: "States.Notify.Next: …"; empty when all is well. What would keep the
 *   definition from being loaded is among them.
 */
export function lintMachine(definition: unknown): string[] {
  const { machine, problems } = inspectMachine(definition, 'machine');
  const found: Problem[] = [...problems, ...lintText(definition)];
  if (machine.timeoutSeconds === undefined) found.push({ place: 'TimeoutSeconds', text: 'the machine has none' });
  if (machine.comment === undefined) found.push({ place: 'Comment', text: 'the machine has none' });
  for (const state of allStates(machine.root)) {
    if (state.comment === undefined) found.push({ place: state.place, text: 'has no Comment' });
    if (state.type === 'Task') found.push(...lintTask(state));
  }
  found.push(...lintNotifications(machine.root));
  found.push(...unassignedReads(machine.root), ...functionNames(machine.root));
  return found.map(({ place, text }) => `${place === '' ? '(top level)' : place}: ${text}`);
}

function lintTask(state: TaskState): Problem[] {
  const found: Problem[] = [];
  if (state.timeoutSeconds === undefined) found.push({ place: state.place, text: 'has no TimeoutSeconds' });
  if (state.resource !== BATCH_SUBMIT_JOB_SYNC) return found;
  for (const [index, { errorEquals }] of state.retry.entries()) {
    const others = errorEquals.filter((name) => !BATCH_RETRIABLE.includes(name));
    if (others.length === 0) continue;
    const text = `retries ${others.join(', ')}; a job's submission retries only ${BATCH_RETRIABLE.join(', ')}`;
    found.push({ place: `${state.place}.Retry[${index}].ErrorEquals`, text });
  }
  const parameters = member(state.arguments, 'Parameters');
  for (const [name, value] of entriesOf(parameters)) {
    if (isText(value)) continue;
    found.push({
      place: `${state.place}.Arguments.Parameters.${name}`,
      text: 'is not a string; wrap it in $string(…)',
    });
  }
  if (parameters?.kind === 'expression') {
    found.push({ place: `${state.place}.Arguments.Parameters`, text: 'write each parameter out, through $string(…)' });
  }
  for (const name of environmentNames(state.arguments)) {
    if (!name.startsWith('AWS_BATCH')) continue;
    const place = `${state.place}.Arguments.ContainerOverrides.Environment`;
    found.push({ place, text: `${name}: names beginning with AWS_BATCH belong to Batch` });
  }
  return found;
}

/**
 * What follows the notification of a failure must end in Fail: an end in Succeed would hide what it told of. One that no
 * error leads to, but a choice, tells of something else.
 */
function lintNotifications(scope: Scope): Problem[] {
  const caught = new Set([...scope.states.values()].flatMap(catchTargets));
  return [...scope.states.values()].flatMap((state) => {
    const inner = scopesWithin(state).flatMap(lintNotifications);
    if (state.type !== 'Task' || state.resource !== SNS_PUBLISH || !caught.has(state.name)) return inner;
    const green = [...reachableFrom(scope, state.name)].filter((name) => endsWell(scope.states.get(name)!));
    const finding = {
      place: state.place,
      text: `leads to an end in ${green.join(', ')}; a failure branch ends in Fail`,
    };
    return green.length === 0 ? inner : [finding, ...inner];
  });
}

function catchTargets(state: State): string[] {
  return transitionsOf(state).flatMap(({ field, to }) => (field.startsWith('Catch') && to !== undefined ? [to] : []));
}

function endsWell(state: State): boolean {
  return state.type !== 'Fail' && transitionsOf(state).some(({ to }) => to === undefined);
}

function member(template: Template | undefined, name: string): Template | undefined {
  return entriesOf(template).find(([key]) => key === name)?.[1];
}

function entriesOf(template: Template | undefined): [string, Template][] {
  if (template?.kind === 'object') return template.entries;
  if (template?.kind !== 'literal' || !isObject(template.value)) return [];
  return Object.entries(template.value).map(([key, value]) => [key, { kind: 'literal', value }]);
}

function itemsOf(template: Template | undefined): Template[] {
  if (template?.kind === 'array') return template.items;
  if (template?.kind !== 'literal' || !Array.isArray(template.value)) return [];
  return template.value.map((value) => ({ kind: 'literal', value }));
}

function isText(template: Template): boolean {
  if (template.kind === 'expression') return template.expression.yieldsString;
  return template.kind === 'literal' && typeof template.value === 'string';
}

function environmentNames(args: Template): string[] {
  return itemsOf(member(member(args, 'ContainerOverrides'), 'Environment')).flatMap((item) => {
    const name = member(item, 'Name');
    return name?.kind === 'literal' ? [String(name.value)] : [];
  });
}

/** Any use of `${`, up to its closing brace. */
const INTERPOLATION = /\$\{[^}]*\}?/g;
const PLACEHOLDER = /^\$\{[a-zA-Z][a-zA-Z0-9_]*\}$/;

/** Rules for the strings and keys of a definition, wherever they stand. */
export function lintText(definition: unknown): Problem[] {
  const found: Problem[] = [];
  visit(definition, '', (text, place, key) => {
    const add = (problem: string): void => void found.push({ place, text: problem });
    // Terraform's templatefile reads %{ as a directive of its own
    if (text.includes('%{')) add('%{ is a Terraform directive; put a space after {%');
    if (key) {
      if (text.endsWith('.$')) add('a key that ends in .$ is JSONPath');
      if (text.includes('${')) add('a placeholder stands in values, never in keys');
      return;
    }
    for (const [use] of text.matchAll(INTERPOLATION)) {
      if (!PLACEHOLDER.test(use)) add(`${use} is not a placeholder; wanted \${name}`);
    }
    // half a pair of marks would travel on as text, and be seen when a vendor or a job receives it
    if (/^\s*\{%|%\}\s*$/.test(text) && !/^\{%[\s\S]*%\}$/.test(text)) {
      add(`an expression begins with {% and ends with %}, nothing around it; found "${text}"`);
    }
    if (text.startsWith('{%') && !/^\{%\s[\s\S]*\s%\}$/.test(text)) add('wanted a space after {% and before %}');
  });
  return found;
}

function visit(value: unknown, place: string, see: (text: string, place: string, key: boolean) => void): void {
  if (typeof value === 'string') see(value, place, false);
  if (Array.isArray(value)) for (const [index, item] of value.entries()) visit(item, `${place}[${index}]`, see);
  if (!isObject(value)) return;
  for (const [key, item] of Object.entries(value)) {
    const inner = place === '' ? key : `${place}.${key}`;
    see(key, inner, true);
    visit(item, inner, see);
  }
}

/** Variables that have the name of a function: Step Functions takes them, and a reader takes them for the function. */
function functionNames(root: Scope): Problem[] {
  return [...allStates(root)].flatMap((state) =>
    [...new Set(transitionsOf(state).flatMap(({ assigns }) => assigns))]
      .filter(isFunctionName)
      .map((name) => ({ place: `${state.place}.Assign.${name}`, text: `$${name} is a JSONata function` })),
  );
}

/** Reads of variables that no path to the reading state assigns first. */
export function unassignedReads(root: Scope): Problem[] {
  return readsIn(root, new Set());
}

function readsIn(scope: Scope, outer: ReadonlySet<string>): Problem[] {
  const atEntry = assignedAtEntry(scope, outer);
  return [...scope.states.values()].flatMap((state) => {
    const assigned = atEntry.get(state.name) ?? outer;
    const own = state.uses.flatMap(({ place, expression }) =>
      [...expression.reads]
        .filter((name) => !assigned.has(name))
        .map((name) => ({ place, text: `reads $${name} before any path to here assigns it` })),
    );
    return [...own, ...scopesWithin(state).flatMap((inner) => readsIn(inner, assigned))];
  });
}

/** For every state that can be reached, the variables that some path to it assigns. */
function assignedAtEntry(scope: Scope, outer: ReadonlySet<string>): Map<string, Set<string>> {
  const atEntry = new Map([[scope.startAt, new Set(outer)]]);
  const changed = [scope.startAt];
  for (let name = changed.pop(); name !== undefined; name = changed.pop()) {
    const state = scope.states.get(name);
    if (state === undefined) continue;
    for (const { to, assigns } of transitionsOf(state)) {
      if (to === undefined) continue;
      const before = atEntry.get(to);
      const after = new Set([...(before ?? []), ...atEntry.get(name)!, ...assigns]);
      if (before !== undefined && before.size === after.size) continue;
      atEntry.set(to, after);
      changed.push(to);
    }
  }
  return atEntry;
}
