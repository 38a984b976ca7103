import { COLOUR, themed } from './charts.ts';
import { type Html, html, trusted } from './markup.ts';
import type { DrawnState, Went } from './states.ts';

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
