import { NamedError } from '../../errors.ts';
import { checkGraph } from './check-graph.ts';
import { checkVariables } from './check-variables.ts';
import { Fields, isObject, type Problem } from './fields.ts';
import { allStates } from './graph.ts';
import { loadState } from './load-state.ts';
import type { Machine, Scope, State } from './machine.ts';

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
    found: `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}${lines.join('')}`,
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
