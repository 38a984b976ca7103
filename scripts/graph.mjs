// Draws the nightly machine as a mermaid flowchart into docs/state-machine.md, between its two markers.
// With --check: exits 1 when the drawing there is not the machine's.
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const page = new URL('docs/state-machine.md', root);
const machine = JSON.parse(readFileSync(new URL('state-machines/nightly.asl.json', root), 'utf8'));
const lines = ['```mermaid', 'flowchart TD'];
const ids = new Map();
const id = (name) => {
  if (!ids.has(name)) ids.set(name, `s${ids.size}`);
  return ids.get(name);
};

/** Shape by kind: a question, an end, a box. */
function node(name, { Type }) {
  if (Type === 'Choice') return `${id(name)}{"${name}"}`;
  if (Type === 'Succeed' || Type === 'Fail') return `${id(name)}(["${name}"])`;
  return `${id(name)}["${name}"]`;
}

function scope({ States }, indent) {
  for (const [name, state] of Object.entries(States)) {
    const inner = state.ItemProcessor ?? state.Branches?.[0];
    if (inner) {
      lines.push(`${indent}subgraph ${id(name)}["${name}${state.Type === 'Map' ? ' (for each)' : ''}"]`);
      scope(inner, `${indent}  `);
      lines.push(`${indent}end`);
    } else lines.push(indent + node(name, state));
  }
  for (const [name, state] of Object.entries(States)) {
    for (const target of new Set([state.Next, ...(state.Choices ?? []).map(({ Next }) => Next), state.Default])) {
      if (target) lines.push(`${indent}${id(name)} --> ${id(target)}`);
    }
    for (const target of new Set((state.Catch ?? []).map(({ Next }) => Next))) {
      if (target !== state.Next) lines.push(`${indent}${id(name)} -. caught .-> ${id(target)}`);
    }
  }
}

scope(machine, '  ');
lines.push('```');
const text = readFileSync(page, 'utf8');
const [begin, end] = ['<!-- nightly -->', '<!-- /nightly -->'];
const [before, rest] = text.split(begin);
const after = rest?.split(end)[1];
if (after === undefined) throw new Error(`docs/state-machine.md lacks ${begin} … ${end}`);
const drawn = `${before}${begin}\n${lines.join('\n')}\n${end}${after}`;
if (process.argv.includes('--check')) {
  if (drawn !== text) {
    console.error('docs/state-machine.md shows an older nightly machine; run: make graph');
    process.exit(1);
  }
} else writeFileSync(page, drawn);
