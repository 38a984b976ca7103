import nightly from '../../../state-machines/nightly.asl.json' with { type: 'json' };
import type { Stage } from '../stages.ts';
import type { ReportedRun } from './history.ts';

interface AslState {
  Type: string;
  Comment?: string;
  Next?: string;
  Default?: string;
  Choices?: { Next: string }[];
  Catch?: { Next: string }[];
  ItemProcessor?: AslScope;
  Branches?: AslScope[];
}
interface AslScope {
  States: Record<string, AslState>;
}

/** `steers`: not measured, and the machine does not say whether it passed there. */
export type Went = 'done' | 'failed' | 'not reached' | 'steers';

/** A state of the machine with what the run says of it. */
export interface DrawnState {
  name: string;
  type: string;
  went: Went;
  /** `0.7 s`, `2 pages`, `1 retry`, the error. */
  facts: string[];
  /** States inside it. */
  inner: DrawnState[];
  /** Where it can go; `caught` for the way of an error. */
  ways: { to: string; caught: boolean }[];
}

/** What follows the verdict is not in night.json; these follow from its word. */
const ENDS: Record<string, readonly string[]> = {
  'Night Completed': ['Succeeded', 'Partial'],
  'Night Not Good': ['Held', 'Failed'],
  Notify: ['Held', 'Failed'],
};
const VERDICT = 'Close Night';

/** Pure: the nightly machine as this run went through it. Undefined when the run left no record of its states. */
export function drawnStates(run: ReportedRun, machine: unknown = nightly): DrawnState[] | undefined {
  if (!run.stages || run.stages.length === 0) return undefined;
  const top = machine as AslScope;
  return scope(top, run, { stages: run.stages, later: following(top, VERDICT) });
}

/** Names of the states that can only be entered after the verdict. */
function following({ States }: AslScope, from: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const waiting = [from];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    for (const to of targets(States[name])) {
      if (seen.has(to)) continue;
      seen.add(to);
      waiting.push(to);
    }
  }
  return seen;
}

function targets(state: AslState | undefined): string[] {
  if (!state) return [];
  const all = [
    state.Next,
    ...(state.Choices ?? []).map(({ Next }) => Next),
    state.Default,
    ...(state.Catch ?? []).map(({ Next }) => Next),
  ];
  return all.filter((name) => name !== undefined);
}

interface Known {
  stages: readonly Stage[];
  later: ReadonlySet<string>;
}

function scope({ States }: AslScope, run: ReportedRun, known: Known): DrawnState[] {
  return Object.entries(States).map(([name, state]) => {
    const mine = known.stages.filter((stage) => stage.state === name);
    const normal = [state.Next, ...(state.Choices ?? []).map((rule) => rule.Next), state.Default];
    const caught = new Set((state.Catch ?? []).map((catcher) => catcher.Next));
    return {
      name,
      type: state.Type,
      went: went(name, state.Type, mine, run, known.later),
      facts: facts(mine),
      inner: [state.ItemProcessor, ...(state.Branches ?? [])].flatMap((inside) =>
        inside ? scope(inside, run, known) : [],
      ),
      ways: [
        ...[...new Set(normal)].flatMap((to) => (to ? [{ to, caught: false }] : [])),
        ...[...caught].filter((to) => to !== state.Next).map((to) => ({ to, caught: true })),
      ],
    };
  });
}

function went(name: string, type: string, mine: readonly Stage[], run: ReportedRun, later: ReadonlySet<string>): Went {
  if (name === VERDICT || name === 'Render Report') return 'done';
  const words = ENDS[name];
  if (words) return words.includes(run.status) ? 'done' : 'not reached';
  if (later.has(name) || !['Task', 'Map', 'Parallel'].includes(type)) return 'steers';
  if (mine.length === 0) return 'not reached';
  return mine.some(({ error }) => error !== undefined) ? 'failed' : 'done';
}

function facts(mine: readonly Stage[]): string[] {
  const sum = (field: 'retries' | 'pages') => mine.reduce((total, stage) => total + (stage[field] ?? 0), 0);
  // Items of a Map run side by side: the longest says more than the sum.
  const seconds = mine.flatMap((stage) => stage.seconds ?? []);
  const [retries, pages] = [sum('retries'), sum('pages')];
  const errors = new Set(mine.flatMap(({ error }) => error ?? []));
  return [
    ...(seconds.length > 0 ? [`${Math.max(...seconds).toFixed(1)} s`] : []),
    ...(mine.length > 1 ? [`${mine.length} items`] : []),
    ...(pages > 0 ? [pages === 1 ? '1 page' : `${pages} pages`] : []),
    ...(retries > 0 ? [retries === 1 ? '1 retry' : `${retries} retries`] : []),
    ...errors,
  ];
}
