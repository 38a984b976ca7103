// Looks for a seed that shows each planted bug, and writes it to bugs.json and docs/testing.md:
// node test/simulation/bugs/find.mjs [--seeds 1,2,3] [NAME …]   (bugs whose names begin so; all without a name,
// the table only with --seeds 0)
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bugs, find, seenSeeds, tableOf } from './planted.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--seeds');
const given = at < 0 ? undefined : args.splice(at, 2)[1].split(',').map(Number);
const chosen = bugs().filter(({ name }) => args.length === 0 || args.some((one) => name.startsWith(one)));
const seen = seenSeeds();

const found = given?.[0] === 0 ? [] : await find(chosen, given && (() => given));
for (const { name, seed, problems } of found) {
  console.log(seed === undefined ? `${name}: not found` : `${name}: seed ${seed}: ${problems[0]}`);
  if (seed !== undefined) seen[name] = { seed, problem: problems[0].split('\n')[0].slice(0, 120) };
}
const order = bugs().filter(({ name }) => seen[name]);
const sorted = Object.fromEntries(order.map(({ name }) => [name, seen[name]]));
writeFileSync(fileURLToPath(new URL('bugs.json', import.meta.url)), `${JSON.stringify(sorted, null, 2)}\n`);
const page = fileURLToPath(new URL('../../../docs/testing.md', import.meta.url));
const table = tableOf(bugs(), sorted);
writeFileSync(
  page,
  readFileSync(page, 'utf8').replace(/\| patch \| the bug [\s\S]*?\n(?!\|)/, () => `${table}\n`),
);
