// Looks for a seed that shows each planted bug, and writes it to bugs.json and docs/testing.md:
// node test/simulation/bugs/find.mjs [--seeds 1,2,3] [NAME …]   (bugs whose names begin so; all without a name,
// the table only with --seeds 0)
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bugs, hunt, seenSeeds, tableOf } from './planted.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--seeds');
const given = at < 0 ? undefined : args.splice(at, 2)[1].split(',').map(Number);
const chosen = bugs().filter(({ name }) => args.length === 0 || args.some((one) => name.startsWith(one)));
const seen = seenSeeds();
const tries = (name) => {
  const before = seen[name] ? [seen[name].seed] : [];
  return given ?? [...before, ...Array.from({ length: 300 }, (_, index) => index + 1)];
};

let left = given?.[0] === 0 ? [] : chosen.map((bug) => ({ bug, seeds: tries(bug.name) }));
while (left.length > 0) {
  const results = await hunt(left);
  const suspected = [...new Set(results.flatMap(({ seed }) => seed ?? []))];
  // What the code as it is shows, too, is no sign of a bug.
  const clean = await hunt(suspected.map((seed) => ({ seeds: [seed] })));
  const bad = new Set(clean.flatMap(({ seed }) => seed ?? []));
  const again = [];
  for (const [place, { name, seed, problems }] of results.entries()) {
    const { bug, seeds } = left[place];
    if (seed === undefined) console.log(`${name}: not found`);
    else if (bad.has(seed))
      again.push({ bug, seeds: seeds.filter((one, index) => index > seeds.indexOf(seed) && !bad.has(one)) });
    else {
      console.log(`${name}: seed ${seed}: ${problems[0]}`);
      seen[name] = { seed, problem: problems[0].split('\n')[0].slice(0, 120) };
    }
  }
  left = again;
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
