import type { Problem } from './fields.ts';
import { scopesWithin, transitionsOf } from './graph.ts';
import type { Scope, State } from './machine.ts';

/**
 * Notes variables nobody assigns and inner names that shadow outer ones. A Map's iteration and a Parallel's branch
 * read the variables around them and cannot assign them. Source: AWS, "Passing data between states with variables".
 */
export function checkVariables(root: Scope, problems: Problem[]): void {
  checkScope(root, new Map(), problems);
}

/** @param outer names assigned around the scope, each with a state that does. */
function checkScope(scope: Scope, outer: ReadonlyMap<string, string>, problems: Problem[]): void {
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
    for (const { place, expression } of state.uses) {
      for (const name of expression.reads) {
        if (!known.has(name)) problems.push({ place, text: `reads $${name}, which no state assigns in its scope` });
      }
    }
    for (const inner of scopesWithin(state)) checkScope(inner, known, problems);
  }
}

function placeOfAssign(state: State, name: string): string {
  const way = transitionsOf(state).find(({ assigns }) => assigns.includes(name));
  const within = way?.field.includes('[') ? `${way.field.replace('.Next', '')}.` : '';
  return `${state.place}.${within}Assign.${name}`;
}
