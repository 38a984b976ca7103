import type { Effects, Scope, State } from './machine.ts';

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
