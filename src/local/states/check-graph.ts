import type { Problem } from './fields.ts';
import type { Effects, Scope, State } from './machine.ts';

/** Notes unknown targets, states nothing leads to, scopes that never end and names used twice. */
export function checkGraph(root: Scope, problems: Problem[]): void {
  checkScope(root, problems);
  const first = new Map<string, string>();
  for (const { name, place } of allStates(root)) {
    const other = first.get(name);
    if (other === undefined) first.set(name, place);
    else problems.push({ place, text: `the name is taken by ${other}; names are unique in the whole machine` });
  }
}

function checkScope(scope: Scope, problems: Problem[]): void {
  const within = scope.place === '' ? '' : `${scope.place}.`;
  if (scope.startAt !== '' && !scope.states.has(scope.startAt)) {
    problems.push({ place: `${within}StartAt`, text: `there is no state ${scope.startAt}` });
  }
  const reachable = reachableFrom(scope, scope.startAt);
  for (const state of scope.states.values()) {
    const ways = transitionsOf(state);
    for (const { field, to } of ways) {
      if (to !== undefined && to !== '' && !scope.states.has(to)) {
        problems.push({ place: `${state.place}.${field}`, text: `there is no state ${to} here` });
      }
    }
    if (scope.states.has(scope.startAt) && !reachable.has(state.name)) {
      problems.push({ place: state.place, text: 'no state leads here' });
    }
    for (const inner of scopesWithin(state)) checkScope(inner, problems);
  }
  const states = [...scope.states.values()];
  const ends = states.some((state) => transitionsOf(state).some(({ to }) => to === undefined));
  if (states.length > 0 && !ends) problems.push({ place: `${within}States`, text: 'no state ends' });
}

/**
 * Notes inner names that shadow outer ones: a Map's iteration and a Parallel's branch read the variables around them
 * and cannot assign them. Source: AWS, "Passing data between states with variables".
 */
export function checkVariables(root: Scope, problems: Problem[]): void {
  checkVariableScope(root, new Map(), problems);
}

/** @param outer names assigned around the scope, each with a state that does. */
function checkVariableScope(scope: Scope, outer: ReadonlyMap<string, string>, problems: Problem[]): void {
  const known = new Map(outer);
  for (const state of scope.states.values()) {
    for (const name of new Set(transitionsOf(state).flatMap(({ assigns }) => assigns))) {
      if (outer.has(name)) {
        const text = `assigns $${name}, which is assigned outside, by ${outer.get(name)}; inner scopes only read it`;
        problems.push({ place: placeOfAssign(state, name), text });
      } else if (!known.has(name)) known.set(name, state.name);
    }
  }
  for (const state of scope.states.values()) {
    for (const inner of scopesWithin(state)) checkVariableScope(inner, known, problems);
  }
}

function placeOfAssign(state: State, name: string): string {
  const way = transitionsOf(state).find(({ assigns }) => assigns.includes(name));
  const within = way?.field.includes('[') ? `${way.field.replace('.Next', '')}.` : '';
  return `${state.place}.${within}Assign.${name}`;
}

/** One way out of a state. `to` is undefined where the state (and with it its scope) ends. */
export interface Transition {
  /** Where it is written, within the state: 'Next', 'Catch[0].Next', 'Choices[1].Next', 'Default', 'End'. */
  field: string;
  to: string | undefined;
  /** Variables assigned on the way. */
  assigns: string[];
}

/** Every way out of a state, in the order written. Succeed and Fail have one, which ends. */
export function transitionsOf(state: State): Transition[] {
  const assigned = (effects: Effects): string[] => effects.assign?.names ?? [];
  switch (state.type) {
    case 'Succeed':
    case 'Fail':
      return [{ field: 'Type', to: undefined, assigns: [] }];
    case 'Choice': {
      const rules = state.choices.map((rule, index) => ({
        field: `Choices[${index}].Next`,
        to: rule.next,
        assigns: assigned(rule),
      }));
      const fallback = { field: 'Default', to: state.default, assigns: assigned(state) };
      return state.default === undefined ? rules : [...rules, fallback];
    }
    default: {
      const catchers = 'catch' in state ? state.catch : [];
      return [
        { field: state.next === undefined ? 'End' : 'Next', to: state.next, assigns: assigned(state) },
        ...catchers.map((catcher, index) => ({
          field: `Catch[${index}].Next`,
          to: catcher.next,
          assigns: assigned(catcher),
        })),
      ];
    }
  }
}

/** The scopes a state holds: a Map's processor, a Parallel's branches. */
export function scopesWithin(state: State): Scope[] {
  if (state.type === 'Map') return [state.processor];
  return state.type === 'Parallel' ? state.branches : [];
}

/** Every state of a scope and of the scopes inside it, outer ones first, in the order written. */
export function* allStates(scope: Scope): Generator<State> {
  for (const state of scope.states.values()) {
    yield state;
    for (const inner of scopesWithin(state)) yield* allStates(inner);
  }
}

/** Names of the states that can follow `from`, itself included, within its scope; unknown targets are left out. */
export function reachableFrom(scope: Scope, from: string): Set<string> {
  const seen = new Set<string>();
  const waiting = [from];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const state = scope.states.get(name);
    if (state === undefined || seen.has(name)) continue;
    seen.add(name);
    for (const { to } of transitionsOf(state)) if (to !== undefined) waiting.push(to);
  }
  return seen;
}
