import type { Problem } from './fields.ts';
import { scopesWithin, transitionsOf } from './graph.ts';
import type { Scope } from './machine.ts';

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
