import nightly from '../../state-machines/nightly.asl.json';
import type { StageTiming } from '../records/run.ts';
import { counted, duration } from '../text.ts';
import { type Html, html, trusted } from './html.ts';
import type { ReportedRun } from './model.ts';
import { COLOUR, themed } from './plots.ts';

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
const CLOSING_STATE = 'Close Night';

/** Pure: the nightly machine as this run went through it. Undefined when the run left no record of its states. */
export function drawnStates(run: ReportedRun, machine: unknown = nightly): DrawnState[] | undefined {
  if (!run.stages || run.stages.length === 0) return undefined;
  const top = machine as AslScope;
  return scope(top, run, { stages: run.stages, later: following(top, CLOSING_STATE) });
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

interface KnownRun {
  stages: readonly StageTiming[];
  later: ReadonlySet<string>;
}

function scope({ States }: AslScope, run: ReportedRun, known: KnownRun): DrawnState[] {
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

function went(
  name: string,
  type: string,
  mine: readonly StageTiming[],
  run: ReportedRun,
  later: ReadonlySet<string>,
): Went {
  if (name === CLOSING_STATE || name === 'Render Report') return 'done';
  const words = ENDS[name];
  if (words) return words.includes(run.status) ? 'done' : 'not reached';
  if (later.has(name) || !['Task', 'Map', 'Parallel'].includes(type)) return 'steers';
  if (mine.length === 0) return 'not reached';
  return mine.some(({ error }) => error !== undefined) ? 'failed' : 'done';
}

function facts(mine: readonly StageTiming[]): string[] {
  const sum = (field: 'retries' | 'pages') => mine.reduce((total, stage) => total + (stage[field] ?? 0), 0);
  // Items of a Map run side by side: the longest says more than the sum.
  const seconds = mine.flatMap((stage) => stage.seconds ?? []);
  const [retries, pages] = [sum('retries'), sum('pages')];
  const errors = new Set(mine.flatMap(({ error }) => error ?? []));
  return [
    ...(seconds.length > 0 ? [duration(Math.max(...seconds))] : []),
    ...(mine.length > 1 ? [counted(mine.length, 'item')] : []),
    ...(pages > 0 ? [counted(pages, 'page')] : []),
    ...(retries > 0 ? [counted(retries, 'retry', 'retries')] : []),
    ...errors,
  ];
}

const FILL: Record<Went, string> = {
  done: COLOUR.success,
  failed: COLOUR.failed,
  'not reached': COLOUR.paper,
  steers: COLOUR.paper,
};

/** Draws the states with Graphviz; loaded at the first graph only. */
export async function stateGraph(states: readonly DrawnState[]): Promise<Html> {
  const { instance } = await import('@viz-js/viz');
  const svg = (await instance()).renderString(dot(states), { format: 'svg', engine: 'dot' });
  const [, width = '0', height = '0'] = /<svg width="(\d+)pt" height="(\d+)pt"/.exec(svg) ?? [];
  const inside = svg.slice(svg.indexOf('>', svg.indexOf('<svg')) + 1, svg.lastIndexOf('</svg>'));
  const box = /viewBox="([^"]*)"/.exec(svg)?.[1] ?? `0 0 ${width} ${height}`;
  const shown = themed(inside)
    .replace(/<!--[\s\S]*?-->\n?/g, '')
    .replace(/ (?:id|class|xml:space|font-family)="[^"]*"/g, '')
    .replace(/<title>[\s\S]*?<\/title>\n?/g, '');
  const failed = all(states).filter(({ went }) => went === 'failed');
  const label = `The night's states. ${failed.length === 0 ? 'None failed' : `Failed: ${failed.map(({ name }) => name).join(', ')}`}; the table below says the same in words.`;
  return html`<svg class="graph" viewBox="${box}" width="${width}" height="${height}" role="img" aria-label="${label}">${trusted(shown)}</svg>`;
}

function all(states: readonly DrawnState[]): DrawnState[] {
  return states.flatMap((state) => [state, ...all(state.inner)]);
}

/** Pure: the Graphviz text. */
export function dot(states: readonly DrawnState[]): string {
  const lines = [
    'digraph night {',
    `graph [rankdir=TB, compound=true, nodesep=0.25, ranksep=0.3, bgcolor=transparent, fontname=Helvetica, fontsize=13, fontcolor="${COLOUR.ink}"]`,
    `node [shape=box, style="rounded,filled", fontname=Helvetica, fontsize=13, margin="0.14,0.07", height=0.3, color="${COLOUR.muted}", fontcolor="${COLOUR.ink}"]`,
    `edge [color="${COLOUR.muted}", arrowsize=0.6]`,
    ...scopeLines(states),
    '}',
  ];
  return lines.join('\n');
}

function scopeLines(states: readonly DrawnState[]): string[] {
  const byName = new Map(states.map((state) => [state.name, state]));
  return [
    ...states.flatMap((state) => (state.inner.length > 0 ? cluster(state) : [node(state)])),
    ...states.flatMap((state) =>
      state.ways.flatMap(({ to, caught }) => {
        const target = byName.get(to);
        return target ? [edge(state, target, caught)] : [];
      }),
    ),
  ];
}

function cluster(state: DrawnState): string[] {
  const { name, went, facts, inner } = state;
  const colour = went === 'failed' ? COLOUR.failed : went === 'done' ? COLOUR.success : COLOUR.muted;
  const line = went === 'not reached' ? 'rounded,dashed' : 'rounded';
  return [
    `subgraph ${quoted(`cluster ${name}`)} {`,
    `label=${quoted([name, ...facts].join(' · '))}; labeljust=l; style="${line}"; penwidth=1.5; color="${colour}"`,
    ...scopeLines(inner),
    '}',
  ];
}

function node({ name, type, went, facts }: DrawnState): string {
  const label = facts.length > 0 ? `${name}\n${facts.join(' · ')}` : name;
  if (went === 'steers') {
    const shape = type === 'Choice' ? 'shape=diamond, margin="0,0", style=filled' : 'style="rounded,filled"';
    return `${quoted(name)} [label=${quoted(label)}, ${shape}, fontsize=11, fillcolor="${FILL.steers}", fontcolor="${COLOUR.muted}"]`;
  }
  if (went === 'not reached') {
    return `${quoted(name)} [label=${quoted(label)}, style="rounded,dashed,filled", fillcolor="${FILL[went]}", fontcolor="${COLOUR.muted}"]`;
  }
  return `${quoted(name)} [label=${quoted(label)}, fillcolor="${FILL[went]}", color="${FILL[went]}", fontcolor="${COLOUR.paper}"]`;
}

/** An edge that ends at a box with states inside is drawn to its border. */
function edge(from: DrawnState, to: DrawnState, caught: boolean): string {
  const options = [
    ...(from.inner.length > 0 ? [`ltail=${quoted(`cluster ${from.name}`)}`] : []),
    ...(to.inner.length > 0 ? [`lhead=${quoted(`cluster ${to.name}`)}`] : []),
    ...(caught ? ['style=dashed', 'constraint=false'] : []),
    ...(caught && from.went === 'failed' ? [`color="${COLOUR.failed}"`, 'penwidth=2'] : []),
  ];
  return `${quoted(last(from))} -> ${quoted(first(to))}${options.length > 0 ? ` [${options.join(', ')}]` : ''}`;
}

function first(state: DrawnState): string {
  return state.inner.length > 0 ? first(state.inner[0]!) : state.name;
}

function last(state: DrawnState): string {
  return state.inner.length > 0 ? last(state.inner.at(-1)!) : state.name;
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}
