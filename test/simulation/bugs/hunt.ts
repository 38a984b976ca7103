import { readFileSync } from 'node:fs';
import { ENVIRONMENT } from '../cloud.ts';
import { openProgram } from '../process.ts';
import { drawScript } from '../script.ts';
import { simulate } from '../simulate.ts';
import { openWarehouse } from '../stores.ts';

/** What is looked for: the bundled code under test, the folder its state machines lie in, and the seeds to try. */
interface Hunt {
  /** Of the bug; absent for the code as it is. */
  name?: string;
  subject: string;
  root: string;
  seeds: number[];
}

// Prints one line of JSON a hunt: its first seed with a problem, and what the oracle says of it.
const [requests = '', cluster = ''] = process.argv.slice(2);
const warehouse = await openWarehouse(cluster);
let packages: Record<string, object> | undefined;
for (const { name, subject, root, seeds } of JSON.parse(readFileSync(requests, 'utf8')) as Hunt[]) {
  // Packages are evaluated once: every code under test has the same ones.
  const program = openProgram(JSON.parse(readFileSync(subject, 'utf8')), ENVIRONMENT, packages);
  packages = program.packages;
  let found: { seed: number; problems: string[] } | undefined;
  for (const seed of seeds) {
    const { problems } = await simulate(drawScript(seed), { program, root, warehouse });
    if (problems.length > 0) found = { seed, problems };
    if (found) break;
  }
  console.log(JSON.stringify({ name, ...found }));
}
process.exit(0);
