import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../../scripts/bundle.mjs';
import { bundleSubject } from '../bundle.mjs';
import { emptyCluster } from '../cluster.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const project = fileURLToPath(new URL('../../../', import.meta.url));
const cache = join(project, 'node_modules/.cache/simulation/');
const COPIED = ['src', 'functions', 'batch-images', 'state-machines', 'test/simulation/subject.ts', 'package.json'];
/** A bug counts as found when one of so many seeds shows it. */
const SEEDS = 300;

/** The planted bugs by name, with the line that says what each is. */
export function bugs() {
  const files = readdirSync(here).filter((file) => file.endsWith('.patch'));
  return files.sort().map((file) => {
    const text = readFileSync(join(here, file), 'utf8');
    return { name: file.replace('.patch', ''), file: join(here, file), what: text.split('\n', 1)[0] };
  });
}

/** By bug: a seed that was seen to show it, and what the oracle said. */
export function seenSeeds() {
  return JSON.parse(readFileSync(join(here, 'bugs.json'), 'utf8'));
}

/** The seed that was seen to show a bug, then the first 300. */
function usualSeeds(name) {
  const before = seenSeeds()[name];
  return [...(before ? [before.seed] : []), ...Array.from({ length: SEEDS }, (_, index) => index + 1)];
}

/**
 * Looks for a seed that shows each bug, in the order of `seedsOf(name)`. One that fails without the bug, too, is no sign
 * of it.
 * @returns `{ name, seed, problems }` of each; without a seed where none shows it
 */
export async function find(planted, seedsOf = usualSeeds) {
  const found = [];
  let left = planted.map((bug) => ({ bug, seeds: seedsOf(bug.name) }));
  while (left.length > 0) {
    const results = await hunt(left);
    const suspected = [...new Set(results.flatMap(({ seed }) => seed ?? []))];
    const sound = await hunt(suspected.map((seed) => ({ seeds: [seed] })));
    const failing = new Set(sound.flatMap(({ seed }) => seed ?? []));
    left = left.flatMap(({ bug, seeds }, place) => {
      const result = results[place];
      if (!failing.has(result.seed)) {
        found.push(result);
        return [];
      }
      const others = seeds.slice(seeds.indexOf(result.seed)).filter((seed) => !failing.has(seed));
      return [{ bug, seeds: others }];
    });
  }
  return found;
}

/**
 * Runs the seeds of each bug until one shows a problem.
 * @param hunts `{ bug, seeds }`; without a bug it is the code as it is
 * @returns `{ name, seed?, problems? }` of each
 */
async function hunt(hunts) {
  if (hunts.length === 0) return [];
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'bugs-'));
  const planted = new Map();
  let packages;
  try {
    const requests = [];
    for (const { bug, seeds } of hunts) {
      if (!planted.has(bug)) {
        const { bundles, ...places } = await bundlePlanted(bug, folder, packages);
        // No bug lies in a package: all have the same ones.
        packages = bundles.packages;
        planted.set(bug, places);
      }
      requests.push({ name: bug?.name, ...planted.get(bug), seeds });
    }
    const [program, list] = [join(folder, 'hunt.mjs'), join(folder, 'hunts.json')];
    await bundle(join(here, 'hunt.ts'), program);
    writeFileSync(list, JSON.stringify(requests));
    return await linesOf([program, list, await emptyCluster()]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function bundlePlanted(bug, folder, packages) {
  const root = plant(bug, folder);
  const subject = join(root, 'subject.json');
  const bundles = await bundleSubject(root, packages);
  writeFileSync(subject, JSON.stringify(bundles));
  return { bundles, subject, root };
}

/** A copy of the code with a bug in it. It lies where packages are found. */
function plant(bug, folder) {
  const root = mkdtempSync(join(folder, 'planted-'));
  for (const path of COPIED) cpSync(join(project, path), join(root, path), { recursive: true });
  if (!bug) return root;
  // The copy lies in a repository, of which git must not know: it would look for the files from the top.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: folder };
  const { status, stderr } = spawnSync('git', ['apply', bug.file], { cwd: root, env, encoding: 'utf8' });
  if (status === 0) return root;
  throw new Error(`${bug.name}.patch does not apply any more: write it again for the code of today.\n${stderr}`);
}

async function linesOf(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const results = [];
  for await (const line of createInterface({ input: child.stdout })) results.push(JSON.parse(line));
  const code = await ended;
  if (code !== 0) throw new Error(`the simulator ended with ${code}`);
  return results;
}

/** The table of docs/testing.md. */
export function tableOf(planted, seen) {
  const cell = (text) => text.replaceAll('|', '\\|');
  const rows = planted.map(({ name, what }) => {
    const { seed, problem } = seen[name] ?? { seed: '', problem: '' };
    return `| ${name.slice(0, 2)} | ${cell(what)} | ${seed} | ${cell(problem)} |`;
  });
  return ['| patch | the bug | seed | what the oracle says |', '|---|---|---|---|', ...rows].join('\n');
}
