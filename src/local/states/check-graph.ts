import type { Problem } from './fields.ts';
import { allStates, reachableFrom, scopesWithin, transitionsOf } from './graph.ts';
import type { Scope } from './machine.ts';

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
