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

/** Steering states are not measured, and the machine does not say whether it passed them. */
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

const ENDS: Record<string, readonly string[]> = {
  'Night Completed': ['Succeeded', 'Partial'],
  'Night Not Good': ['Held', 'Failed'],
  Notify: ['Held', 'Failed'],
  'How Did It End?': [],
};

/** Pure: the nightly machine as this run went through it. Undefined when the run left no record of its states. */
export function drawnStates(run: ReportedRun, machine: unknown = nightly): DrawnState[] | undefined {
  if (!run.stages || run.stages.length === 0) return undefined;
  return scope(machine as AslScope, run, run.stages);
}

function scope({ States }: AslScope, run: ReportedRun, stages: readonly Stage[]): DrawnState[] {
  return Object.entries(States).map(([name, state]) => {
    const mine = stages.filter((stage) => stage.state === name);
    const normal = [state.Next, ...(state.Choices ?? []).map((rule) => rule.Next), state.Default];
    const caught = new Set((state.Catch ?? []).map((catcher) => catcher.Next));
    return {
      name,
      type: state.Type,
      went: went(name, state.Type, mine, run),
      facts: facts(mine),
      inner: [state.ItemProcessor, ...(state.Branches ?? [])].flatMap((inside) =>
        inside ? scope(inside, run, stages) : [],
      ),
      ways: [
        ...[...new Set(normal)].flatMap((to) => (to ? [{ to, caught: false }] : [])),
        ...[...caught].filter((to) => to !== state.Next).map((to) => ({ to, caught: true })),
      ],
    };
  });
}

function went(name: string, type: string, mine: readonly Stage[], run: ReportedRun): Went {
  // The verdict is the last thing night.json knows; how it was told follows from the word.
  if (name === 'Close Night' || name === 'Render Report') return 'done';
  const words = ENDS[name];
  if (words && words.length > 0) return words.includes(run.status) ? 'done' : 'not reached';
  if (!['Task', 'Map', 'Parallel'].includes(type)) return 'steers';
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
